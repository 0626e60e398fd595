// Tags of objects.
#include <array>

#include "model/s3/tagging.hpp"
#include "services/s3/members.hpp"

namespace services::s3 {
namespace {

// What is asked for is what will be set: tags that cannot be are told to every caller.
Result<RequiredAccesses<>> put_needs(const S3&, const RequestOrigin& asking, const m::PutObjectTagging::Input& in) {
    const auto tags = tags_of(in.tagging.tag_set);
    TRY(objects::check_tags(tags, objects::object_tags_max));
    const auto action = in.version_id ? m::Action::s3_PutObjectVersionTagging : m::Action::s3_PutObjectTagging;
    const std::string bucket = "arn:aws:s3:::" + in.bucket;
    const auto object = TRY(asking.find(bucket + "/" + in.key, action));
    policy::Context keys;
    std::vector<std::string> names;
    for (const auto& [key, value] : tags) {
        keys.set("s3:RequestObjectTag/" + key, value);
        names.push_back(key);
    }
    if (!names.empty()) keys.set_list("s3:RequestObjectTagKeys", std::move(names));
    if (in.version_id) keys.set("s3:versionid", *in.version_id);
    RequiredAccesses<> needs;
    needs.add(action, object, keys);
    if (!object.found.as<Located>()->object) {
        policy::Context listing;
        listing.set("s3:prefix", in.key);
        needs.add(m::Action::s3_ListBucket, TRY(asking.find(bucket, m::Action::s3_ListBucket)), listing);
    }
    return needs;
}

Result<m::PutObjectTagging::Output> put_tagging(S3& s3, const Permit&, const m::PutObjectTagging::Input& in) {
    TRY(s3.storage.set_tags(in.bucket, in.key, tags_of(in.tagging.tag_set)));
    return m::PutObjectTagging::Output{};
}

Result<m::GetObjectTagging::Output> get_tagging(S3&, const Permit&, const m::GetObjectTagging::Input&, Located&& located) {
    if (!located.object) return base::fail(no_such_key());
    return m::GetObjectTagging::Output{.tag_set = shown_tags(located.object->tags)};
}

Result<m::DeleteObjectTagging::Output> delete_tagging(S3& s3, const Permit&, const m::DeleteObjectTagging::Input& in) {
    TRY(s3.storage.set_tags(in.bucket, in.key, {}));
    return m::DeleteObjectTagging::Output{};
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<S3>>({
    operation<m::GetObjectTagging, get_tagging>(),
    operation<m::PutObjectTagging, put_tagging, put_needs>(),
    operation<m::DeleteObjectTagging, delete_tagging>(),
});

}  // namespace

Rows tagging_operations() { return operations; }

}  // namespace services::s3
