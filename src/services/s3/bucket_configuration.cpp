// What is configured on a bucket: policy, public access block, ownership controls, versioning, tags.
#include "base/strings.hpp"
#include "objects/public_policy.hpp"
#include "services/s3/service.hpp"

namespace services::s3 {
namespace {

base::Error malformed_xml() {
    return {"MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema"};
}

base::Result<text::XmlElement> read_xml(wire::Call& call, Incoming& incoming, std::string_view root) {
    const auto body = TRY(read_document(call, incoming, configuration_bytes_max));
    auto xml = text::parse_xml(body);
    if (!xml || xml->name != root) return base::fail(malformed_xml());
    return std::move(*xml);
}

// Changes what was decided on, or nothing.
base::Result<void> configure(const Service& service, const Incoming& incoming, const objects::Storage::Change& change) {
    return service.storage().configure(incoming.bucket->name, change, incoming.decided());
}

// --- Policy ---

base::Result<void> only_the_owner(const gate::Permit& permit, const objects::Bucket& bucket) {
    if (permit.account() == bucket.account) return {};
    return base::fail("MethodNotAllowed", "The specified method is not allowed against this resource.");
}

Answered get_policy(const Service& service, const gate::Permit& permit, wire::Call&, Incoming& incoming) {
    TRY(only_the_owner(permit, *incoming.bucket));
    if (incoming.bucket->configuration.policy.empty())
        return base::fail("NoSuchBucketPolicy", "The bucket policy does not exist");
    auto answer = empty_answer();
    answer.raw->headers.set("Content-Type", "application/json");
    answer.raw->body = shown_bucket_policy(incoming.bucket->configuration, service.parts.principal_id);
    return answer;
}

Answered put_policy(const Service& service, const gate::Permit& permit, wire::Call& call, Incoming& incoming) {
    TRY(only_the_owner(permit, *incoming.bucket));
    const auto document = TRY(read_document(call, incoming, configuration_bytes_max));
    const PrincipalIds principals = TRY(check_bucket_policy(document, *incoming.bucket, service.parts.principal_id));
    TRY(configure(service, incoming, [&](objects::BucketConfiguration& configuration) -> base::Result<void> {
        const auto& block = configuration.public_access_block;
        if (block && block->block_public_policy && objects::is_public_policy(document)) {
            return base::fail(
                "AccessDenied",
                "User: " + permit.caller().principal.arn + " is not authorized to perform: s3:PutBucketPolicy on resource: \"" +
                    incoming.bucket->arn() +
                    "\" because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.");
        }
        configuration.policy = document;
        configuration.policy_principals = principals;
        return {};
    }));
    return empty_answer(204);
}

Answered delete_policy(const Service& service, const gate::Permit& permit, wire::Call&, Incoming& incoming) {
    TRY(only_the_owner(permit, *incoming.bucket));
    TRY(configure(service, incoming, [](objects::BucketConfiguration& configuration) -> base::Result<void> {
        configuration.policy.clear();
        configuration.policy_principals.clear();
        return {};
    }));
    return empty_answer(204);
}

Answered get_policy_status(const Service&, const gate::Permit&, wire::Call&, Incoming& incoming) {
    if (incoming.bucket->configuration.policy.empty())
        return base::fail("NoSuchBucketPolicy", "The bucket policy does not exist");
    text::XmlWriter xml;
    xml.open("PolicyStatus", xml_namespace);
    xml.element("IsPublic", incoming.bucket->policy_is_public ? "true" : "false");
    xml.close();
    return xml_answer(xml);
}

// --- Public access block ---

Answered get_public_access_block(const Service&, const gate::Permit&, wire::Call&, Incoming& incoming) {
    const auto& block = incoming.bucket->configuration.public_access_block;
    if (!block) return base::fail("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found");
    text::XmlWriter xml;
    xml.open("PublicAccessBlockConfiguration", xml_namespace);
    xml.element("BlockPublicAcls", block->block_public_acls ? "true" : "false");
    xml.element("IgnorePublicAcls", block->ignore_public_acls ? "true" : "false");
    xml.element("BlockPublicPolicy", block->block_public_policy ? "true" : "false");
    xml.element("RestrictPublicBuckets", block->restrict_public_buckets ? "true" : "false");
    xml.close();
    return xml_answer(xml);
}

Answered put_public_access_block(const Service& service, const gate::Permit&, wire::Call& call, Incoming& incoming) {
    const auto xml = TRY(read_xml(call, incoming, "PublicAccessBlockConfiguration"));
    objects::PublicAccessBlock block;
    for (const auto& setting : xml.children) {
        const auto value = base::lower(base::trim(setting.content));
        if (value != "true" && value != "false") return base::fail(malformed_xml());
        bool* flag = setting.name == "BlockPublicAcls"         ? &block.block_public_acls
                     : setting.name == "IgnorePublicAcls"      ? &block.ignore_public_acls
                     : setting.name == "BlockPublicPolicy"     ? &block.block_public_policy
                     : setting.name == "RestrictPublicBuckets" ? &block.restrict_public_buckets
                                                               : nullptr;
        if (flag == nullptr) return base::fail(malformed_xml());
        *flag = value == "true";
    }
    TRY(configure(service, incoming, [&](objects::BucketConfiguration& configuration) -> base::Result<void> {
        configuration.public_access_block = block;
        return {};
    }));
    return empty_answer();
}

Answered delete_public_access_block(const Service& service, const gate::Permit&, wire::Call&, Incoming& incoming) {
    TRY(configure(service, incoming, [](objects::BucketConfiguration& configuration) -> base::Result<void> {
        configuration.public_access_block.reset();
        return {};
    }));
    return empty_answer(204);
}

// --- Ownership controls ---

Answered get_ownership(const Service&, const gate::Permit&, wire::Call&, Incoming& incoming) {
    const auto& ownership = incoming.bucket->configuration.object_ownership;
    if (ownership.empty()) return base::fail("OwnershipControlsNotFoundError", "The bucket ownership controls were not found");
    text::XmlWriter xml;
    xml.open("OwnershipControls", xml_namespace);
    xml.open("Rule");
    xml.element("ObjectOwnership", ownership);
    xml.close();
    xml.close();
    return xml_answer(xml);
}

Answered put_ownership(const Service& service, const gate::Permit&, wire::Call& call, Incoming& incoming) {
    const auto xml = TRY(read_xml(call, incoming, "OwnershipControls"));
    const auto* rule = xml.child("Rule");
    if (rule == nullptr || xml.children.size() != 1) return base::fail(malformed_xml());
    const auto ownership = rule->child_text("ObjectOwnership");
    // The other two settings turn on ACLs, which do not exist here.
    if (ownership == "BucketOwnerPreferred" || ownership == "ObjectWriter") {
        return base::fail("NotImplemented", "ACLs are not implemented: ObjectOwnership " + ownership);
    }
    if (ownership != "BucketOwnerEnforced") return base::fail(malformed_xml());
    TRY(configure(service, incoming, [&](objects::BucketConfiguration& configuration) -> base::Result<void> {
        configuration.object_ownership = ownership;
        return {};
    }));
    return empty_answer();
}

Answered delete_ownership(const Service& service, const gate::Permit&, wire::Call&, Incoming& incoming) {
    TRY(configure(service, incoming, [](objects::BucketConfiguration& configuration) -> base::Result<void> {
        configuration.object_ownership.clear();
        return {};
    }));
    return empty_answer(204);
}

// --- Versioning ---

Answered get_versioning(const Service&, const gate::Permit&, wire::Call&, Incoming& incoming) {
    text::XmlWriter xml;
    xml.open("VersioningConfiguration", xml_namespace);
    if (!incoming.bucket->configuration.versioning.empty()) xml.element("Status", incoming.bucket->configuration.versioning);
    xml.close();
    return xml_answer(xml);
}

Answered put_versioning(const Service& service, const gate::Permit&, wire::Call& call, Incoming& incoming) {
    const auto xml = TRY(read_xml(call, incoming, "VersioningConfiguration"));
    const auto status = xml.child_text("Status");
    if (xml.child("MfaDelete") != nullptr && xml.child_text("MfaDelete") != "Disabled") {
        return base::fail("NotImplemented", "MFA delete is not implemented");
    }
    if (status == "Enabled")
        return base::fail("NotImplemented", "Object versions are not implemented: versioning cannot be enabled");
    if (status != "Suspended")
        return base::fail("IllegalVersioningConfigurationException", "The Versioning element must be specified");
    TRY(configure(service, incoming, [&](objects::BucketConfiguration& configuration) -> base::Result<void> {
        configuration.versioning = status;
        return {};
    }));
    return empty_answer();
}

// --- Tags of the bucket ---

Answered get_bucket_tagging(const Service&, const gate::Permit&, wire::Call&, Incoming& incoming) {
    const auto& tags = incoming.bucket->configuration.tags;
    if (tags.empty()) return base::fail("NoSuchTagSet", "The TagSet does not exist");
    text::XmlWriter xml;
    xml.open("Tagging", xml_namespace);
    xml.open("TagSet");
    for (const auto& [key, value] : tags) {
        xml.open("Tag");
        xml.element("Key", key);
        xml.element("Value", value);
        xml.close();
    }
    xml.close();
    xml.close();
    return xml_answer(xml);
}

Answered put_bucket_tagging(const Service& service, const gate::Permit&, wire::Call& call, Incoming& incoming) {
    const auto xml = TRY(read_xml(call, incoming, "Tagging"));
    const auto* set = xml.child("TagSet");
    if (set == nullptr) return base::fail(malformed_xml());
    objects::Tags tags;
    for (const auto& tag : set->children) tags.emplace_back(tag.child_text("Key"), tag.child_text("Value"));
    TRY(objects::check_tags(tags, objects::bucket_tags_max));
    TRY(configure(service, incoming, [&](objects::BucketConfiguration& configuration) -> base::Result<void> {
        configuration.tags = tags;
        return {};
    }));
    return empty_answer(204);
}

Answered delete_bucket_tagging(const Service& service, const gate::Permit&, wire::Call&, Incoming& incoming) {
    TRY(configure(service, incoming, [](objects::BucketConfiguration& configuration) -> base::Result<void> {
        configuration.tags.clear();
        return {};
    }));
    return empty_answer(204);
}

}  // namespace

Definitions bucket_configuration_operations() {
    return {
        {"GetBucketPolicy", on_bucket("s3:GetBucketPolicy"), get_policy},
        {"PutBucketPolicy", on_bucket("s3:PutBucketPolicy"), put_policy},
        {"DeleteBucketPolicy", on_bucket("s3:DeleteBucketPolicy"), delete_policy},
        {"GetBucketPolicyStatus", on_bucket("s3:GetBucketPolicyStatus"), get_policy_status},
        {"GetPublicAccessBlock", on_bucket("s3:GetBucketPublicAccessBlock"), get_public_access_block},
        {"PutPublicAccessBlock", on_bucket("s3:PutBucketPublicAccessBlock"), put_public_access_block},
        {"DeletePublicAccessBlock", on_bucket("s3:PutBucketPublicAccessBlock"), delete_public_access_block},
        {"GetBucketOwnershipControls", on_bucket("s3:GetBucketOwnershipControls"), get_ownership},
        {"PutBucketOwnershipControls", on_bucket("s3:PutBucketOwnershipControls"), put_ownership},
        {"DeleteBucketOwnershipControls", on_bucket("s3:PutBucketOwnershipControls"), delete_ownership},
        {"GetBucketVersioning", on_bucket("s3:GetBucketVersioning"), get_versioning},
        {"PutBucketVersioning", on_bucket("s3:PutBucketVersioning"), put_versioning},
        {"GetBucketTagging", on_bucket("s3:GetBucketTagging"), get_bucket_tagging},
        {"PutBucketTagging", on_bucket("s3:PutBucketTagging"), put_bucket_tagging},
        {"DeleteBucketTagging", on_bucket("s3:PutBucketTagging"), delete_bucket_tagging},
    };
}

}  // namespace services::s3
