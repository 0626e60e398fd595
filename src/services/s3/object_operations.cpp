// Objects: put, get, head, attributes.
//
// GetObject and HeadObject are decided by `read_needs`: of a version that is locked, the lock is told to those who may see it.
#include <array>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "model/s3/objects.hpp"
#include "services/s3/encryption.hpp"
#include "services/s3/locks.hpp"
#include "services/s3/members.hpp"
#include "services/s3/ranges.hpp"

namespace services::s3 {
namespace {

// --- PutObject ---

Result<m::PutObject::Output> put_object(S3& s3, const Permit& permit, const m::PutObject::Input& in, Located&& located) {
    objects::PutRequest request;
    request.bucket = in.bucket;
    request.key = in.key;
    request.attributes = attributes_of(in);
    request.tags = TRY(read_tagging(in.tagging));
    request.conditions = TRY(write_conditions(in.if_match, in.if_none_match));
    const auto kind = TRY(checksum_kind_of(in));
    if (kind) request.checksum = *kind;
    request.lock = TRY(read_lock(in, permit.time()));
    TRY(check_digest(*located.bucket, request.lock, in.content_md5.has_value() || kind.has_value()));
    request.encryption = TRY(wanted_encryption(encryption_headers(in), *located.bucket, permit));
    const auto object = TRY(write_body(*in.body, request, [&](const auto& whole) { return s3.storage.put(whole); }));
    m::PutObject::Output out{.e_tag = quoted_etag(object->etag), .version_id = shown_version(*located.bucket, *object)};
    if (const auto& checksum = object->checksum) show_checksum(out, *checksum);
    show_encryption(out, object->encryption, customer_headers(in));
    show_context(out, object->encryption);
    return out;
}

// --- GetObject, HeadObject ---

std::optional<std::string> unless_empty(const std::string& value) { return value.empty() ? std::nullopt : std::optional(value); }

template <class Output>
void describe(Output& out, const objects::Object& object) {
    const auto& attributes = object.attributes;
    out.e_tag = quoted_etag(object.etag);
    out.last_modified = object.last_modified;
    out.accept_ranges = "bytes";
    out.content_type = attributes.content_type.empty() ? "binary/octet-stream" : attributes.content_type;
    out.cache_control = unless_empty(attributes.cache_control);
    out.content_disposition = unless_empty(attributes.content_disposition);
    out.content_encoding = unless_empty(attributes.content_encoding);
    out.content_language = unless_empty(attributes.content_language);
    out.expires = unless_empty(attributes.expires);
    out.website_redirect_location = unless_empty(attributes.website_redirect_location);
    out.metadata = shown_metadata(attributes.user_metadata);
    if (!object.tags.empty()) out.tag_count = static_cast<int32_t>(object.tags.size());
}

// `response-content-type=…` and its five siblings replace a header of the answer.
Result<void> replace_header(const std::optional<std::string>& wanted, std::string_view parameter, bool is_anonymous,
                            std::optional<std::string>& header) {
    const auto value = model::text(wanted);
    if (value.empty()) return {};
    if (is_anonymous)
        return base::fail(base::code::InvalidRequest,
                          "Request specific response headers cannot be used for anonymous GET requests.");
    // What a client puts into an answer must not end the header and begin another.
    for (const char c : value) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            return base::fail(base::code::InvalidArgument,
                              "Header value cannot contain control characters: " + std::string(parameter));
    }
    header = std::string(value);
    return {};
}

template <class Input, class Output>
Result<void> replace_headers(const Input& in, bool is_anonymous, Output& out) {
    TRY(replace_header(in.response_cache_control, "response-cache-control", is_anonymous, out.cache_control));
    TRY(replace_header(in.response_content_disposition, "response-content-disposition", is_anonymous, out.content_disposition));
    TRY(replace_header(in.response_content_encoding, "response-content-encoding", is_anonymous, out.content_encoding));
    TRY(replace_header(in.response_content_language, "response-content-language", is_anonymous, out.content_language));
    TRY(replace_header(in.response_content_type, "response-content-type", is_anonymous, out.content_type));
    return replace_header(in.response_expires, "response-expires", is_anonymous, out.expires);
}

// Which bytes: a Range header or a part number; all of them if neither.
Result<std::optional<ByteRange>> wanted_range(const std::optional<std::string>& range, const std::optional<int32_t>& part,
                                              const objects::Object& object) {
    if (!part) return range ? TRY(read_range_header(*range, object.size)) : std::optional<ByteRange>();
    if (range) return base::fail(base::code::InvalidRequest, "Cannot specify both Range header and partNumber query parameter");
    if (*part < 1)
        return base::fail(
            base::Error(base::code::InvalidArgument, "Part number must be an integer between 1 and 10000, inclusive")
                .note("ArgumentName: partNumber")
                .note("ArgumentValue: " + std::to_string(*part)));
    const auto number = static_cast<size_t>(*part);
    const auto parts = object.upload_id.empty() ? 1 : object.segments.size();
    if (number > parts) return base::fail(base::code::InvalidPartNumber, "The requested partnumber is not satisfiable");
    if (object.upload_id.empty()) return ByteRange{0, object.size};
    ByteRange bytes;
    for (size_t index = 0; index + 1 < number; ++index) bytes.offset += object.segments[index].size;
    bytes.length = object.segments[number - 1].size;
    return bytes;
}

// Everything but the body; which bytes it is about. nullopt: none, it has not changed.
template <class Input, class Output>
Result<std::optional<ByteRange>> look_at(const Permit& permit, const Input& in, const objects::Object& object, Output& out) {
    describe(out, object);
    show_encryption(out, object.encryption, customer_headers(in));
    const objects::Conditions conditions{.if_match = in.if_match,
                                         .if_none_match = in.if_none_match,
                                         .if_modified_since = in.if_modified_since,
                                         .if_unmodified_since = in.if_unmodified_since};
    switch (objects::judge(conditions, object, permit.time())) {
        case objects::Verdict::proceed:
            break;
        case objects::Verdict::precondition_failed:
            return base::fail(objects::precondition_failed(conditions, objects::Verdict::precondition_failed));
        case objects::Verdict::not_modified:
            out.status = 304;
            return std::nullopt;
    }
    TRY(replace_headers(in, permit.caller().principal.kind == policy::PrincipalKind::anonymous, out));
    const auto range = TRY(wanted_range(in.range, in.part_number, object));
    const auto bytes = range.value_or(ByteRange{0, object.size});
    if (range) {
        out.status = 206;
        if (object.size > 0)
            out.content_range = "bytes " + std::to_string(bytes.offset) + "-" + std::to_string(bytes.offset + bytes.length - 1) +
                                "/" + std::to_string(object.size);
    }
    const bool whole = bytes.offset == 0 && bytes.length == object.size;
    const bool wants_checksum = object.checksum && base::equals_ignoring_case(model::text(in.checksum_mode), "ENABLED");
    // Of one part, its own.
    const bool is_part = in.part_number && !object.upload_id.empty();
    const std::string part_checksum =
        is_part ? object.segments[static_cast<size_t>(*in.part_number) - 1].checksum : std::string();
    if (wants_checksum && !part_checksum.empty())
        show_checksum(out, {.kind = object.checksum->kind, .type = object.checksum->type, .value = part_checksum});
    else if (wants_checksum && whole && !is_part)
        show_checksum(out, *object.checksum);
    if (in.part_number && !object.upload_id.empty()) out.parts_count = static_cast<int32_t>(object.segments.size());
    return bytes;
}

// What a read was decided on; the lock opens with the permit alone.
struct Reading {
    Located located;
    std::optional<gate::AuthorizedInput<objects::Retention>> retention;
    std::optional<gate::AuthorizedInput<bool>> legal_hold;
};

template <class Input>
Result<RequiredAccesses<Reading>> read_needs(const S3&, const RequestOrigin& asking, const Input& in) {
    const auto action = in.version_id ? m::Action::s3_GetObjectVersion : m::Action::s3_GetObject;
    const auto keys = version_keys(in.version_id);
    const std::string bucket = "arn:aws:s3:::" + in.bucket;
    auto object = TRY(asking.find(bucket + "/" + in.key, action, {}, &keys));
    RequiredAccesses<Reading> needs;
    auto& [located, retention, legal_hold] = needs.prepared;
    located = std::move(*object.found.template as<Located>());
    const bool locked = located.object && located.object->lock.any();
    if (object.existence == gate::Existence::absent) {
        needs.add(action, std::move(object), keys);
        policy::Context listing;
        listing.set("s3:prefix", in.key);
        needs.add(m::Action::s3_ListBucket, TRY(asking.find(bucket, m::Action::s3_ListBucket)), listing);
    } else if (!locked) {
        needs.add(action, std::move(object), keys);
    } else {
        const auto& lock = located.object->lock;
        needs.add(action, object, keys);
        if (lock.retention) retention = needs.separate(m::Action::s3_GetObjectRetention, object, *lock.retention, keys);
        if (lock.legal_hold) legal_hold = needs.separate(m::Action::s3_GetObjectLegalHold, object, *lock.legal_hold, keys);
    }
    return needs;
}

// The version that may be read, with the headers that say which it is and how it is locked.
template <class Output>
Result<objects::ObjectPtr> read_version(const Permit& permit, const std::optional<std::string>& version, Reading& reading,
                                        Output& out) {
    auto object = TRY(objects::readable(std::move(reading.located.object), version));
    out.version_id = shown_version(*reading.located.bucket, *object);
    if (reading.retention) {
        if (const auto retention = permit.open(*std::move(reading.retention))) {
            out.object_lock_mode = objects::name_of(retention->mode);
            out.object_lock_retain_until_date = retention->until;
        }
    }
    if (reading.legal_hold) {
        if (const auto hold = permit.open(*std::move(reading.legal_hold)))
            out.object_lock_legal_hold_status = *hold ? "ON" : "OFF";
    }
    return object;
}

Result<m::GetObject::Output> get_object(S3& s3, const Permit& permit, const m::GetObject::Input& in, Reading&& reading) {
    m::GetObject::Output out;
    const auto object = TRY(read_version(permit, in.version_id, reading, out));
    const auto key = TRY(reading_key(customer_headers(in), *object, permit));
    TRY(s3.storage.check_customer_key(*object, key));
    if (const auto bytes = TRY(look_at(permit, in, *object, out))) {
        const auto open = TRY(s3.storage.open_object(object, bytes->offset, bytes->length, key));
        out.body = TRY(checked_body_of(open, *bytes));
    }
    return out;
}

// Who asks about an object of SSE-C has its key; of SSE-KMS, needs none, for nothing is opened.
Result<void> check_key_of_facts(const S3& s3, const CustomerHeaders& headers, const objects::Object& object,
                                const Permit& permit) {
    if (object.encryption.kind == objects::EncryptionKind::kms && !headers.any()) return {};
    return s3.storage.check_customer_key(object, TRY(reading_key(headers, object, permit)));
}

Result<m::HeadObject::Output> head_object(S3& s3, const Permit& permit, const m::HeadObject::Input& in, Reading&& reading) {
    m::HeadObject::Output out;
    const auto object = TRY(read_version(permit, in.version_id, reading, out));
    TRY(check_key_of_facts(s3, customer_headers(in), *object, permit));
    if (const auto bytes = TRY(look_at(permit, in, *object, out))) out.content_length = static_cast<int64_t>(bytes->length);
    return out;
}

// --- GetObjectAttributes ---

struct Wanted {
    bool etag = false, checksum = false, parts = false, storage_class = false, size = false;
};

Result<Wanted> read_wanted(const std::vector<std::string>& names) {
    Wanted wanted;
    if (names.empty()) return base::fail(base::code::InvalidArgument, "Invalid attribute name specified.");
    for (const auto& name : names) {
        bool* flag = name == "ETag"           ? &wanted.etag
                     : name == "Checksum"     ? &wanted.checksum
                     : name == "ObjectParts"  ? &wanted.parts
                     : name == "StorageClass" ? &wanted.storage_class
                     : name == "ObjectSize"   ? &wanted.size
                                              : nullptr;
        if (flag == nullptr) return base::fail(base::code::InvalidArgument, "Invalid attribute name specified.");
        *flag = true;
    }
    return wanted;
}

m::GetObjectAttributesParts shown_parts(const m::GetObjectAttributes::Input& in, const objects::Object& object) {
    const size_t most = at_most(in.max_parts), after = static_cast<size_t>(in.part_number_marker.value_or(0));
    const auto last = std::min(object.segments.size(), after + most);
    std::vector<m::ObjectPart> parts;
    for (size_t index = after; index < last; ++index) {
        m::ObjectPart part{.part_number = static_cast<int32_t>(index + 1),
                           .size = static_cast<int64_t>(object.segments[index].size)};
        if (object.checksum) checksum_of(part, object.checksum->kind) = object.segments[index].checksum;
        parts.push_back(std::move(part));
    }
    return {.is_truncated = last < object.segments.size(),
            .max_parts = static_cast<int32_t>(most),
            .next_part_number_marker = static_cast<int32_t>(last),
            .part_number_marker = static_cast<int32_t>(after),
            .total_parts_count = static_cast<int32_t>(object.segments.size()),
            .parts = std::move(parts)};
}

Result<m::GetObjectAttributes::Output> get_attributes(S3& s3, const Permit& permit, const m::GetObjectAttributes::Input& in,
                                                      Located&& located) {
    const auto found = TRY(objects::readable(located.object, in.version_id));
    const auto& object = *found;
    TRY(check_key_of_facts(s3, customer_headers(in), object, permit));
    const auto wanted = TRY(read_wanted(in.object_attributes));
    m::GetObjectAttributes::Output out{.last_modified = object.last_modified,
                                       .version_id = shown_version(*located.bucket, object)};
    if (wanted.etag) out.e_tag = object.etag;
    if (wanted.checksum && object.checksum) show_checksum(out.checksum.emplace(), *object.checksum);
    if (wanted.parts && !object.upload_id.empty()) out.object_parts = shown_parts(in, object);
    if (wanted.storage_class) out.storage_class = "STANDARD";
    if (wanted.size) out.object_size = static_cast<int64_t>(object.size);
    return out;
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<S3>>({
    operation<m::PutObject, put_object>(),
    operation<m::GetObject, get_object, read_needs<m::GetObject::Input>>(),
    operation<m::HeadObject, head_object, read_needs<m::HeadObject::Input>>(),
    operation<m::GetObjectAttributes, get_attributes>(),
});

}  // namespace

Rows object_operations() { return operations; }

}  // namespace services::s3
