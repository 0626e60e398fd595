// Amazon S3 Control, as far as it is about general purpose buckets: their tags (Terraform's provider for AWS asks this API, not S3's
// own ?tagging), and what accounts block in all of their buckets.
//
// Source: Amazon S3 API Reference, "Amazon S3 Control": ListTagsForResource, TagResource, UntagResource, GetPublicAccessBlock, PutPublicAccessBlock,
// DeletePublicAccessBlock.
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

// --- What an account blocks ---

// Of the account that the request names: another's has no policy that could let the caller in.
template <const model::ActionName& action, class Input>
Result<RequiredAccesses<>> account_needs(const S3&, const RequestOrigin&, const Input& in) {
    gate::Description account{.arn = "*", .existence = gate::Existence::there, .owner = in.account_id};
    account.keys.set("s3:ResourceAccount", in.account_id);
    RequiredAccesses<> needs;
    needs.add(action, account);
    return needs;
}

Result<control::GetAccountPublicAccessBlock::Output> get_account_block(S3& s3, const Permit&,
                                                                       const control::GetAccountPublicAccessBlock::Input& in) {
    const auto block = s3.storage.account_block(in.account_id);
    if (!block)
        return base::fail(base::code::NoSuchPublicAccessBlockConfiguration,
                          "The public access block configuration was not found");
    return control::GetAccountPublicAccessBlock::Output{
        .public_access_block_configuration =
            control::PublicAccessBlockConfiguration{.block_public_acls = block->block_public_acls,
                                                    .ignore_public_acls = block->ignore_public_acls,
                                                    .block_public_policy = block->block_public_policy,
                                                    .restrict_public_buckets = block->restrict_public_buckets}};
}

Result<control::PutAccountPublicAccessBlock::Output> put_account_block(S3& s3, const Permit&,
                                                                       const control::PutAccountPublicAccessBlock::Input& in) {
    const auto& asked = in.public_access_block_configuration;
    TRY(s3.storage.set_account_block(
        in.account_id, objects::PublicAccessBlock{.block_public_acls = asked.block_public_acls.value_or(false),
                                                  .ignore_public_acls = asked.ignore_public_acls.value_or(false),
                                                  .block_public_policy = asked.block_public_policy.value_or(false),
                                                  .restrict_public_buckets = asked.restrict_public_buckets.value_or(false)}));
    return control::PutAccountPublicAccessBlock::Output{};
}

Result<control::DeleteAccountPublicAccessBlock::Output> delete_account_block(
    S3& s3, const Permit&, const control::DeleteAccountPublicAccessBlock::Input& in) {
    TRY(s3.storage.set_account_block(in.account_id, std::nullopt));
    return control::DeleteAccountPublicAccessBlock::Output{};
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<S3>>({
    operation<control::GetAccountPublicAccessBlock, get_account_block,
              account_needs<control::Action::s3_GetAccountPublicAccessBlock, control::GetAccountPublicAccessBlock::Input>>(),
    operation<control::PutAccountPublicAccessBlock, put_account_block,
              account_needs<control::Action::s3_PutAccountPublicAccessBlock, control::PutAccountPublicAccessBlock::Input>>(),
    operation<control::DeleteAccountPublicAccessBlock, delete_account_block,
              account_needs<control::Action::s3_PutAccountPublicAccessBlock, control::DeleteAccountPublicAccessBlock::Input>>(),
    operation<control::ListTagsForResource, list_tags>(),
    operation<control::TagResource, tag, tag_needs>(),
    operation<control::UntagResource, untag>(),
});

}  // namespace

Rows control_operations() { return operations; }

}  // namespace services::s3
