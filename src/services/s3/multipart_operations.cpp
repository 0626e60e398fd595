// Multipart uploads. UploadPartCopy is in copy_operations.cpp.
#include <array>

#include "base/error_codes.hpp"
#include "model/s3/multipart.hpp"
#include "services/s3/copying.hpp"
#include "services/s3/encryption.hpp"
#include "services/s3/locks.hpp"
#include "services/s3/members.hpp"
#include "text/uri.hpp"
#include "wire/s3_request.hpp"

namespace services::s3 {
namespace {

Result<std::optional<objects::ChecksumType>> read_checksum_type(const std::optional<std::string>& name) {
    if (!name) return std::nullopt;
    const auto type = objects::checksum_type(*name);
    if (!type) return base::fail(base::code::InvalidRequest, "Value for x-amz-checksum-type header is invalid.");
    return type;
}

Result<m::CreateMultipartUpload::Output> create_upload(S3& s3, const Permit& permit, const m::CreateMultipartUpload::Input& in,
                                                       Located&& located) {
    objects::CreateUpload request;
    request.bucket = in.bucket;
    request.key = in.key;
    request.attributes = attributes_of(in);
    request.tags = TRY(read_tagging(in.tagging));
    request.account = permit.account();
    request.initiator = permit.caller().principal.arn;
    if (in.checksum_algorithm) {
        request.checksum_kind = objects::checksum_kind(*in.checksum_algorithm);
        if (!request.checksum_kind)
            return base::fail(base::code::InvalidRequest,
                              "Checksum algorithm provided is unsupported: " + *in.checksum_algorithm);
    }
    request.checksum_type = TRY(read_checksum_type(in.checksum_type));
    if (request.checksum_type && !request.checksum_kind)
        return base::fail(base::code::InvalidRequest,
                          "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.");
    request.lock = TRY(read_lock(in, permit.time()));
    const auto encryption = encryption_headers(in);
    request.encryption = TRY(wanted_encryption(encryption, *located.bucket, permit));
    request.asked_algorithm = encryption.algorithm.value_or("");
    if (encryption.key_id) request.asked_key = request.encryption.encryption.key_arn;
    const auto upload = TRY(s3.storage.create_upload(request));
    m::CreateMultipartUpload::Output out{.bucket = upload.bucket, .key = upload.key, .upload_id = upload.id};
    if (upload.checksum_declared) {
        out.checksum_algorithm = objects::name_of(upload.checksum_kind);
        out.checksum_type = objects::name_of(upload.checksum_type);
    }
    show_encryption(out, upload.encryption, encryption.customer);
    show_context(out, upload.encryption);
    return out;
}

// What the request that began the upload said of encryption counts for each of its parts: a policy that asks for the header of uploads would
// refuse the parts of each otherwise.
Result<RequiredAccesses<Copying>> part_needs(const S3& s3, const RequestOrigin& asking, const m::UploadPart::Input& in) {
    RequiredAccesses<Copying> needs;
    policy::Context keys;
    add_write_keys(keys, in);
    add_upload_encryption_keys(keys, s3, in.bucket, in.key, in.upload_id);
    keys.set("s3:ObjectCreationOperation", "false");
    needs.add(m::Action::s3_PutObject, TRY(find_target(asking, in.bucket, in.key, needs.prepared)), keys);
    if (customer_headers(in).any() && blocks_customer_keys(*needs.prepared.to.bucket))
        needs.refuse_last_by(policy::ServiceRule::customer_keys_blocked);
    return needs;
}

Result<RequiredAccesses<Copying>> complete_needs(const S3& s3, const RequestOrigin& asking,
                                                 const m::CompleteMultipartUpload::Input& in) {
    RequiredAccesses<Copying> needs;
    policy::Context keys;
    if (in.if_match) keys.set("s3:if-match", *in.if_match);
    if (in.if_none_match) keys.set("s3:if-none-match", *in.if_none_match);
    if (!model::text(in.sse_customer_algorithm).empty())
        keys.set("s3:x-amz-server-side-encryption-customer-algorithm", *in.sse_customer_algorithm);
    add_upload_encryption_keys(keys, s3, in.bucket, in.key, in.upload_id);
    keys.set("s3:ObjectCreationOperation", "true");
    needs.add(m::Action::s3_PutObject, TRY(find_target(asking, in.bucket, in.key, needs.prepared)), keys);
    return needs;
}

Result<m::UploadPart::Output> upload_part(S3& s3, const Permit& permit, const m::UploadPart::Input& in, Copying&&) {
    objects::PutPart request{.bucket = in.bucket, .key = in.key, .upload_id = in.upload_id};
    request.number = TRY(part_number(in.part_number));
    const auto upload = TRY(s3.storage.find_upload(request.bucket, request.key, request.upload_id));
    request.checksum = TRY(checksum_kind_of(in));
    TRY(check_part_encryption(upload.encryption, permit));
    request.customer_key = TRY(customer_key(customer_headers(in), permit));
    const auto part = TRY(write_body(*in.body, request, [&](const auto& whole) { return s3.storage.put_part(whole); }));
    m::UploadPart::Output out{.e_tag = quoted_etag(part.etag)};
    checksum_of(out, upload.checksum_kind) = part.checksum;
    show_encryption(out, upload.encryption, customer_headers(in));
    return out;
}

Result<std::vector<objects::CompletedPart>> read_completed(const std::optional<m::CompletedMultipartUpload>& upload) {
    if (!upload) return base::fail(malformed_xml());
    std::vector<objects::CompletedPart> parts;
    for (const auto& listed : model::items(upload->parts)) {
        const auto number = part_number(listed.part_number.value_or(0));
        if (!number || !listed.e_tag) return base::fail(malformed_xml());
        objects::CompletedPart part{*number, *listed.e_tag, {}};
        for (const auto kind : objects::checksum_kinds)
            if (const auto& checksum = checksum_of(listed, kind)) part.checksums.emplace_back(kind, *checksum);
        parts.push_back(std::move(part));
    }
    return parts;
}

// Where the object is, in the host's way of naming buckets.
std::string location_of(std::string_view host, const std::string& bucket, const std::string& key) {
    const std::string of_bucket = wire::bucket_of_host(host).empty() ? "/" + text::encode_uri(bucket) : "";
    return "http://" + std::string(host) + of_bucket + "/" + text::encode_uri(key, true);
}

Result<m::CompleteMultipartUpload::Output> complete_upload(S3& s3, const Permit&, const m::CompleteMultipartUpload::Input& in,
                                                           Copying&& copying) {
    objects::CompleteUpload request;
    request.bucket = in.bucket;
    request.key = in.key;
    request.upload_id = in.upload_id;
    request.parts = TRY(read_completed(in.multipart_upload));
    request.conditions = TRY(write_conditions(in.if_match, in.if_none_match));
    if (in.mpu_object_size) request.size = static_cast<uint64_t>(*in.mpu_object_size);
    request.checksum_type = TRY(read_checksum_type(in.checksum_type));
    for (const auto kind : objects::checksum_kinds)
        if (const auto& checksum = checksum_of(in, kind)) request.checksum = {kind, *checksum};
    const auto object = TRY(s3.storage.complete_upload(request));
    m::CompleteMultipartUpload::Output out{.location = location_of(model::text(in.host), in.bucket, in.key),
                                           .bucket = in.bucket,
                                           .key = in.key,
                                           .e_tag = quoted_etag(object->etag),
                                           .version_id = shown_version(*copying.to.bucket, *object)};
    if (const auto& checksum = object->checksum) show_checksum(out, *checksum);
    show_encryption(out, object->encryption, customer_headers(in));
    return out;
}

Result<m::AbortMultipartUpload::Output> abort_upload(S3& s3, const Permit&, const m::AbortMultipartUpload::Input& in) {
    TRY(s3.storage.abort_upload(in.bucket, in.key, in.upload_id));
    return m::AbortMultipartUpload::Output{};
}

Result<m::ListParts::Output> list_parts(S3& s3, const Permit&, const m::ListParts::Input& in, Located&& located) {
    const size_t most = at_most(in.max_parts);
    const auto after = in.part_number_marker.value_or(0);
    const bool url = !model::text(in.encoding_type).empty();
    const auto listed = TRY(s3.storage.list_parts(in.bucket, in.key, in.upload_id, static_cast<uint32_t>(after), most));
    std::vector<m::Part> parts;
    for (const auto& part : listed.parts) {
        m::Part shown{.part_number = static_cast<int32_t>(part.number),
                      .last_modified = part.last_modified,
                      .e_tag = quoted_etag(part.etag),
                      .size = static_cast<int64_t>(part.size)};
        checksum_of(shown, listed.upload.checksum_kind) = part.checksum;
        parts.push_back(std::move(shown));
    }
    m::ListParts::Output out{.bucket = in.bucket,
                             .key = encoded(in.key, url),
                             .upload_id = listed.upload.id,
                             .initiator = m::Initiator{.id = listed.upload.initiator},
                             .owner = owner_of(located.bucket->account),
                             .storage_class = "STANDARD",
                             .part_number_marker = after,
                             .max_parts = static_cast<int32_t>(most),
                             .is_truncated = listed.truncated,
                             .checksum_algorithm = std::string(objects::name_of(listed.upload.checksum_kind)),
                             .checksum_type = std::string(objects::name_of(listed.upload.checksum_type)),
                             .parts = std::move(parts)};
    if (!listed.parts.empty()) out.next_part_number_marker = static_cast<int32_t>(listed.parts.back().number);
    return out;
}

Result<m::ListMultipartUploads::Output> list_uploads(S3& s3, const Permit&, const m::ListMultipartUploads::Input& in,
                                                     Located&& located) {
    const objects::ListUploads request{.bucket = in.bucket,
                                       .prefix = in.prefix.value_or(""),
                                       .delimiter = in.delimiter.value_or(""),
                                       .key_marker = in.key_marker.value_or(""),
                                       .upload_id_marker = in.upload_id_marker.value_or(""),
                                       .max_uploads = at_most(in.max_uploads)};
    const bool url = !model::text(in.encoding_type).empty();
    const auto listed = TRY(s3.storage.list_uploads(request));
    m::ListMultipartUploads::Output out{.bucket = request.bucket,
                                        .key_marker = encoded(request.key_marker, url),
                                        .upload_id_marker = request.upload_id_marker,
                                        .max_uploads = static_cast<int32_t>(request.max_uploads),
                                        .is_truncated = listed.truncated};
    if (listed.truncated) {
        out.next_key_marker = encoded(listed.next_key_marker, url);
        out.next_upload_id_marker = listed.next_upload_id_marker;
    }
    if (!request.prefix.empty()) out.prefix = encoded(request.prefix, url);
    if (!request.delimiter.empty()) out.delimiter = encoded(request.delimiter, url);
    if (url) out.encoding_type = "url";
    std::vector<m::MultipartUpload> uploads;
    for (const auto& upload : listed.uploads)
        uploads.push_back({.key = encoded(upload.key, url),
                           .upload_id = upload.id,
                           .initiator = m::Initiator{.id = upload.initiator},
                           .owner = owner_of(located.bucket->account),
                           .storage_class = "STANDARD",
                           .initiated = upload.initiated,
                           .checksum_algorithm = std::string(objects::name_of(upload.checksum_kind)),
                           .checksum_type = std::string(objects::name_of(upload.checksum_type))});
    out.uploads = std::move(uploads);
    out.common_prefixes = shown_prefixes(listed.common_prefixes, url);
    return out;
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<S3>>({
    operation<m::CreateMultipartUpload, create_upload>(),
    operation<m::UploadPart, upload_part, part_needs>(),
    operation<m::CompleteMultipartUpload, complete_upload, complete_needs>(),
    operation<m::AbortMultipartUpload, abort_upload>(),
    operation<m::ListParts, list_parts>(),
    operation<m::ListMultipartUploads, list_uploads>(),
});

}  // namespace

Rows multipart_operations() { return operations; }

}  // namespace services::s3
