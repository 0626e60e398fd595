// Amazon S3 Control, as far as it is about general purpose buckets: their tags. Terraform's provider for AWS asks this API, not S3's
// own ?tagging.
//
// Source: Amazon S3 API Reference, "Amazon S3 Control": ListTagsForResource, TagResource, UntagResource.
#include <algorithm>
#include <array>

#include "base/error_codes.hpp"
#include "model/s3control/operations.hpp"
#include "model/s3control/service.hpp"
#include "services/s3/service.hpp"

namespace services::s3 {

namespace control = model::s3control;

namespace {

Result<control::ListTagsForResource::Output> list_tags(S3&, const Permit&, const control::ListTagsForResource::Input&,
                                                       Located&& located) {
    std::vector<control::Tag> tags;
    for (const auto& [key, value] : located.bucket->configuration.tags) tags.push_back({.key = key, .value = value});
    return control::ListTagsForResource::Output{.tags = std::move(tags)};
}

objects::Tags wanted_tags(const control::TagResource::Input& in) {
    objects::Tags tags;
    for (const auto& tag : in.tags) tags.emplace_back(tag.key.value_or(""), tag.value.value_or(""));
    return tags;
}

// What is asked for is what will be set: tags that cannot be are told to every caller.
Result<RequiredAccesses<Located>> tag_needs(const S3&, const RequestOrigin& asking, const control::TagResource::Input& in) {
    const auto tags = wanted_tags(in);
    TRY(objects::check_tags(tags, objects::bucket_tags_max));
    policy::Context keys;
    std::vector<std::string> names;
    for (const auto& [key, value] : tags) {
        keys.set("aws:RequestTag/" + key, value);
        names.push_back(key);
    }
    keys.set_list("aws:TagKeys", std::move(names));
    const auto bucket = TRY(asking.find(in.resource_arn, control::Action::s3_TagResource));
    // The path of a request names a bucket; what is only asked about need not.
    const auto* const located = bucket.found.as<Located>();
    if (located == nullptr)
        return base::fail(base::code::InvalidRequest, "The resource " + in.resource_arn + " is not a bucket.");
    RequiredAccesses<Located> needs(*located);
    needs.add(control::Action::s3_TagResource, bucket, keys);
    return needs;
}

Result<void> add_tags(objects::BucketConfiguration& configuration, const objects::Tags& wanted) {
    auto tags = configuration.tags;
    for (const auto& [key, value] : wanted) {
        const auto same = std::ranges::find(tags, key, &objects::Tags::value_type::first);
        same == tags.end() ? (void)tags.emplace_back(key, value) : (void)(same->second = value);
    }
    TRY(objects::check_tags(tags, objects::bucket_tags_max));
    configuration.tags = std::move(tags);
    return {};
}

Result<control::TagResource::Output> tag(S3& s3, const Permit&, const control::TagResource::Input& in, Located&& located) {
    TRY(s3.storage.configure(located.bucket->name, [&](objects::BucketConfiguration& configuration) {
        return add_tags(configuration, wanted_tags(in));
    }));
    return control::TagResource::Output{};
}

Result<control::UntagResource::Output> untag(S3& s3, const Permit&, const control::UntagResource::Input& in, Located&& located) {
    TRY(s3.storage.configure(located.bucket->name, [&](objects::BucketConfiguration& configuration) -> Result<void> {
        std::erase_if(configuration.tags,
                      [&](const auto& tag) { return std::ranges::find(in.tag_keys, tag.first) != in.tag_keys.end(); });
        return {};
    }));
    return control::UntagResource::Output{};
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<S3>>({
    operation<control::ListTagsForResource, list_tags>(),
    operation<control::TagResource, tag, tag_needs>(),
    operation<control::UntagResource, untag>(),
});

}  // namespace

Rows control_operations() { return operations; }

}  // namespace services::s3
