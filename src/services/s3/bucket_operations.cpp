// Buckets: list, create, look at, delete, where.
#include <algorithm>

#include "base/strings.hpp"
#include "services/s3/service.hpp"
#include "text/time.hpp"
#include "wire/region.hpp"

namespace services::s3 {
namespace {

struct CreateBucket {
    std::string location;  // empty: not said
    objects::Tags tags;
};

base::Result<CreateBucket> read_create_bucket(wire::Call& call, Incoming& incoming) {
    CreateBucket wanted;
    const auto body = TRY(read_document(call, incoming, configuration_bytes_max));
    if (base::trim(body).empty()) return wanted;
    const auto xml = TRY(text::parse_xml(body));
    if (xml.name != "CreateBucketConfiguration")
        return base::fail("MalformedXML",
                          "The XML you provided was not well-formed or did not validate against our published schema");
    for (const std::string_view unsupported : {"Location", "Bucket"}) {
        if (xml.child(unsupported) != nullptr)
            return base::fail("NotImplemented", "Directory buckets are not implemented: " + std::string(unsupported));
    }
    wanted.location = xml.child_text("LocationConstraint");
    if (wanted.location == "EU") wanted.location = "eu-west-1";  // its name before regions had names
    if (const auto* tags = xml.child("Tags")) {
        for (const auto& tag : tags->children) wanted.tags.emplace_back(tag.child_text("Key"), tag.child_text("Value"));
    }
    return wanted;
}

// Where a bucket goes. us-east-1 makes buckets in every region that is served and is never named; any other makes only its own
// and wants it said.
base::Result<std::string> read_region(const std::string& location, const std::string& endpoint,
                                      const std::vector<std::string>& served) {
    if (endpoint == "us-east-1" && location.empty()) return endpoint;
    if (endpoint != "us-east-1" && location != endpoint)
        return base::fail("IllegalLocationConstraintException",
                          "The " + (location.empty() ? "unspecified" : location) +
                              " location constraint is incompatible for the region specific endpoint this request was sent to.");
    if (location != "us-east-1" && wire::is_served(location, served)) return location;
    return base::fail(base::Error("InvalidLocationConstraint", "The specified location-constraint is not valid")
                          .note("this server serves " + base::join(served, ", ") + " (`trainwarden serve --region`)"));
}

// `private` is what a bucket is anyway, and full control what its owner has.
base::Result<http::Headers> without_acl(const http::Headers& headers, std::string_view owner) {
    http::Headers rest;
    for (const auto& [raw_name, value] : headers.fields()) {
        const auto name = base::lower(raw_name);
        const bool grant = name.starts_with("x-amz-grant-");
        const bool harmless = value.empty() || (name == "x-amz-acl" && value == "private") ||
                              (name == "x-amz-grant-full-control" && grants_only(value, owner));
        if ((grant || name == "x-amz-acl") && !harmless)
            return base::fail("InvalidBucketAclWithObjectOwnership",
                              "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting");
        if (!grant && name != "x-amz-acl") rest.add(raw_name, value);
    }
    return rest;
}

Accesses classify_create_bucket(const Service&, const Caller& caller, wire::Call& call, Incoming& incoming) {
    if (caller.principal.kind == policy::PrincipalKind::anonymous) return base::fail("AccessDenied", "Access Denied");
    const auto headers = TRY(without_acl(call.http->head.headers, caller.principal.account));
    TRY(refuse_unsupported(headers, caller.principal.account));
    auto wanted = TRY(read_create_bucket(call, incoming));
    gate::Access access;
    access.action = "s3:CreateBucket";
    access.resource = "arn:aws:s3:::" + incoming.uri.bucket;
    for (const std::string_view name : {"x-amz-acl", "x-amz-grant-full-control", "x-amz-object-ownership"}) {
        if (const auto* value = said(call.http->head.headers, name)) access.context.set("s3:" + std::string(name), *value);
    }
    if (!wanted.location.empty()) access.context.set("s3:LocationConstraint", wanted.location);
    std::vector<std::string> keys;
    for (const auto& [key, value] : wanted.tags) {
        access.context.set("aws:RequestTag/" + key, value);
        keys.push_back(key);
    }
    std::vector accesses{access};
    if (!keys.empty()) {
        access.context.set_list("aws:TagKeys", std::move(keys));
        accesses.front() = access;
        access.action = "s3:TagResource";
        accesses.push_back(access);
    }
    if (said(call.http->head.headers, "x-amz-object-ownership") != nullptr) {
        access.action = "s3:PutBucketOwnershipControls";
        accesses.push_back(access);
    }
    incoming.detail = std::move(wanted);
    return accesses;
}

Answered create_bucket(const Service& service, const gate::Permit& permit, wire::Call& call, Incoming& incoming) {
    const auto& wanted = std::any_cast<const CreateBucket&>(incoming.detail);
    const auto ownership = call.http->head.headers.get("x-amz-object-ownership");
    if (!ownership.empty() && ownership != "BucketOwnerEnforced") {
        return base::fail(
            "NotImplemented",
            "A header you provided implies functionality that is not implemented: x-amz-object-ownership: " + ownership);
    }
    const auto region = TRY(read_region(wanted.location, call.region, service.parts.regions));
    const auto made = service.storage().create_bucket(incoming.uri.bucket, permit.account(), region, wanted.tags);
    // In the first region, making again what one owns has always succeeded.
    const bool again = !made && made.error().code == "BucketAlreadyOwnedByYou" && region == "us-east-1";
    if (!made && !again) return base::fail(made.error());
    auto answer = empty_answer();
    answer.raw->headers.set("Location", "/" + incoming.uri.bucket);
    return answer;
}

Answered head_bucket(const Service&, const gate::Permit&, wire::Call&, Incoming& incoming) {
    auto answer = empty_answer();
    answer.raw->headers.set("x-amz-bucket-region", incoming.bucket->region);
    answer.raw->headers.set("x-amz-bucket-arn", incoming.bucket->arn());
    answer.raw->headers.set("x-amz-access-point-alias", "false");
    answer.raw->headers.set("Content-Type", "application/xml");
    return answer;
}

Answered delete_bucket(const Service& service, const gate::Permit&, wire::Call&, Incoming& incoming) {
    TRY(service.storage().delete_bucket(incoming.bucket->name, incoming.decided()));
    return empty_answer(204);
}

Answered get_bucket_location(const Service&, const gate::Permit&, wire::Call&, Incoming& incoming) {
    text::XmlWriter xml;
    // The first region is called nothing.
    if (incoming.bucket->region == "us-east-1") {
        xml.open("LocationConstraint", xml_namespace);
        xml.close();
        return xml_answer(xml);
    }
    auto answer = empty_answer();
    answer.raw->headers.set("Content-Type", "application/xml");
    answer.raw->body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<LocationConstraint xmlns=\"" + std::string(xml_namespace) +
                       "\">" + text::escape_xml(incoming.bucket->region) + "</LocationConstraint>";
    return answer;
}

Accesses classify_list_buckets(const Service&, const Caller& caller, wire::Call&, Incoming&) {
    if (caller.principal.kind == policy::PrincipalKind::anonymous) return base::fail("AccessDenied", "Access Denied");
    gate::Access access;
    access.action = "s3:ListAllMyBuckets";
    return std::vector{access};
}

// The continuation token is the name of the last bucket listed.
Answered list_buckets(const Service& service, const gate::Permit& permit, wire::Call&, Incoming& incoming) {
    size_t most = 10000;
    if (const auto* value = incoming.uri.parameter("max-buckets")) most = TRY(read_number("max-buckets", *value, most));
    std::string after;
    if (const auto token = incoming.parameter("continuation-token"); !token.empty()) after = TRY(read_token(token));
    const auto prefix = incoming.parameter("prefix"), region = incoming.parameter("bucket-region");

    text::XmlWriter xml;
    xml.open("ListAllMyBucketsResult", xml_namespace);
    write_owner(xml, "Owner", permit.account());
    xml.open("Buckets");
    std::string last;
    bool truncated = false;
    size_t listed = 0;
    for (const auto& bucket : service.storage().buckets_of(permit.account())) {
        if (!bucket->name.starts_with(prefix) || bucket->name <= after || (!region.empty() && bucket->region != region)) continue;
        if (listed++ == most) {
            truncated = true;
            break;
        }
        last = bucket->name;
        xml.open("Bucket");
        xml.element("Name", bucket->name);
        xml.element("CreationDate", text::iso8601_millis(bucket->created));
        xml.element("BucketRegion", bucket->region);
        xml.element("BucketArn", bucket->arn());
        xml.close();
    }
    xml.close();
    if (truncated) xml.element("ContinuationToken", token_for(last));
    if (!prefix.empty()) xml.element("Prefix", prefix);
    xml.close();
    return xml_answer(xml);
}

}  // namespace

Definitions bucket_operations() {
    return {
        {"ListBuckets", classify_list_buckets, list_buckets, false},
        {"CreateBucket", classify_create_bucket, create_bucket, false},
        {"HeadBucket", on_bucket("s3:ListBucket"), head_bucket},
        {"DeleteBucket", on_bucket("s3:DeleteBucket"), delete_bucket},
        {"GetBucketLocation", on_bucket("s3:GetBucketLocation"), get_bucket_location},
    };
}

}  // namespace services::s3
