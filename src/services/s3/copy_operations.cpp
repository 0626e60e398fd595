// CopyObject, and what UploadPartCopy shares with it.
#include <array>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "model/s3/copies.hpp"
#include "services/s3/copying.hpp"
#include "services/s3/locks.hpp"
#include "services/s3/ranges.hpp"
#include "text/uri.hpp"

namespace services::s3 {

Result<CopySource> read_copy_source(std::string_view header) {
    if (header.starts_with("arn:")) {
        return base::fail(base::code::NotImplemented,
                          "A header you provided implies functionality that is not implemented: x-amz-copy-source with an ARN");
    }
    CopySource source;
    const auto question = header.find('?');
    if (question != std::string_view::npos) {
        const auto version = header.substr(question + 1);
        if (!version.starts_with("versionId="))
            return base::fail(base::code::InvalidArgument, "Unsupported copy source parameter.");
        source.version = version.substr(version.find('=') + 1);
        if (*source.version != objects::null_version && !objects::is_version_id(*source.version))
            return base::fail(base::code::InvalidArgument, "Invalid version id specified");
        header = header.substr(0, question);
    }
    // As a form is: S3 takes `+` for a space, and clients that mean a plus send `%2B`.
    auto decoded = text::decode_uri(header, true);
    if (!decoded) return base::fail(base::code::InvalidArgument, "Invalid copy source encoding.");
    std::string_view path = *decoded;
    if (path.starts_with('/')) path.remove_prefix(1);
    const auto slash = path.find('/');
    if (slash == std::string_view::npos || slash == 0 || slash + 1 == path.size()) {
        return base::fail(base::code::InvalidArgument,
                          "Copy Source must mention the source bucket and key: /sourcebucket/sourcekey");
    }
    source.bucket = path.substr(0, slash);
    source.key = path.substr(slash + 1);
    return source;
}

Result<gate::Description> add_source(const RequestOrigin& asking, const std::string& copy_source,
                                     const std::optional<std::string>& expected_owner, RequiredAccesses<Copying>& needs) {
    auto& [source, from, to, tags] = needs.prepared;
    source = TRY(read_copy_source(copy_source));
    const std::string bucket = "arn:aws:s3:::" + source.bucket;
    const auto action = source.version ? m::Action::s3_GetObjectVersion : m::Action::s3_GetObject;
    const auto keys = version_keys(source.version);
    auto object = TRY(asking.find(bucket + "/" + source.key, action, {}, &keys));
    from = *object.found.as<Located>();
    needs.add(action, object, keys);
    if (expected_owner && *expected_owner != object.owner) needs.refuse_last_by(policy::ServiceRule::bucket_owner_condition);
    if (object.existence != gate::Existence::absent) return object;
    policy::Context listing;
    listing.set("s3:prefix", source.key);
    needs.add(m::Action::s3_ListBucket, TRY(asking.find(bucket, m::Action::s3_ListBucket)), listing);
    return object;
}

Result<gate::Description> find_target(const RequestOrigin& asking, const std::string& bucket, const std::string& key,
                                      Copying& copying, std::span<const std::string_view> also) {
    auto target = TRY(asking.find("arn:aws:s3:::" + bucket + "/" + key, m::Action::s3_PutObject, also));
    copying.to = *target.found.as<Located>();
    return target;
}

void add_source_key(policy::Context& context, const CopySource& source) {
    context.set("s3:x-amz-copy-source", source.bucket + "/" + source.key);
}

Result<objects::OpenObject> open_source(const S3& s3, const Copying& copying, const objects::Conditions& conditions,
                                        const CustomerHeaders& customer, const Permit& permit) {
    auto readable = objects::readable(copying.from.object, copying.source.version);
    if (!readable) {
        auto error = std::move(readable).error();
        // AWS's own answer to a copy of what was deleted.
        if (error.code == base::code::MethodNotAllowed)
            return base::fail(base::code::InvalidRequest,
                              "The source of a copy request may not specifically refer to a delete marker by version id.");
        return base::fail(std::move(error).note("Key: " + copying.source.key));
    }
    const auto key = TRY(reading_key(customer, **readable, permit));
    auto open = TRY(s3.storage.open_object(*readable, 0, UINT64_MAX, key));
    const auto verdict = objects::judge(conditions, *open.object, s3.clock.now());
    if (verdict != objects::Verdict::proceed) {
        base::Error failed = objects::precondition_failed(conditions, verdict);
        for (std::string& note : failed.notes) note.insert(note.find(": ") + 2, "x-amz-copy-source-");
        return base::fail(std::move(failed));
    }
    return open;
}

namespace {

Result<bool> replaces(const std::optional<std::string>& directive, std::string_view header) {
    if (!directive || *directive == "COPY") return false;
    if (*directive == "REPLACE") return true;
    return base::fail(base::code::InvalidArgument, "Unknown directive: " + std::string(header) + ": " + *directive);
}

Result<RequiredAccesses<Copying>> copy_needs(const S3& s3, const RequestOrigin& asking, const m::CopyObject::Input& in) {
    RequiredAccesses<Copying> needs;
    const auto source = TRY(add_source(asking, in.copy_source, in.expected_source_bucket_owner, needs));
    TRY(replaces(in.metadata_directive, "x-amz-metadata-directive"));
    const bool replaces_tags = TRY(replaces(in.tagging_directive, "x-amz-tagging-directive"));
    auto& copying = needs.prepared;
    const bool has_tags = copying.from.object && !copying.from.object->tags.empty();
    if (replaces_tags)
        copying.tags = TRY(read_tagging(in.tagging));
    else if (has_tags)
        copying.tags = copying.from.object->tags;

    policy::Context keys;
    add_write_keys(keys, in);
    if (!model::text(in.server_side_encryption).empty()) keys.set("s3:x-amz-server-side-encryption", *in.server_side_encryption);
    if (!model::text(in.ssekms_key_id).empty())
        keys.set("s3:x-amz-server-side-encryption-aws-kms-key-id",
                 key_in_conditions(*in.ssekms_key_id, asking.region, asking.caller.principal.account));
    if (in.if_match) keys.set("s3:if-match", *in.if_match);
    if (in.if_none_match) keys.set("s3:if-none-match", *in.if_none_match);
    add_source_key(keys, copying.source);
    if (in.metadata_directive) keys.set("s3:x-amz-metadata-directive", *in.metadata_directive);
    std::vector<std::string> names;
    for (const auto& [key, value] : copying.tags) {
        keys.set("s3:RequestObjectTag/" + key, value);
        names.push_back(key);
    }
    if (!names.empty()) keys.set_list("s3:RequestObjectTagKeys", std::move(names));
    keys.set("s3:ObjectCreationOperation", "true");
    std::vector<std::string_view> also;
    if (!copying.tags.empty()) also.push_back(m::Action::s3_PutObjectTagging.text);
    if (in.acl || in.grant_full_control) also.push_back(m::Action::s3_PutObjectAcl.text);
    if (in.object_lock_mode) also.push_back(m::Action::s3_PutObjectRetention.text);
    if (in.object_lock_legal_hold_status) also.push_back(m::Action::s3_PutObjectLegalHold.text);
    add_lock_keys(keys, in, s3.clock.now());
    const auto target = TRY(find_target(asking, in.bucket, in.key, copying, also));
    needs.add(m::Action::s3_PutObject, target, keys);
    if (customer_headers(in).any() && blocks_customer_keys(*copying.to.bucket))
        needs.refuse_last_by(policy::ServiceRule::customer_keys_blocked);
    if (!copying.tags.empty()) needs.add(m::Action::s3_PutObjectTagging, target, keys);
    // Of the object that is copied, as it was found: one that is looked up again may be another.
    if (has_tags && !replaces_tags) {
        needs.add(copying.source.version ? m::Action::s3_GetObjectVersionTagging : m::Action::s3_GetObjectTagging, source,
                  version_keys(copying.source.version));
    }
    if (in.acl || in.grant_full_control) needs.add(m::Action::s3_PutObjectAcl, target, keys);
    if (in.object_lock_mode) needs.add(m::Action::s3_PutObjectRetention, target, keys);
    if (in.object_lock_legal_hold_status) needs.add(m::Action::s3_PutObjectLegalHold, target, keys);
    return needs;
}

Result<m::CopyObject::Output> copy_object(S3& s3, const Permit& permit, const m::CopyObject::Input& in, Copying&& copying) {
    objects::CopyRequest request;
    request.source = TRY(open_source(s3, copying, source_conditions(in), source_customer_headers(in), permit));
    request.source_bucket = copying.source.bucket;
    request.source_key = copying.source.key;
    request.bucket = in.bucket;
    request.key = in.key;
    if (in.checksum_algorithm) {
        request.checksum = objects::checksum_kind(*in.checksum_algorithm);
        if (!request.checksum)
            return base::fail(base::code::InvalidRequest,
                              "Checksum algorithm provided is unsupported: " + *in.checksum_algorithm);
    }
    request.lock = TRY(read_lock(in, permit.time()));
    // Where there are versions, one that is named becomes the latest.
    const bool becomes_latest = copying.source.version && copying.to.bucket->is_versioned();
    const bool itself = request.bucket == request.source_bucket && request.key == request.source_key && !becomes_latest;
    const bool replaces_metadata = in.metadata_directive == "REPLACE";
    // A storage class that is named counts as a change even if it is the one that the object has, as in AWS.
    const auto encryption = encryption_headers(in);
    const bool changes = replaces_metadata || in.tagging_directive == "REPLACE" || in.storage_class ||
                         in.website_redirect_location || encryption.any();
    if (itself && !changes) {
        return base::fail(
            base::code::InvalidRequest,
            "This copy request is illegal because it is trying to copy an object to itself without changing the object's "
            "metadata, storage class, website redirect location or encryption attributes.");
    }
    request.attributes = replaces_metadata ? attributes_of(in) : request.source.object->attributes;
    request.attributes.website_redirect_location = in.website_redirect_location.value_or("");
    request.tags = copying.tags;
    request.encryption = TRY(wanted_encryption(encryption, *copying.to.bucket, permit));
    request.conditions = TRY(write_conditions(in.if_match, in.if_none_match));
    const auto made = TRY(s3.storage.copy(request));
    m::CopyObjectResult result{.last_modified = made->last_modified, .e_tag = quoted_etag(made->etag)};
    if (const auto& checksum = made->checksum) show_checksum(result, *checksum);
    m::CopyObject::Output out{.copy_object_result = std::move(result),
                              .copy_source_version_id = shown_version(*copying.from.bucket, *request.source.object),
                              .version_id = shown_version(*copying.to.bucket, *made)};
    show_encryption(out, made->encryption, customer_headers(in));
    show_context(out, made->encryption);
    return out;
}

// --- UploadPartCopy ---

Result<RequiredAccesses<Copying>> part_copy_needs(const S3& s3, const RequestOrigin& asking, const m::UploadPartCopy::Input& in) {
    RequiredAccesses<Copying> needs;
    TRY(add_source(asking, in.copy_source, in.expected_source_bucket_owner, needs));
    policy::Context keys;
    add_write_keys(keys, in);
    add_upload_encryption_keys(keys, s3, in.bucket, in.key, in.upload_id);
    add_source_key(keys, needs.prepared.source);
    keys.set("s3:ObjectCreationOperation", "false");
    const auto target = TRY(find_target(asking, in.bucket, in.key, needs.prepared));
    needs.add(m::Action::s3_PutObject, target, keys);
    if (customer_headers(in).any() && blocks_customer_keys(*needs.prepared.to.bucket))
        needs.refuse_last_by(policy::ServiceRule::customer_keys_blocked);
    return needs;
}

Result<m::UploadPartCopy::Output> upload_part_copy(S3& s3, const Permit& permit, const m::UploadPartCopy::Input& in,
                                                   Copying&& copying) {
    objects::PutPart request{.bucket = in.bucket, .key = in.key, .upload_id = in.upload_id};
    request.number = TRY(part_number(in.part_number));
    const auto upload = TRY(s3.storage.find_upload(request.bucket, request.key, request.upload_id));
    TRY(check_part_encryption(upload.encryption, permit));
    request.customer_key = TRY(customer_key(customer_headers(in), permit));
    const auto source = TRY(open_source(s3, copying, source_conditions(in), source_customer_headers(in), permit));
    ByteRange bytes{0, source.object->size};
    if (in.copy_source_range) bytes = TRY(read_copy_range(*in.copy_source_range, source.object->size));
    request.body = objects::read_range(source, bytes.offset, bytes.length);
    request.length = bytes.length;
    const auto part = TRY(s3.storage.put_part(request));
    m::CopyPartResult result{.last_modified = part.last_modified, .e_tag = quoted_etag(part.etag)};
    checksum_of(result, upload.checksum_kind) = part.checksum;
    m::UploadPartCopy::Output out{.copy_source_version_id = shown_version(*copying.from.bucket, *source.object),
                                  .copy_part_result = std::move(result)};
    show_encryption(out, upload.encryption, customer_headers(in));
    return out;
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<S3>>({
    operation<m::CopyObject, copy_object, copy_needs>(),
    operation<m::UploadPartCopy, upload_part_copy, part_copy_needs>(),
});

}  // namespace

Rows copy_operations() { return operations; }

}  // namespace services::s3
