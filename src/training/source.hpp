// The code that a job was created with, so that every attempt runs that code and no other.
//
// A source archive lies in a bucket, which more principals may write to than may pass the job's role: replacing it must not
// run other code with the role. The job keeps what it was when the job was created (ETag and size, and the SHA-256 once it has been
// read, or from the beginning if its creator says it: Environment TRAINWARDEN_SOURCE_SHA256); each attempt compares. The
// same holds for channels that carry code (the SageMaker Python SDK's version 3 brings its scripts as channels) and for manifests,
// which say what a channel is: these are kept as a digest of their objects' keys, sizes and ETags.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "training/channel.hpp"
#include "training/job.hpp"
#include "training/job_data.hpp"
#include "training/plan.hpp"
#include "training/session.hpp"

namespace training {

constexpr std::string_view source_digest_variable = "TRAINWARDEN_SOURCE_SHA256";

// Does the channel hold code, or say what is read? Then later attempts must find what the first one found. Pure.
[[nodiscard]] bool is_pinned(const Channel& channel, const Plan& plan);

// Of what is there now. Errors `ClientError`: S3's words.
[[nodiscard]] base::Result<PinnedSource> pin_source(JobData& data, RoleSession& session, const Plan& plan);
[[nodiscard]] base::Result<std::string> digest_of(JobData& data, RoleSession& session, const Channel& channel);

}  // namespace training
