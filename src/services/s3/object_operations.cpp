// Objects: put, get, head, attributes.
#include <charconv>

#include "base/strings.hpp"
#include "services/s3/ranges.hpp"
#include "services/s3/service.hpp"
#include "text/time.hpp"

namespace services::s3 {
namespace {

base::Error no_such_key() { return {"NoSuchKey", "The specified key does not exist."}; }

// --- PutObject ---

Accesses classify_put(const Service&, const Caller&, wire::Call& call, Incoming& incoming) {
    const auto& headers = call.http->head.headers;
    TRY(refuse_unsupported(headers, incoming.bucket->account));
    auto tags = TRY(read_tagging_header(headers));
    auto access = object_access(*incoming.bucket, incoming.key(), "s3:PutObject");
    add_write_keys(access.context, headers);
    add_condition_keys(access.context, headers);
    add_request_tags(access.context, tags);
    add_creation_key(access.context, true);
    std::vector accesses{access};
    if (!tags.empty()) {
        access.action = "s3:PutObjectTagging";
        accesses.push_back(access);
    }
    if (names_acl(headers)) {
        access.action = "s3:PutObjectAcl";
        accesses.push_back(access);
    }
    incoming.detail = std::move(tags);
    return accesses;
}

Answered put_object(const Service& service, const gate::Permit&, wire::Call& call, Incoming& incoming) {
    const auto& headers = call.http->head.headers;
    objects::PutRequest request;
    request.bucket = incoming.bucket->name;
    request.key = incoming.key();
    request.attributes = read_attributes(headers);
    request.tags = std::any_cast<const objects::Tags&>(incoming.detail);
    request.conditions = TRY(read_write_conditions(headers));
    request.body = source_of(*call.body);
    request.decided = incoming.decided();
    request.received = &incoming.kept->received;
    request.length = call.body->length();
    if (const auto kind = TRY(read_checksum_kind(headers))) request.checksum = *kind;
    const auto object = TRY(service.storage().put(request));
    auto answer = empty_answer();
    answer.raw->headers.set("ETag", quoted(object->etag));
    if (object->checksum) add_checksum(answer.raw->headers, *object->checksum);
    return answer;
}

// --- GetObject, HeadObject ---

Accesses classify_get(const Service& service, const Caller&, wire::Call&, Incoming& incoming) {
    TRY(check_version(incoming));
    return reading(service, incoming, {names_version(incoming) ? "s3:GetObjectVersion" : "s3:GetObject"});
}

// `response-content-type=…` and its five siblings replace a header of the answer.
base::Result<void> override_headers(const Incoming& incoming, const Caller& caller, http::Headers& headers) {
    constexpr std::pair<std::string_view, std::string_view> overrides[] = {
        {"response-cache-control", "Cache-Control"},       {"response-content-disposition", "Content-Disposition"},
        {"response-content-encoding", "Content-Encoding"}, {"response-content-language", "Content-Language"},
        {"response-content-type", "Content-Type"},         {"response-expires", "Expires"},
    };
    for (const auto& [parameter, header] : overrides) {
        const auto* value = incoming.uri.parameter(parameter);
        if (value == nullptr || value->empty()) continue;
        if (caller.principal.kind == policy::PrincipalKind::anonymous) {
            return base::fail("InvalidRequest", "Request specific response headers cannot be used for anonymous GET requests.");
        }
        // What a client puts into an answer must not end the header and begin another.
        for (const char c : *value) {
            if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
                return base::fail("InvalidArgument", "Header value cannot contain control characters: " + std::string(parameter));
            }
        }
        headers.set(header, *value);
    }
    return {};
}

// Which bytes: a Range header or a part number; all of them if neither.
base::Result<std::optional<ByteRange>> wanted_range(const Incoming& incoming, const http::Headers& headers,
                                                    const objects::Object& object) {
    const auto* range = headers.find("range");
    const auto* part = incoming.uri.parameter("partNumber");
    if (part == nullptr) return range == nullptr ? std::optional<ByteRange>() : TRY(read_range_header(*range, object.size));
    if (range != nullptr) return base::fail("InvalidRequest", "Cannot specify both Range header and partNumber query parameter");
    const auto number = TRY(read_number("partNumber", *part, SIZE_MAX));
    if (number < 1) return base::fail("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive");
    const auto parts = object.upload_id.empty() ? 1 : object.segments.size();
    if (number > parts) return base::fail("InvalidPartNumber", "The requested partnumber is not satisfiable");
    if (object.upload_id.empty()) return ByteRange{0, object.size};
    ByteRange bytes;
    for (size_t index = 0; index + 1 < number; ++index) bytes.offset += object.segments[index].size;
    bytes.length = object.segments[number - 1].size;
    return bytes;
}

Answered get_or_head(const Service& service, const gate::Permit& permit, wire::Call& call, Incoming& incoming) {
    if (!incoming.object) return base::fail(no_such_key());
    const auto& headers = call.http->head.headers;
    const bool head = call.http->head.method == "HEAD";
    const auto& object = *incoming.object;

    wire::Answer answer = empty_answer();
    auto& response = *answer.raw;
    add_object_headers(response.headers, object);
    switch (objects::judge(read_conditions(headers), object, permit.time())) {
        case objects::Verdict::proceed:
            break;
        case objects::Verdict::precondition_failed:
            return base::fail("PreconditionFailed", "At least one of the pre-conditions you specified did not hold");
        case objects::Verdict::not_modified:
            response.status = answer.status = 304;
            return answer;
    }
    TRY(override_headers(incoming, permit.caller(), response.headers));
    const auto range = TRY(wanted_range(incoming, headers, object));
    const auto bytes = range.value_or(ByteRange{0, object.size});
    if (range) {
        response.status = answer.status = 206;
        if (object.size > 0) {
            response.headers.set("Content-Range", "bytes " + std::to_string(bytes.offset) + "-" +
                                                      std::to_string(bytes.offset + bytes.length - 1) + "/" +
                                                      std::to_string(object.size));
        }
    }
    const bool whole = bytes.offset == 0 && bytes.length == object.size;
    if (whole && object.checksum && base::equals_ignoring_case(headers.get("x-amz-checksum-mode"), "ENABLED"))
        add_checksum(response.headers, *object.checksum);
    if (incoming.uri.parameter("partNumber") != nullptr && !object.upload_id.empty()) {
        response.headers.set("x-amz-mp-parts-count", std::to_string(object.segments.size()));
    }
    if (head) {
        response.content_length = bytes.length;
    } else {
        response.body = body_of(TRY(service.storage().open_object(incoming.object, bytes.offset, bytes.length)), bytes);
    }
    return answer;
}

// --- GetObjectAttributes ---

Accesses classify_attributes(const Service& service, const Caller&, wire::Call&, Incoming& incoming) {
    TRY(check_version(incoming));
    if (names_version(incoming)) return reading(service, incoming, {"s3:GetObjectVersion", "s3:GetObjectVersionAttributes"});
    return reading(service, incoming, {"s3:GetObject", "s3:GetObjectAttributes"});
}

Answered get_attributes(const Service&, const gate::Permit&, wire::Call& call, Incoming& incoming) {
    if (!incoming.object) return base::fail(no_such_key());
    const auto& object = *incoming.object;
    const auto& headers = call.http->head.headers;
    bool etag = false, checksum = false, parts = false, storage_class = false, size = false;
    std::string wanted;
    for (const auto& [name, value] : headers.fields()) {
        if (base::equals_ignoring_case(name, "x-amz-object-attributes")) wanted += (wanted.empty() ? "" : ",") + value;
    }
    for (auto name : base::split(wanted, ',')) {
        name = base::trim(name);
        bool* flag = name == "ETag"           ? &etag
                     : name == "Checksum"     ? &checksum
                     : name == "ObjectParts"  ? &parts
                     : name == "StorageClass" ? &storage_class
                     : name == "ObjectSize"   ? &size
                                              : nullptr;
        if (flag == nullptr) return base::fail("InvalidArgument", "Invalid attribute name specified.");
        *flag = true;
    }
    text::XmlWriter xml;
    xml.open("GetObjectAttributesResponse", xml_namespace);
    if (etag) xml.element("ETag", object.etag);
    if (checksum && object.checksum) {
        xml.open("Checksum");
        write_checksum(xml, *object.checksum);
        xml.close();
    }
    if (parts && !object.upload_id.empty()) {
        xml.open("ObjectParts");
        size_t most = list_max, after = 0;
        if (const auto* value = headers.find("x-amz-max-parts")) most = TRY(read_number("max-parts", *value, list_max));
        if (const auto* value = headers.find("x-amz-part-number-marker"))
            after = TRY(read_number("part-number-marker", *value, SIZE_MAX));
        const auto last = std::min(object.segments.size(), after + most);
        xml.element("IsTruncated", last < object.segments.size() ? "true" : "false");
        xml.element("MaxParts", std::to_string(most));
        xml.element("NextPartNumberMarker", std::to_string(last));
        xml.element("PartNumberMarker", std::to_string(after));
        xml.element("PartsCount", std::to_string(object.segments.size()));
        for (size_t index = after; index < last; ++index) {
            xml.open("Part");
            xml.element("PartNumber", std::to_string(index + 1));
            xml.element("Size", std::to_string(object.segments[index].size));
            if (object.checksum) xml.element(objects::element_of(object.checksum->kind), object.segments[index].checksum);
            xml.close();
        }
        xml.close();
    }
    if (storage_class) xml.element("StorageClass", "STANDARD");
    if (size) xml.element("ObjectSize", std::to_string(object.size));
    xml.close();
    auto answer = xml_answer(xml);
    answer.raw->headers.set("Last-Modified", text::http_date(object.last_modified));
    return answer;
}

}  // namespace

Definitions object_operations() {
    return {
        {"PutObject", classify_put, put_object},
        {"GetObject", classify_get, get_or_head},
        {"HeadObject", classify_get, get_or_head},
        {"GetObjectAttributes", classify_attributes, get_attributes},
    };
}

}  // namespace services::s3
