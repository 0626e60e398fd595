// An operation that reads one object to write another: CopyObject, UploadPartCopy.
#pragma once

#include "services/s3/service.hpp"

namespace services::s3 {

struct Copying {
    Incoming source;  // the source as if it were asked for by GET
    bool replaces_metadata = false, replaces_tags = false;
    objects::Tags tags;  // the target's
};

// The accesses to the source; fills `copying.source`. Errors: a copy source that cannot be read, `NoSuchBucket`.
[[nodiscard]] Accesses classify_source(const Service& service, const wire::Call& call, Copying& copying);
// s3:x-amz-copy-source: `bucket/key`, decoded, as it will be read; however the client spelt it.
void add_source_keys(policy::Context& context, const Copying& copying);
// The bytes of what was decided on. Errors: `NoSuchKey`, `PreconditionFailed` (x-amz-copy-source-if-…), `DecisionOutdated`.
[[nodiscard]] base::Result<objects::OpenObject> open_source(const Service& service, const wire::Call& call,
                                                            const Copying& copying);

}  // namespace services::s3
