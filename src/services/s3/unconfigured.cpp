// Features that no bucket here can have, read: answered as AWS answers for a bucket on which nobody configured them. Tools that
// manage buckets (the Terraform and Pulumi providers, the SDKs) ask for all of them. Configuring them is NotImplemented.
//
// ACLs are the same kind of thing: disabled for new buckets (BucketOwnerEnforced), they read as "the owner has full control" and
// refuse to be set to anything else.
#include "services/s3/service.hpp"

namespace services::s3 {
namespace {

Handle absent(std::string code, std::string message) {
    return [code = std::move(code), message = std::move(message)](const Service&, const gate::Permit&, wire::Call&,
                                                                  Incoming&) -> Answered { return base::fail(code, message); };
}

Handle empty(std::string root) {
    return [root = std::move(root)](const Service&, const gate::Permit&, wire::Call&, Incoming&) -> Answered {
        text::XmlWriter xml;
        xml.open(root, xml_namespace);
        xml.close();
        return xml_answer(xml);
    };
}

Answered request_payment(const Service&, const gate::Permit&, wire::Call&, Incoming&) {
    text::XmlWriter xml;
    xml.open("RequestPaymentConfiguration", xml_namespace);
    xml.element("Payer", "BucketOwner");
    xml.close();
    return xml_answer(xml);
}

Answered acl(const Service&, const gate::Permit&, wire::Call&, Incoming& incoming) {
    if (incoming.uri.operation == "GetObjectAcl" && !incoming.object)
        return base::fail("NoSuchKey", "The specified key does not exist.");
    const auto id = canonical_id(incoming.bucket->account);
    auto answer = empty_answer();
    answer.raw->headers.set("Content-Type", "application/xml");
    answer.raw->body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<AccessControlPolicy xmlns=\"" + std::string(xml_namespace) +
                       "\"><Owner><ID>" + id +
                       "</ID></Owner><AccessControlList><Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
                       "xsi:type=\"CanonicalUser\"><ID>" +
                       id +
                       "</ID></Grantee><Permission>FULL_CONTROL</Permission></Grant></AccessControlList>"
                       "</AccessControlPolicy>";
    return answer;
}

// The list that `acl` shows, as s3cmd sends it back with every copy: one grant, of everything, to the owner.
bool is_owners_alone(const text::XmlElement& policy, const std::string& owner) {
    const auto* list = policy.child("AccessControlList");
    if (policy.name != "AccessControlPolicy" || list == nullptr || list->children.size() != 1) return false;
    for (const auto& child : policy.children) {
        if (child.name == "Owner" ? child.child_text("ID") != owner : &child != list) return false;
    }
    const auto& grant = list->children.front();
    const auto* grantee = grant.child("Grantee");
    if (grant.name != "Grant" || grant.children.size() != 2 || grantee == nullptr) return false;
    for (const auto& child : grantee->children) {
        if (child.name != "ID" && child.name != "DisplayName") return false;
    }
    return grantee->child_text("ID") == owner && grant.child_text("Permission") == "FULL_CONTROL";
}

bool changes_no_acl(const http::Headers& headers, const std::string& document, const std::string& owner) {
    if (names_acl(headers)) return document.empty();  // refuse_unsupported knows which
    const auto policy = text::parse_xml(document);
    return policy && is_owners_alone(*policy, owner);
}

Answered put_acl(const Service& service, const gate::Permit&, wire::Call& call, Incoming& incoming) {
    const auto& headers = call.http->head.headers;
    TRY(refuse_unsupported(headers, incoming.bucket->account));
    const auto document = TRY(read_document(call, incoming, configuration_bytes_max));
    if (!changes_no_acl(headers, document, canonical_id(incoming.bucket->account)))
        return base::fail("AccessControlListNotSupported", "The bucket does not allow ACLs");
    if (!incoming.key().empty()) TRY(service.storage().find(incoming.bucket->name, incoming.key()));
    return empty_answer();
}

// With the canned list or the grant that is asked for.
std::vector<gate::Access> setting_acl(gate::Access access, const http::Headers& headers) {
    for (const std::string_view name : {"x-amz-acl", "x-amz-grant-full-control"}) {
        if (const auto* value = said(headers, name)) access.context.set("s3:" + std::string(name), *value);
    }
    return {std::move(access)};
}

}  // namespace

Definitions unconfigured_operations() {
    return {
        {"GetBucketAccelerateConfiguration", on_bucket("s3:GetAccelerateConfiguration"), empty("AccelerateConfiguration")},
        {"GetBucketCors", on_bucket("s3:GetBucketCORS"),
         absent("NoSuchCORSConfiguration", "The CORS configuration does not exist")},
        // No object is encrypted here, so no bucket says that it would be.
        {"GetBucketEncryption", on_bucket("s3:GetEncryptionConfiguration"),
         absent("ServerSideEncryptionConfigurationNotFoundError", "The server side encryption configuration was not found")},
        {"GetBucketLifecycleConfiguration", on_bucket("s3:GetLifecycleConfiguration"),
         absent("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist")},
        {"GetBucketLogging", on_bucket("s3:GetBucketLogging"), empty("BucketLoggingStatus")},
        {"GetBucketNotificationConfiguration", on_bucket("s3:GetBucketNotification"), empty("NotificationConfiguration")},
        {"GetBucketReplication", on_bucket("s3:GetReplicationConfiguration"),
         absent("ReplicationConfigurationNotFoundError", "The replication configuration was not found")},
        {"GetBucketRequestPayment", on_bucket("s3:GetBucketRequestPayment"), request_payment},
        {"GetBucketWebsite", on_bucket("s3:GetBucketWebsite"),
         absent("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration")},
        {"GetObjectLockConfiguration", on_bucket("s3:GetBucketObjectLockConfiguration"),
         absent("ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket")},
        {"GetBucketAcl", on_bucket("s3:GetBucketAcl"), acl},
        {"PutBucketAcl",
         [](const Service&, const Caller&, wire::Call& call, Incoming& incoming) -> Accesses {
             return setting_acl(bucket_access(*incoming.bucket, "s3:PutBucketAcl"), call.http->head.headers);
         },
         put_acl},
        {"GetObjectAcl",
         [](const Service& service, const Caller&, wire::Call&, Incoming& incoming) -> Accesses {
             TRY(check_version(incoming));
             return reading(service, incoming, {names_version(incoming) ? "s3:GetObjectVersionAcl" : "s3:GetObjectAcl"});
         },
         acl},
        {"PutObjectAcl",
         [](const Service& service, const Caller&, wire::Call& call, Incoming& incoming) -> Accesses {
             TRY(check_version(incoming));
             const std::string action = names_version(incoming) ? "s3:PutObjectVersionAcl" : "s3:PutObjectAcl";
             auto access = object_access(*incoming.bucket, incoming.key(), action);
             if (const auto found = service.storage().find(incoming.bucket->name, incoming.key()))
                 add_existing_tags(access.context, (*found)->tags);
             return setting_acl(std::move(access), call.http->head.headers);
         },
         put_acl},
    };
}

}  // namespace services::s3
