// Tags of objects.
#include <array>

#include "model/s3/tagging.hpp"
#include "services/s3/members.hpp"

namespace services::s3 {
namespace {

// What is asked for is what will be set: tags that cannot be are told to every caller.
Result<RequiredAccesses<Located>> put_needs(const S3&, const RequestOrigin& asking, const m::PutObjectTagging::Input& in) {
    const auto tags = tags_of(in.tagging.tag_set);
    TRY(objects::check_tags(tags, objects::object_tags_max));
    const auto action = in.version_id ? m::Action::s3_PutObjectVersionTagging : m::Action::s3_PutObjectTagging;
    const std::string bucket = "arn:aws:s3:::" + in.bucket;
    auto keys = version_keys(in.version_id);
    const auto object = TRY(asking.find(bucket + "/" + in.key, action, {}, &keys));
    std::vector<std::string> names;
    for (const auto& [key, value] : tags) {
        keys.set("s3:RequestObjectTag/" + key, value);
        names.push_back(key);
    }
    if (!names.empty()) keys.set_list("s3:RequestObjectTagKeys", std::move(names));
    RequiredAccesses<Located> needs(*object.found.as<Located>());
    needs.add(action, object, keys);
    if (object.existence == gate::Existence::absent) {
        policy::Context listing;
        listing.set("s3:prefix", in.key);
        needs.add(m::Action::s3_ListBucket, TRY(asking.find(bucket, m::Action::s3_ListBucket)), listing);
    }
    return needs;
}

Result<m::PutObjectTagging::Output> put_tagging(S3& s3, const Permit&, const m::PutObjectTagging::Input& in, Located&& located) {
    const auto changed = TRY(s3.storage.set_tags(in.bucket, in.key, tags_of(in.tagging.tag_set), in.version_id));
    return m::PutObjectTagging::Output{.version_id = shown_version(*located.bucket, *changed)};
}

Result<m::GetObjectTagging::Output> get_tagging(S3&, const Permit&, const m::GetObjectTagging::Input& in, Located&& located) {
    const auto object = TRY(objects::readable(located.object, in.version_id));
    return m::GetObjectTagging::Output{.version_id = shown_version(*located.bucket, *object),
                                       .tag_set = shown_tags(object->tags)};
}

Result<m::DeleteObjectTagging::Output> delete_tagging(S3& s3, const Permit&, const m::DeleteObjectTagging::Input& in,
                                                      Located&& located) {
    const auto changed = TRY(s3.storage.set_tags(in.bucket, in.key, {}, in.version_id));
    return m::DeleteObjectTagging::Output{.version_id = shown_version(*located.bucket, *changed)};
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<S3>>({
    operation<m::GetObjectTagging, get_tagging>(),
    operation<m::PutObjectTagging, put_tagging, put_needs>(),
    operation<m::DeleteObjectTagging, delete_tagging>(),
});

}  // namespace

Rows tagging_operations() { return operations; }

}  // namespace services::s3
