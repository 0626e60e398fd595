// Amazon S3 Control, as far as it is about general purpose buckets: their tags. Terraform's provider for AWS asks this API, not S3's
// own ?tagging.
//
// Source: Amazon S3 API Reference, "Amazon S3 Control": ListTagsForResource, TagResource, UntagResource.
#include <algorithm>

#include "services/s3/service.hpp"

namespace services::s3 {
namespace {

// The header names whose bucket the client means.
base::Result<void> check_account(const wire::Call& call, const Incoming& incoming) {
    const auto* account = call.http->head.headers.find("x-amz-account-id");
    if (account == nullptr) return base::fail("InvalidRequest", "Missing required header for this request: x-amz-account-id");
    if (*account != incoming.bucket->account) return base::fail("AccessDenied", "Access Denied");
    return {};
}

Accesses classify_list(const Service&, const Caller&, wire::Call& call, Incoming& incoming) {
    TRY(check_account(call, incoming));
    return std::vector{bucket_access(*incoming.bucket, "s3:ListTagsForResource")};
}

Answered list_tags(const Service&, const gate::Permit&, wire::Call&, Incoming& incoming) {
    text::XmlWriter xml;
    xml.open("ListTagsForResourceResult", wire::s3_control_namespace);
    xml.open("Tags");
    for (const auto& [key, value] : incoming.bucket->configuration.tags) {
        xml.open("Tag");
        xml.element("Key", key);
        xml.element("Value", value);
        xml.close();
    }
    xml.close();
    xml.close();
    return xml_answer(xml);
}

Accesses classify_tag(const Service&, const Caller&, wire::Call& call, Incoming& incoming) {
    TRY(check_account(call, incoming));
    const auto body = TRY(read_document(call, incoming, configuration_bytes_max));
    const auto xml = text::parse_xml(body);
    const auto* list = xml && xml->name == "TagResourceRequest" ? xml->child("Tags") : nullptr;
    if (list == nullptr)
        return base::fail("MalformedXML",
                          "The XML you provided was not well-formed or did not validate against our published schema");
    objects::Tags tags;
    for (const auto& tag : list->children) tags.emplace_back(tag.child_text("Key"), tag.child_text("Value"));
    TRY(objects::check_tags(tags, objects::bucket_tags_max));
    auto access = bucket_access(*incoming.bucket, "s3:TagResource");
    std::vector<std::string> keys;
    for (const auto& [key, value] : tags) {
        access.context.set("aws:RequestTag/" + key, value);
        keys.push_back(key);
    }
    access.context.set_list("aws:TagKeys", std::move(keys));
    incoming.detail = std::move(tags);
    return std::vector{std::move(access)};
}

Answered tag(const Service& service, const gate::Permit&, wire::Call&, Incoming& incoming) {
    const auto& wanted = std::any_cast<const objects::Tags&>(incoming.detail);
    TRY(service.storage().configure(
        incoming.bucket->name,
        [&](objects::BucketConfiguration& configuration) -> base::Result<void> {
            auto tags = configuration.tags;
            for (const auto& [key, value] : wanted) {
                const auto same = std::ranges::find(tags, key, &objects::Tags::value_type::first);
                same == tags.end() ? (void)tags.emplace_back(key, value) : (void)(same->second = value);
            }
            TRY(objects::check_tags(tags, objects::bucket_tags_max));
            configuration.tags = std::move(tags);
            return {};
        },
        incoming.decided()));
    return empty_answer(204);
}

Accesses classify_untag(const Service&, const Caller&, wire::Call& call, Incoming& incoming) {
    TRY(check_account(call, incoming));
    std::vector<std::string> keys;
    for (const auto& [name, value] : incoming.uri.query) {
        if (name == "tagKeys") keys.push_back(value);
    }
    if (keys.empty() || keys.size() > objects::bucket_tags_max)
        return base::fail("InvalidRequest", "Between 1 and 50 tagKeys must be given");
    auto access = bucket_access(*incoming.bucket, "s3:UntagResource");
    access.context.set_list("aws:TagKeys", keys);
    incoming.detail = std::move(keys);
    return std::vector{std::move(access)};
}

Answered untag(const Service& service, const gate::Permit&, wire::Call&, Incoming& incoming) {
    const auto& keys = std::any_cast<const std::vector<std::string>&>(incoming.detail);
    TRY(service.storage().configure(
        incoming.bucket->name,
        [&](objects::BucketConfiguration& configuration) -> base::Result<void> {
            std::erase_if(configuration.tags, [&](const auto& tag) { return std::ranges::find(keys, tag.first) != keys.end(); });
            return {};
        },
        incoming.decided()));
    return empty_answer(204);
}

}  // namespace

Definitions control_operations() {
    return {
        {"ListTagsForResource", classify_list, list_tags},
        {"TagResource", classify_tag, tag},
        {"UntagResource", classify_untag, untag},
    };
}

}  // namespace services::s3
