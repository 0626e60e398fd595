// What decisions know of buckets and objects.
#pragma once

#include "gate/describer.hpp"
#include "objects/storage.hpp"

namespace services::s3 {

// What a request names, as it was when the request was decided on. What handlers do not take from here, the storage compares with it
// (base::DecisionScope).
struct Located {
    objects::BucketPtr bucket;
    // Where the decision looked at it (its tags, its absence): the version that the request names, or the latest. A delete marker is one, which
    // objects::readable refuses.
    objects::ObjectPtr object;
};

[[nodiscard]] base::Error invalid_version(const std::string& version);
// The version that a request names (s3:versionid).
[[nodiscard]] std::optional<std::string> version_in(const policy::Context* said);

// Of the bucket: policy, Block Public Access, owner. The tags of an object that is there, for the actions that the reference
// lists s3:ExistingObjectTag for: those look at the object.
class Resources final : public gate::Resources {
public:
    explicit Resources(const objects::Storage& storage) : storage_(storage) {}
    [[nodiscard]] base::Result<gate::Description> describe(const gate::Subject& subject) const override;
    // A bucket that is not there is `NoSuchBucket`.
    [[nodiscard]] base::Result<gate::Description> find(const gate::Subject& subject) const override;
    // Buckets, or the objects of one bucket: `arn:aws:s3:::bucket/…`. A page ends early that looked at ten thousand keys.
    [[nodiscard]] base::Result<gate::ResourcePage> each_resource(const gate::ResourceQuery& query) const override;
    // Every write moves it: an object that comes, goes or has other tags is decided on otherwise.
    [[nodiscard]] uint64_t version() const override { return storage_.version(); }

private:
    [[nodiscard]] base::Result<gate::ResourcePage> objects_of(const objects::Bucket& bucket,
                                                              const gate::ResourceQuery& query) const;
    const objects::Storage& storage_;
};

}  // namespace services::s3
