// What a channel holds: the objects its DataSource names, in the order in which a host gets them.
//
// Sources: SageMaker API Reference, S3DataSource (S3DataType, S3DataDistributionType), ShuffleConfig; SageMaker Developer Guide,
// "Augmented Manifest File Format for Pipe Mode Training".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "training/job_data.hpp"
#include "training/plan.hpp"
#include "training/session.hpp"

namespace training {

struct ChannelObject {
    S3Uri where;
    uint64_t size = 0;
    std::string etag;  // empty: not known
    std::string name;  // below the channel's folder: a path without `..`, empty parts or a leading slash
};

// What a pipe sends as one: an object, or one line of an augmented manifest with its attributes in order.
struct SamplePart {
    bool is_object = false;
    ChannelObject object;
    std::string text;  // an attribute's value that is not a reference, as JSON
};
using Sample = std::vector<SamplePart>;

// The role's credentials for the next call; error `ClientError` with the FailureReason's text.
[[nodiscard]] base::Result<identity::Credentials> credentials_of(RoleSession& session);

// What is listed for the channel: its S3Uri. Of FastFile a folder, whole: `data` means `data/`.
[[nodiscard]] S3Uri listed_prefix(const Channel& channel);

// What a job was created with is another thing by now: a FailureReason that says what, and what to do.
[[nodiscard]] std::unexpected<base::Error> source_changed(const std::string& what);

// SHA-256 over keys, sizes and ETags: the same objects with the same contents in the same order. Pure.
[[nodiscard]] std::string digest_of(const std::vector<ChannelObject>& objects);

// The objects of an S3Prefix or ManifestFile channel in order of listing. Of a pinned channel (Channel::pin) only if they are the
// ones that the job was created with. Sizes and ETags of a manifest's objects are asked for
// only with `measured`: a request each. Errors `ClientError`.
[[nodiscard]] base::Result<std::vector<ChannelObject>> objects_of(JobData& data, RoleSession& session, const Channel& channel,
                                                                  bool measured);

// The samples of a channel of any type, with sizes. Errors `ClientError`.
[[nodiscard]] base::Result<std::vector<Sample>> samples_of(JobData& data, RoleSession& session, const Channel& channel);

// Which of `count` objects a host gets: all, or with ShardedByS3Key every n-th. Pure.
[[nodiscard]] std::vector<size_t> share_of(const Channel& channel, size_t count, size_t host, size_t hosts);

// Which of `count` samples of a pipe a host gets in an epoch, in order: its share, with a ShuffleConfig of all of them shuffled
// by the seed and the epoch: the same on every machine, another one every epoch. Pure.
[[nodiscard]] std::vector<size_t> order_of(const Channel& channel, size_t count, size_t epoch, size_t host, size_t hosts);

// What S3 said, as a FailureReason shows it: (Code: message).
[[nodiscard]] std::string reason(const base::Error& error);

}  // namespace training
