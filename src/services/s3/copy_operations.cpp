// CopyObject and what UploadPartCopy shares with it.
#include "base/strings.hpp"
#include "services/s3/copy_source.hpp"
#include "services/s3/copying.hpp"
#include "services/s3/service.hpp"
#include "text/time.hpp"
#include "text/uri.hpp"
#include "wire/region.hpp"

namespace services::s3 {

base::Result<CopySource> read_copy_source(std::string_view header) {
    if (header.starts_with("arn:")) {
        return base::fail("NotImplemented",
                          "A header you provided implies functionality that is not implemented: x-amz-copy-source with an ARN");
    }
    CopySource source;
    const auto question = header.find('?');
    if (question != std::string_view::npos) {
        const auto version = header.substr(question + 1);
        if (!version.starts_with("versionId=")) return base::fail("InvalidArgument", "Unsupported copy source parameter.");
        if (version != "versionId=null") return base::fail("InvalidArgument", "Invalid version id specified");
        source.names_version = true;
        header = header.substr(0, question);
    }
    // As a form is: S3 takes `+` for a space, and clients that mean a plus send `%2B`.
    auto decoded = text::decode_uri(header, true);
    if (!decoded) return base::fail("InvalidArgument", "Invalid copy source encoding.");
    std::string_view path = *decoded;
    if (path.starts_with('/')) path.remove_prefix(1);
    const auto slash = path.find('/');
    if (slash == std::string_view::npos || slash == 0 || slash + 1 == path.size()) {
        return base::fail("InvalidArgument", "Copy Source must mention the source bucket and key: /sourcebucket/sourcekey");
    }
    source.bucket = path.substr(0, slash);
    source.key = path.substr(slash + 1);
    return source;
}

namespace {

// A bucket is served by its own region alone: what is read of it is decided as a request to that one, wherever the copy goes.
std::string region_of_source(const Service& service, const Copying& copying) {
    const std::string& region = copying.source.bucket->region;
    return wire::is_served(region, service.parts.regions) ? region : std::string();
}

}  // namespace

Accesses classify_source(const Service& service, const wire::Call& call, Copying& copying) {
    const auto& headers = call.http->head.headers;
    const auto source = TRY(read_copy_source(headers.get("x-amz-copy-source")));
    copying.source.uri.key = source.key;
    if (source.names_version) copying.source.uri.query.emplace_back("versionId", "null");
    copying.source.bucket = TRY(service.storage().bucket(source.bucket));
    const auto* expected = headers.find("x-amz-source-expected-bucket-owner");
    if (expected != nullptr && *expected != copying.source.bucket->account) return base::fail("AccessDenied", "Access Denied");
    auto accesses = TRY(reading(service, copying.source, {source.names_version ? "s3:GetObjectVersion" : "s3:GetObject"}));
    for (auto& access : accesses) access.region = region_of_source(service, copying);
    return accesses;
}

void add_source_keys(policy::Context& context, const Copying& copying) {
    context.set("s3:x-amz-copy-source", copying.source.bucket->name + "/" + copying.source.key());
}

base::Result<objects::OpenObject> open_source(const Service& service, const wire::Call& call, const Copying& copying) {
    const auto& from = copying.source;
    if (!from.object) return base::fail("NoSuchKey", "The specified key does not exist.");
    auto open = TRY(service.storage().open_object(from.object));
    const auto conditions = read_conditions(call.http->head.headers, "x-amz-copy-source-");
    if (objects::judge(conditions, *open.object, service.parts.clock->now()) != objects::Verdict::proceed) {
        return base::fail("PreconditionFailed", "At least one of the pre-conditions you specified did not hold");
    }
    return open;
}

namespace {

base::Result<bool> replaces(const http::Headers& headers, std::string_view header) {
    const auto* directive = said(headers, header);
    if (directive == nullptr || *directive == "COPY") return false;
    if (*directive == "REPLACE") return true;
    return base::fail("InvalidArgument", "Unknown directive: " + std::string(header) + ": " + *directive);
}

Accesses classify_copy(const Service& service, const Caller&, wire::Call& call, Incoming& incoming) {
    const auto& headers = call.http->head.headers;
    TRY(refuse_unsupported(headers, incoming.bucket->account));
    Copying copying;
    auto accesses = TRY(classify_source(service, call, copying));
    copying.replaces_metadata = TRY(replaces(headers, "x-amz-metadata-directive"));
    copying.replaces_tags = TRY(replaces(headers, "x-amz-tagging-directive"));
    const bool has_tags = copying.source.object && !copying.source.object->tags.empty();
    copying.tags = copying.replaces_tags ? TRY(read_tagging_header(headers))
                   : has_tags            ? copying.source.object->tags
                                         : objects::Tags{};

    auto target = object_access(*incoming.bucket, incoming.key(), "s3:PutObject");
    add_write_keys(target.context, headers);
    add_condition_keys(target.context, headers);
    add_source_keys(target.context, copying);
    if (const auto* directive = said(headers, "x-amz-metadata-directive"))
        target.context.set("s3:x-amz-metadata-directive", *directive);
    add_request_tags(target.context, copying.tags);
    add_creation_key(target.context, true);
    accesses.push_back(target);
    if (!copying.tags.empty()) {
        target.action = "s3:PutObjectTagging";
        accesses.push_back(target);
    }
    if (has_tags && !copying.replaces_tags) {
        auto source_tags = object_access(*copying.source.bucket, copying.source.key(), "s3:GetObjectTagging");
        source_tags.region = region_of_source(service, copying);
        add_existing_tags(source_tags.context, copying.source.object->tags);
        accesses.push_back(std::move(source_tags));
    }
    if (names_acl(headers)) {
        target.action = "s3:PutObjectAcl";
        accesses.push_back(target);
    }
    incoming.detail = std::move(copying);
    return accesses;
}

Answered copy_object(const Service& service, const gate::Permit&, wire::Call& call, Incoming& incoming) {
    const auto& headers = call.http->head.headers;
    const auto& copying = std::any_cast<const Copying&>(incoming.detail);
    objects::CopyRequest request;
    request.source = TRY(open_source(service, call, copying));
    request.source_bucket = copying.source.bucket->name;
    request.source_key = copying.source.key();
    request.bucket = incoming.bucket->name;
    request.key = incoming.key();
    if (const auto* name = said(headers, "x-amz-checksum-algorithm")) {
        request.checksum = objects::checksum_kind(*name);
        if (!request.checksum) return base::fail("InvalidRequest", "Checksum algorithm provided is unsupported: " + *name);
    }
    const bool itself = request.bucket == request.source_bucket && request.key == request.source_key;
    // A storage class that is named counts as a change even if it is the one that the object has, as in AWS.
    const bool changes = copying.replaces_metadata || copying.replaces_tags || said(headers, "x-amz-storage-class") != nullptr ||
                         headers.find("x-amz-website-redirect-location") != nullptr;
    if (itself && !changes) {
        return base::fail(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without changing the object's "
            "metadata, storage class, website redirect location or encryption attributes.");
    }
    request.attributes = copying.replaces_metadata ? read_attributes(headers) : request.source.object->attributes;
    request.attributes.website_redirect_location = headers.get("x-amz-website-redirect-location");
    request.tags = copying.tags;
    request.conditions = TRY(read_write_conditions(headers));
    request.decided = incoming.decided();
    const auto made = TRY(service.storage().copy(request));
    text::XmlWriter xml;
    xml.open("CopyObjectResult", xml_namespace);
    xml.element("LastModified", text::iso8601_millis(made->last_modified));
    xml.element("ETag", quoted(made->etag));
    if (made->checksum) write_checksum(xml, *made->checksum);
    xml.close();
    return xml_answer(xml);
}

}  // namespace

Definitions copy_operations() { return {{"CopyObject", classify_copy, copy_object}}; }

}  // namespace services::s3
