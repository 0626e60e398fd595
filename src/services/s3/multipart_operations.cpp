// Multipart uploads.
#include "base/strings.hpp"
#include "services/s3/copying.hpp"
#include "services/s3/ranges.hpp"
#include "services/s3/service.hpp"
#include "text/time.hpp"

namespace services::s3 {
namespace {

constexpr size_t complete_body_bytes_max = 8u << 20;

base::Error malformed_xml() {
    return {"MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema"};
}

Accesses classify_create(const Service&, const Caller&, wire::Call& call, Incoming& incoming) {
    const auto& headers = call.http->head.headers;
    TRY(refuse_unsupported(headers, incoming.bucket->account));
    auto tags = TRY(read_tagging_header(headers));
    auto access = object_access(*incoming.bucket, incoming.key(), "s3:PutObject");
    add_write_keys(access.context, headers);
    add_request_tags(access.context, tags);
    add_creation_key(access.context, false);
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

Answered create_upload(const Service& service, const gate::Permit& permit, wire::Call& call, Incoming& incoming) {
    const auto& headers = call.http->head.headers;
    objects::CreateUpload request;
    request.bucket = incoming.bucket->name;
    request.key = incoming.key();
    request.attributes = read_attributes(headers);
    request.tags = std::any_cast<const objects::Tags&>(incoming.detail);
    request.account = permit.account();
    request.initiator = permit.caller().principal.arn;
    if (const auto* name = said(headers, "x-amz-checksum-algorithm")) {
        request.checksum_kind = objects::checksum_kind(*name);
        if (!request.checksum_kind) return base::fail("InvalidRequest", "Checksum algorithm provided is unsupported: " + *name);
    }
    if (const auto* name = said(headers, "x-amz-checksum-type")) {
        request.checksum_type = objects::checksum_type(*name);
        if (!request.checksum_type) return base::fail("InvalidRequest", "Value for x-amz-checksum-type header is invalid.");
        if (!request.checksum_kind)
            return base::fail("InvalidRequest",
                              "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.");
    }
    request.decided = incoming.decided();
    const auto upload = TRY(service.storage().create_upload(request));
    text::XmlWriter xml;
    xml.open("InitiateMultipartUploadResult", xml_namespace);
    xml.element("Bucket", upload.bucket);
    xml.element("Key", upload.key);
    xml.element("UploadId", upload.id);
    xml.close();
    auto answer = xml_answer(xml);
    if (upload.checksum_declared) {
        answer.raw->headers.set("x-amz-checksum-algorithm", std::string(objects::name_of(upload.checksum_kind)));
        answer.raw->headers.set("x-amz-checksum-type", std::string(objects::name_of(upload.checksum_type)));
    }
    return answer;
}

base::Result<objects::PutPart> read_part(const Incoming& incoming) {
    const auto* number = incoming.uri.parameter("partNumber");
    if (number == nullptr)
        return base::fail("InvalidArgument", "This operation does not accept a query-string without partNumber.");
    const auto parsed = read_number("partNumber", *number, UINT32_MAX);
    if (!parsed || *parsed < 1 || *parsed > objects::parts_max) {
        return base::fail("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive");
    }
    objects::PutPart part;
    part.bucket = incoming.bucket->name;
    part.key = incoming.key();
    part.upload_id = incoming.parameter("uploadId");
    part.number = static_cast<uint32_t>(*parsed);
    part.decided = incoming.decided();
    return part;
}

Accesses classify_part(const Service&, const Caller&, wire::Call& call, Incoming& incoming) {
    TRY(refuse_unsupported(call.http->head.headers, incoming.bucket->account));
    auto access = object_access(*incoming.bucket, incoming.key(), "s3:PutObject");
    add_write_keys(access.context, call.http->head.headers);
    add_creation_key(access.context, false);
    return std::vector{std::move(access)};
}

Accesses classify_complete(const Service&, const Caller&, wire::Call& call, Incoming& incoming) {
    auto access = object_access(*incoming.bucket, incoming.key(), "s3:PutObject");
    add_condition_keys(access.context, call.http->head.headers);
    add_creation_key(access.context, true);
    return std::vector{std::move(access)};
}

Answered upload_part(const Service& service, const gate::Permit&, wire::Call& call, Incoming& incoming) {
    const auto& headers = call.http->head.headers;
    auto request = TRY(read_part(incoming));
    const auto upload = TRY(service.storage().find_upload(request.bucket, request.key, request.upload_id));
    request.body = source_of(*call.body);
    request.received = &incoming.kept->received;
    request.length = call.body->length();
    request.checksum = TRY(read_checksum_kind(headers));
    const auto part = TRY(service.storage().put_part(request));
    auto answer = empty_answer();
    answer.raw->headers.set("ETag", quoted(part.etag));
    answer.raw->headers.set(objects::header_of(upload.checksum_kind), part.checksum);
    return answer;
}

Accesses classify_part_copy(const Service& service, const Caller&, wire::Call& call, Incoming& incoming) {
    const auto& headers = call.http->head.headers;
    TRY(refuse_unsupported(headers, incoming.bucket->account));
    Copying copying;
    auto accesses = TRY(classify_source(service, call, copying));
    auto target = object_access(*incoming.bucket, incoming.key(), "s3:PutObject");
    add_write_keys(target.context, headers);
    add_source_keys(target.context, copying);
    add_creation_key(target.context, false);
    accesses.push_back(std::move(target));
    incoming.detail = std::move(copying);
    return accesses;
}

Answered upload_part_copy(const Service& service, const gate::Permit&, wire::Call& call, Incoming& incoming) {
    auto request = TRY(read_part(incoming));
    const auto upload = TRY(service.storage().find_upload(request.bucket, request.key, request.upload_id));
    const auto source = TRY(open_source(service, call, std::any_cast<const Copying&>(incoming.detail)));
    ByteRange bytes{0, source.object->size};
    if (const auto* range = call.http->head.headers.find("x-amz-copy-source-range"))
        bytes = TRY(read_copy_range(*range, source.object->size));
    request.body = objects::read_range(source, bytes.offset, bytes.length);
    request.length = bytes.length;
    const auto part = TRY(service.storage().put_part(request));
    text::XmlWriter xml;
    xml.open("CopyPartResult", xml_namespace);
    xml.element("LastModified", text::iso8601_millis(part.last_modified));
    xml.element("ETag", quoted(part.etag));
    xml.element(objects::element_of(upload.checksum_kind), part.checksum);
    xml.close();
    return xml_answer(xml);
}

base::Result<std::vector<objects::CompletedPart>> read_completed_parts(wire::Call& call, Incoming& incoming) {
    const auto body = TRY(read_document(call, incoming, complete_body_bytes_max));
    const auto xml = text::parse_xml(body);
    if (!xml || xml->name != "CompleteMultipartUpload") return base::fail(malformed_xml());
    std::vector<objects::CompletedPart> parts;
    for (const auto& element : xml->children) {
        const auto number = read_number("PartNumber", element.child_text("PartNumber"), UINT32_MAX);
        if (element.name != "Part" || element.child("ETag") == nullptr || !number || *number < 1 || *number > objects::parts_max)
            return base::fail(malformed_xml());
        objects::CompletedPart part{static_cast<uint32_t>(*number), element.child_text("ETag"), {}};
        for (const auto kind : objects::checksum_kinds) {
            if (const auto* checksum = element.child(objects::element_of(kind)))
                part.checksums.emplace_back(kind, checksum->content);
        }
        parts.push_back(std::move(part));
    }
    return parts;
}

Answered complete_upload(const Service& service, const gate::Permit&, wire::Call& call, Incoming& incoming) {
    const auto& headers = call.http->head.headers;
    objects::CompleteUpload request;
    request.bucket = incoming.bucket->name;
    request.key = incoming.key();
    request.upload_id = incoming.parameter("uploadId");
    request.parts = TRY(read_completed_parts(call, incoming));
    request.conditions = TRY(read_write_conditions(headers));
    if (const auto* size = headers.find("x-amz-mp-object-size")) {
        uint64_t bytes = 0;
        for (const char c : *size) {
            if (c < '0' || c > '9' || size->size() > 18)
                return base::fail("InvalidRequest", "Value for x-amz-mp-object-size header is invalid.");
            bytes = bytes * 10 + static_cast<uint64_t>(c - '0');
        }
        request.size = bytes;
    }
    if (const auto* type = said(headers, "x-amz-checksum-type")) {
        request.checksum_type = objects::checksum_type(*type);
        if (!request.checksum_type) return base::fail("InvalidRequest", "Value for x-amz-checksum-type header is invalid.");
    }
    for (const auto kind : objects::checksum_kinds) {
        if (const auto* value = headers.find(objects::header_of(kind))) request.checksum = {kind, *value};
    }
    request.decided = incoming.decided();
    const auto object = TRY(service.storage().complete_upload(request));
    text::XmlWriter xml;
    xml.open("CompleteMultipartUploadResult", xml_namespace);
    xml.element("Location", "http://" + headers.get("host") + call.http->head.path);
    xml.element("Bucket", request.bucket);
    xml.element("Key", request.key);
    xml.element("ETag", quoted(object->etag));
    if (object->checksum) write_checksum(xml, *object->checksum);
    xml.close();
    return xml_answer(xml);
}

Answered abort_upload(const Service& service, const gate::Permit&, wire::Call&, Incoming& incoming) {
    TRY(service.storage().abort_upload(incoming.bucket->name, incoming.key(), incoming.parameter("uploadId"),
                                       incoming.decided()));
    return empty_answer(204);
}

void write_initiator(text::XmlWriter& xml, const objects::Upload& upload) {
    xml.open("Initiator");
    xml.element("ID", upload.initiator);
    xml.close();
}

Answered list_parts(const Service& service, const gate::Permit&, wire::Call&, Incoming& incoming) {
    size_t most = list_max, after = 0;
    if (const auto* value = incoming.uri.parameter("max-parts")) most = TRY(read_number("max-parts", *value, list_max));
    if (const auto* value = incoming.uri.parameter("part-number-marker"))
        after = TRY(read_number("part-number-marker", *value, UINT32_MAX));
    const bool url = TRY(wants_url_encoding(incoming));
    const auto listed = TRY(service.storage().list_parts(incoming.bucket->name, incoming.key(), incoming.parameter("uploadId"),
                                                         static_cast<uint32_t>(after), most, incoming.decided()));
    text::XmlWriter xml;
    xml.open("ListPartsResult", xml_namespace);
    xml.element("Bucket", incoming.bucket->name);
    xml.element("Key", encoded(incoming.key(), url));
    xml.element("UploadId", listed.upload.id);
    write_initiator(xml, listed.upload);
    write_owner(xml, "Owner", incoming.bucket->account);
    xml.element("StorageClass", "STANDARD");
    xml.element("PartNumberMarker", std::to_string(after));
    if (!listed.parts.empty()) xml.element("NextPartNumberMarker", std::to_string(listed.parts.back().number));
    xml.element("MaxParts", std::to_string(most));
    xml.element("IsTruncated", listed.truncated ? "true" : "false");
    xml.element("ChecksumAlgorithm", objects::name_of(listed.upload.checksum_kind));
    xml.element("ChecksumType", objects::name_of(listed.upload.checksum_type));
    for (const auto& part : listed.parts) {
        xml.open("Part");
        xml.element("PartNumber", std::to_string(part.number));
        xml.element("LastModified", text::iso8601_millis(part.last_modified));
        xml.element("ETag", quoted(part.etag));
        xml.element("Size", std::to_string(part.size));
        xml.element(objects::element_of(listed.upload.checksum_kind), part.checksum);
        xml.close();
    }
    xml.close();
    return xml_answer(xml);
}

Answered list_uploads(const Service& service, const gate::Permit&, wire::Call&, Incoming& incoming) {
    objects::ListUploads request{incoming.bucket->name,
                                 incoming.parameter("prefix"),
                                 incoming.parameter("delimiter"),
                                 incoming.parameter("key-marker"),
                                 incoming.parameter("upload-id-marker"),
                                 list_max,
                                 incoming.decided()};
    if (const auto* value = incoming.uri.parameter("max-uploads"))
        request.max_uploads = TRY(read_number("max-uploads", *value, list_max));
    const bool url = TRY(wants_url_encoding(incoming));
    const auto listed = TRY(service.storage().list_uploads(request));
    text::XmlWriter xml;
    xml.open("ListMultipartUploadsResult", xml_namespace);
    xml.element("Bucket", request.bucket);
    xml.element("KeyMarker", encoded(request.key_marker, url));
    xml.element("UploadIdMarker", request.upload_id_marker);
    if (listed.truncated) {
        xml.element("NextKeyMarker", encoded(listed.next_key_marker, url));
        xml.element("NextUploadIdMarker", listed.next_upload_id_marker);
    }
    if (!request.prefix.empty()) xml.element("Prefix", encoded(request.prefix, url));
    if (!request.delimiter.empty()) xml.element("Delimiter", encoded(request.delimiter, url));
    if (url) xml.element("EncodingType", "url");
    xml.element("MaxUploads", std::to_string(request.max_uploads));
    xml.element("IsTruncated", listed.truncated ? "true" : "false");
    for (const auto& upload : listed.uploads) {
        xml.open("Upload");
        xml.element("Key", encoded(upload.key, url));
        xml.element("UploadId", upload.id);
        write_initiator(xml, upload);
        write_owner(xml, "Owner", incoming.bucket->account);
        xml.element("StorageClass", "STANDARD");
        xml.element("Initiated", text::iso8601_millis(upload.initiated));
        xml.element("ChecksumAlgorithm", objects::name_of(upload.checksum_kind));
        xml.element("ChecksumType", objects::name_of(upload.checksum_type));
        xml.close();
    }
    for (const auto& prefix : listed.common_prefixes) {
        xml.open("CommonPrefixes");
        xml.element("Prefix", encoded(prefix, url));
        xml.close();
    }
    xml.close();
    return xml_answer(xml);
}

}  // namespace

Definitions multipart_operations() {
    return {
        {"CreateMultipartUpload", classify_create, create_upload},
        {"UploadPart", classify_part, upload_part},
        {"UploadPartCopy", classify_part_copy, upload_part_copy},
        {"CompleteMultipartUpload", classify_complete, complete_upload},
        {"AbortMultipartUpload", on_object("s3:AbortMultipartUpload"), abort_upload},
        {"ListParts", on_object("s3:ListMultipartUploadParts"), list_parts},
        {"ListMultipartUploads", on_bucket("s3:ListBucketMultipartUploads"), list_uploads},
    };
}

}  // namespace services::s3
