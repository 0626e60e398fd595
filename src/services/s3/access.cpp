// Which actions on which resources, with which condition keys.
#include "base/strings.hpp"
#include "services/s3/service.hpp"

namespace services::s3 {
namespace {

gate::Access access_to(const objects::Bucket& bucket, std::string action, std::string resource) {
    gate::Access access;
    access.action = std::move(action);
    access.resource = std::move(resource);
    access.resource_account = bucket.account;
    access.context.set("s3:ResourceAccount", bucket.account);
    if (bucket.policy) access.resource_policy = policy::AttachedPolicy{bucket.policy, "bucket policy of " + bucket.name};
    access.restrict_public = bucket.restricts_public();
    access.resource_policy_is_public = bucket.policy_is_public;
    return access;
}

}  // namespace

gate::Access bucket_access(const objects::Bucket& bucket, std::string action) {
    return access_to(bucket, std::move(action), bucket.arn());
}

gate::Access object_access(const objects::Bucket& bucket, std::string_view key, std::string action) {
    return access_to(bucket, std::move(action), bucket.arn() + "/" + std::string(key));
}

Classify on_bucket(std::string action) {
    return [action = std::move(action)](const Service&, const Caller&, wire::Call&, Incoming& incoming) -> Accesses {
        return std::vector{bucket_access(*incoming.bucket, action)};
    };
}

Classify on_object(std::string action) {
    return [action = std::move(action)](const Service&, const Caller&, wire::Call&, Incoming& incoming) -> Accesses {
        return std::vector{object_access(*incoming.bucket, incoming.key(), action)};
    };
}

void add_write_keys(policy::Context& context, const http::Headers& headers) {
    for (const std::string_view name :
         {"x-amz-acl", "x-amz-grant-full-control", "x-amz-storage-class", "x-amz-website-redirect-location"}) {
        if (const auto* value = said(headers, name)) context.set("s3:" + std::string(name), *value);
    }
}

void add_condition_keys(policy::Context& context, const http::Headers& headers) {
    for (const std::string_view name : {"if-match", "if-none-match"}) {
        if (const auto* value = headers.find(name)) context.set("s3:" + std::string(name), *value);
    }
}

void add_creation_key(policy::Context& context, bool creates) {
    context.set("s3:ObjectCreationOperation", creates ? "true" : "false");
}

void add_existing_tags(policy::Context& context, const objects::Tags& tags) {
    for (const auto& [key, value] : tags) context.set("s3:ExistingObjectTag/" + key, value);
}

void add_request_tags(policy::Context& context, const objects::Tags& tags) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : tags) {
        context.set("s3:RequestObjectTag/" + key, value);
        keys.push_back(key);
    }
    if (!keys.empty()) context.set_list("s3:RequestObjectTagKeys", std::move(keys));
}

Accesses reading(const Service& service, Incoming& incoming, std::initializer_list<std::string_view> actions) {
    auto found = service.storage().find(incoming.bucket->name, incoming.key());
    if (!found && found.error().code != "NoSuchKey") return base::fail(std::move(found).error());
    if (found) incoming.object = std::move(*found);
    // After the look at the object: what was found there was written under the policy that decides.
    TRY(service.storage().check_unchanged(incoming.decided()));
    std::vector<gate::Access> accesses;
    for (const auto action : actions) {
        auto access = object_access(*incoming.bucket, incoming.key(), std::string(action));
        if (incoming.object) add_existing_tags(access.context, incoming.object->tags);
        if (names_version(incoming)) access.context.set("s3:versionid", incoming.parameter("versionId"));
        accesses.push_back(std::move(access));
    }
    if (!incoming.object) {
        auto access = bucket_access(*incoming.bucket, "s3:ListBucket");
        access.context.set("s3:prefix", incoming.key());
        accesses.push_back(std::move(access));
    }
    return accesses;
}

}  // namespace services::s3
