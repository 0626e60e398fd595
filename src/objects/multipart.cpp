// Storage: multipart uploads.
//
//   create_upload   s3/u/BUCKET/KEY\0ID = UploadRecord
//   put_part        a blob, then s3/p/ID/NNNNN = PartRecord, expecting the upload unchanged
//   complete        one commit: the object's record with a segment a part; the upload and its parts erased. No byte is copied.
//   abort           one commit: the upload and its parts erased, then their blobs removed
//
// A part may be committed between the look at an upload's parts and the commit that erases the upload; after that commit none
// can, so what is left is cleared then (clear_parts), or at the next start.
//
// A completed object remembers the upload it came from, so that a client whose answer was lost can complete again.
#include <algorithm>
#include <chrono>

#include "base/error_codes.hpp"
#include "base/outdated.hpp"
#include "base/strings.hpp"
#include "crypto/digest.hpp"
#include "objects/decision_state.hpp"
#include "objects/key.hpp"
#include "objects/record.hpp"
#include "objects/rollup.hpp"
#include "objects/storage.hpp"
#include "objects/storage_keys.hpp"

namespace objects {
namespace {

constexpr size_t page_max = 256;

base::Error no_such_upload() {
    return {
        base::code::NoSuchUpload,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."};
}

base::Error invalid_part(const CompletedPart& wanted) {
    return base::Error(base::code::InvalidPart,
                       "One or more of the specified parts could not be found.  The part may not have been uploaded, or the "
                       "specified entity tag may not match the part's entity tag.")
        .note("PartNumber: " + std::to_string(wanted.number))
        .note("ETag: " + wanted.etag);
}

Upload make_upload(const std::string& bucket, const std::string& key, const std::string& id, const UploadRecord& record) {
    return {bucket,
            key,
            id,
            record.initiated,
            record.account,
            record.initiator,
            record.checksum_kind,
            record.checksum_type,
            record.checksum_declared,
            record.encryption,
            record.asked_algorithm,
            record.asked_key};
}

Part make_part(uint32_t number, PartRecord record) {
    return {number, record.size, std::move(record.etag), std::move(record.checksum), record.last_modified};
}

bool is_upload_id(std::string_view id) {
    return !id.empty() && id.size() <= 64 && id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// That a part comes with the key that the upload began with, or with none as it did.
base::Result<void> check_part_key(const EncryptionKeys* keys, const UploadRecord& upload, std::string_view customer_key,
                                  std::string_view name) {
    const bool is_customers = upload.encryption.kind == EncryptionKind::customer;
    if (is_customers == customer_key.empty())
        return base::fail(
            base::code::InvalidRequest,
            "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate "
            "encryption parameters.");
    if (is_customers && !open_data_key(keys, upload.encryption, upload.customer_probe, customer_key, name))
        return base::fail(base::code::InvalidRequest,
                          "The provided encryption parameters did not match the ones used originally.");
    return {};
}

bool has_type(ChecksumKind kind, ChecksumType type) {
    switch (kind) {
        case ChecksumKind::crc32:
        case ChecksumKind::crc32c:
            return true;
        case ChecksumKind::crc64nvme:
            return type == ChecksumType::full_object;
        case ChecksumKind::sha1:
        case ChecksumKind::sha256:
            return type == ChecksumType::composite;
    }
    return false;
}

struct StoredPart {
    std::string record_key, record;  // as stored, to expect unchanged
    PartRecord part;
};
using StoredParts = std::map<uint32_t, StoredPart>;

base::Result<StoredParts> read_parts(const store::KeyValueStore& keys, const std::string& upload_id) {
    StoredParts parts;
    const auto prefix = part_prefix(upload_id);
    for (auto& entry : TRY(keys.scan({.prefix = prefix}))) {
        const auto number = static_cast<uint32_t>(std::stoul(entry.key.substr(prefix.size())));
        auto part = TRY(read_part(entry.value));
        parts.emplace(number, StoredPart{std::move(entry.key), std::move(entry.value), std::move(part)});
    }
    return parts;
}

// The parts the client named, in its order, checked against what was uploaded.
base::Result<std::vector<const StoredPart*>> choose_parts(const CompleteUpload& request, const StoredParts& stored,
                                                          ChecksumKind kind) {
    if (request.parts.empty() || request.parts.size() > parts_max) {
        return base::fail(base::code::MalformedXML,
                          "The XML you provided was not well-formed or did not validate against our published schema");
    }
    std::vector<const StoredPart*> chosen;
    for (const auto& wanted : request.parts) {
        if (&wanted != &request.parts.front() && wanted.number <= (&wanted - 1)->number) {
            return base::fail(
                base::code::InvalidPartOrder,
                "The list of parts was not in ascending order. The parts list must be specified in order by part number.");
        }
    }
    for (const auto& wanted : request.parts) {
        const auto found = stored.find(wanted.number);
        std::string_view etag = wanted.etag;
        if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') etag = etag.substr(1, etag.size() - 2);
        if (found == stored.end() || found->second.part.etag != etag) return base::fail(invalid_part(wanted));
        for (const auto& [said, value] : wanted.checksums) {
            if (said == kind && value != found->second.part.checksum) return base::fail(invalid_part(wanted));
        }
        chosen.push_back(&found->second);
    }
    for (const auto*& part : chosen) {
        if (part != chosen.back() && part->part.size < part_bytes_min) {
            const auto number = request.parts[static_cast<size_t>(&part - chosen.data())].number;
            return base::fail(
                base::Error(base::code::EntityTooSmall, "Your proposed upload is smaller than the minimum allowed size")
                    .note("ProposedSize: " + std::to_string(part->part.size))
                    .note("MinSizeAllowed: " + std::to_string(part_bytes_min))
                    .note("PartNumber: " + std::to_string(number))
                    .note("ETag: " + part->part.etag));
        }
    }
    return chosen;
}

// The whole's checksum, and the client's claim about it.
base::Result<Checksum> check_whole(const CompleteUpload& request, const UploadRecord& upload,
                                   const std::vector<const StoredPart*>& chosen) {
    if (request.checksum_type && *request.checksum_type != upload.checksum_type) {
        return base::fail(base::code::InvalidRequest,
                          "The upload was created using the " + std::string(name_of(upload.checksum_type)) +
                              " checksum mode. The complete request must use the same checksum mode.");
    }
    std::vector<PartChecksum> sums;
    for (const auto* part : chosen) sums.push_back({part->part.checksum, part->part.size});
    auto whole = combine(upload.checksum_kind, upload.checksum_type, sums);
    if (request.checksum) {
        if (request.checksum->first != upload.checksum_kind) {
            return base::fail(base::code::InvalidRequest, "The upload was created using the " +
                                                              std::string(name_of(upload.checksum_kind)) +
                                                              " checksum. The complete request must use the same checksum.");
        }
        // Of a composite checksum the count behind it may be left out.
        const auto said = request.checksum->second.substr(0, request.checksum->second.find('-'));
        if (said != whole.value.substr(0, whole.value.find('-'))) {
            return base::fail(base::code::BadDigest, "The " + std::string(name_of(upload.checksum_kind)) +
                                                         " you specified did not match the calculated checksum.");
        }
    }
    return whole;
}

}  // namespace

base::Result<Upload> Storage::create_upload(const CreateUpload& request) {
    TRY(check_new_key(request.key));
    TRY(check_tags(request.tags, object_tags_max));
    UploadRecord record;
    record.account = request.account;
    record.initiator = request.initiator;
    record.attributes = request.attributes;
    record.tags = request.tags;
    record.lock = request.lock;
    record.checksum_declared = request.checksum_kind.has_value();
    record.checksum_kind = request.checksum_kind.value_or(ChecksumKind::crc64nvme);
    record.checksum_type = request.checksum_type.value_or(
        record.checksum_kind == ChecksumKind::crc64nvme ? ChecksumType::full_object : ChecksumType::composite);
    if (!has_type(record.checksum_kind, record.checksum_type)) {
        return base::fail(base::code::InvalidRequest, "The " + std::string(name_of(record.checksum_type)) +
                                                          " checksum type cannot be used with the " +
                                                          base::lower(name_of(record.checksum_kind)) + " checksum algorithm.");
    }
    if (encrypts(request.encryption)) record.encryption = request.encryption.encryption;
    if (record.encryption.kind == EncryptionKind::customer)
        record.customer_probe = TRY(seal_data_key(*dependencies_.encryption, *dependencies_.random, request.encryption, {},
                                                  object_name(request.bucket, request.key)));
    record.asked_algorithm = request.asked_algorithm;
    record.asked_key = request.asked_key;
    record.initiated = dependencies_.clock->now();
    const auto id = dependencies_.random->hex(64);
    for (;;) {
        const auto bucket = TRY(bucket_for_writing(request.bucket));
        if (request.lock.any() && !bucket->configuration.object_lock) return base::fail(no_lock_configuration());
        store::Batch batch;
        batch.expect(bucket_key(request.bucket), bucket->record);
        batch.expect(configuration_key(request.bucket), bucket->configuration_record);
        if (has_seen_object(request.bucket, request.key)) {
            auto there = TRY(dependencies_.keys->get(object_key(request.bucket, request.key)));
            TRY(expect_object(request.bucket, request.key, there));
            batch.expect(object_key(request.bucket, request.key), std::move(there));
        }
        batch.put(upload_key(request.bucket, request.key, id), write_record(record));
        const auto committed = commit(batch);
        if (committed) return make_upload(request.bucket, request.key, id, record);
        if (committed.error().code != base::code::Conflict) return base::fail(committed.error());
    }
}

base::Result<Upload> Storage::find_upload(const std::string& bucket, const std::string& key, const std::string& upload_id) const {
    if (!is_upload_id(upload_id)) return base::fail(no_such_upload());
    const auto record = TRY(dependencies_.keys->get(upload_key(bucket, key, upload_id)));
    if (!record) return base::fail(no_such_upload());
    return make_upload(bucket, key, upload_id, TRY(read_upload(*record)));
}

base::Result<Part> Storage::put_part(const PutPart& request) {
    if (request.number < 1 || request.number > parts_max) {
        return base::fail(
            base::Error(base::code::InvalidArgument, "Part number must be an integer between 1 and 10000, inclusive")
                .note("ArgumentName: partNumber")
                .note("ArgumentValue: " + std::to_string(request.number)));
    }
    if (!is_upload_id(request.upload_id)) return base::fail(no_such_upload());
    const auto owner_key = upload_key(request.bucket, request.key, request.upload_id);
    const auto owner = TRY(dependencies_.keys->get(owner_key));
    if (!owner) return base::fail(no_such_upload());
    const auto upload = TRY(read_upload(*owner));
    if (request.checksum && upload.checksum_declared && *request.checksum != upload.checksum_kind) {
        return base::fail(base::code::InvalidRequest, "Checksum Type mismatch occurred, expected checksum Type: " +
                                                          base::lower(name_of(upload.checksum_kind)) +
                                                          ", actual checksum Type: " + base::lower(name_of(*request.checksum)));
    }
    const WantedEncryption wanted{.encryption = upload.encryption, .customer_key = request.customer_key};
    const auto name = object_name(request.bucket, request.key);
    TRY(check_part_key(dependencies_.encryption, upload, request.customer_key, name));
    const bool encrypted = encrypts(wanted);
    std::shared_ptr<ReceivedBody> here;
    auto& kept = request.received != nullptr ? *request.received : here;
    if (!kept) {
        kept = TRY(receive(request.body, request.length, upload.checksum_kind, 0, encrypted));
        if (kept->blob.empty()) {  // an empty part is a part
            const auto writer = TRY(dependencies_.blobs->create());
            TRY(writer->write(kept->content));
            kept->blob = TRY(writer->commit());
        }
    }
    const auto* checksum = kept->sums.find(upload.checksum_kind);
    if (checksum == nullptr) return base::fail(no_such_upload());  // made anew between two attempts
    PartRecord part{.blob = kept->blob,
                    .size = kept->size,
                    .etag = etag_of(*kept, upload.encryption.kind),
                    .checksum = *checksum,
                    .last_modified = dependencies_.clock->now(),
                    .key = {},
                    .extension = {}};
    if (encrypted) part.key = TRY(sealed_key(*kept, wanted, name));
    const auto record_key = part_key(request.upload_id, request.number);
    for (;;) {
        const auto bucket = TRY(bucket_for_writing(request.bucket));
        auto before = TRY(dependencies_.keys->get(record_key));
        store::Batch batch;
        batch.expect(bucket_key(request.bucket), bucket->record);
        batch.expect(configuration_key(request.bucket), bucket->configuration_record);
        batch.expect(owner_key, owner).expect(record_key, before).put(record_key, write_record(part));
        const auto committed = commit(batch);
        if (committed) {
            kept->give_away();
            if (before) remove_blob(TRY(read_part(*before)).blob);
            return make_part(request.number, part);
        }
        if (committed.error().code != base::code::Conflict) {
            auto records = records_of(request.bucket, request.key);
            records.push_back(record_key);
            settle(*kept, committed.error(), std::move(records));
            return base::fail(committed.error());
        }
        if (TRY(dependencies_.keys->get(owner_key)) != owner) return base::fail(no_such_upload());
    }
}

base::Result<ObjectPtr> Storage::complete_upload(const CompleteUpload& request) {
    TRY(bucket_for_writing(request.bucket));
    if (!is_upload_id(request.upload_id)) return base::fail(no_such_upload());
    const auto owner_key = upload_key(request.bucket, request.key, request.upload_id);
    const auto owner = TRY(dependencies_.keys->get(owner_key));
    if (!owner) {
        const auto present = find(request.bucket, request.key);
        if (present && (*present)->upload_id == request.upload_id) return *present;
        return base::fail(no_such_upload());
    }
    const auto upload = TRY(read_upload(*owner));
    const auto stored = TRY(read_parts(*dependencies_.keys, request.upload_id));
    const auto chosen = TRY(choose_parts(request, stored, upload.checksum_kind));

    auto object = std::make_shared<Object>();
    std::string digests;
    for (const auto* part : chosen) {
        object->size += part->part.size;
        object->segments.push_back({part->part.blob, part->part.size, part->part.checksum, part->part.key});
        for (size_t at = 0; at < part->part.etag.size(); at += 2) {
            digests.push_back(static_cast<char>(std::stoi(part->part.etag.substr(at, 2), nullptr, 16)));
        }
    }
    if (object->size > object_bytes_max)
        return base::fail(base::code::EntityTooLarge, "Your proposed upload exceeds the maximum allowed size");
    if (request.size && *request.size != object->size) {
        return base::fail(base::code::InvalidRequest,
                          "The provided 'x-amz-mp-object-size' header does not match what was computed.");
    }
    object->etag = crypto::hex(crypto::md5(digests)) + "-" + std::to_string(chosen.size());
    object->encryption = upload.encryption;
    object->checksum = TRY(check_whole(request, upload, chosen));
    object->attributes = upload.attributes;
    object->tags = upload.tags;
    object->lock = upload.lock;
    object->upload_id = request.upload_id;

    const auto stored_object = replace(
        request.bucket, request.key, request.conditions,
        [&](const Object* current) -> base::Result<ObjectPtr> {
            // The condition holds of what is there now, but not of what was there when the upload began.
            if (request.conditions.any() && current != nullptr && current->last_modified > upload.initiated) {
                return base::fail(base::code::ConditionalRequestConflict,
                                  "The conditional request cannot succeed due to a conflicting operation against this resource.");
            }
            // A part uploaded or the upload aborted meanwhile shows as a conflict of the commit; this look ends the retries.
            if (TRY(dependencies_.keys->get(owner_key)) != owner) return base::fail(no_such_upload());
            for (const auto& [number, part] : stored) {
                if (TRY(dependencies_.keys->get(part.record_key)) != part.record)
                    return base::fail(invalid_part({.number = number, .etag = part.part.etag, .checksums = {}}));
            }
            object->last_modified = dependencies_.clock->now();
            return object;
        },
        [&](store::Batch& batch) {
            batch.expect(owner_key, owner).erase(owner_key);
            for (const auto& [number, part] : stored) batch.expect(part.record_key, part.record).erase(part.record_key);
        });
    if (!stored_object) return stored_object;
    clear_parts(request.upload_id);
    for (const auto& [number, part] : stored) {
        const bool used = std::ranges::any_of(chosen, [&](const StoredPart* other) { return other == &part; });
        if (!used) remove_blob(part.part.blob);
    }
    return stored_object;
}

base::Result<void> Storage::abort_upload(const std::string& bucket, const std::string& key, const std::string& upload_id) {
    if (!is_upload_id(upload_id)) return base::fail(no_such_upload());
    const auto owner_key = upload_key(bucket, key, upload_id);
    for (;;) {
        const auto current = TRY(bucket_for_writing(bucket));
        const auto owner = TRY(dependencies_.keys->get(owner_key));
        if (!owner) return base::fail(no_such_upload());
        const auto stored = TRY(read_parts(*dependencies_.keys, upload_id));
        store::Batch batch;
        batch.expect(bucket_key(bucket), current->record);
        batch.expect(configuration_key(bucket), current->configuration_record);
        batch.expect(owner_key, owner).erase(owner_key);
        for (const auto& [number, part] : stored) batch.expect(part.record_key, part.record).erase(part.record_key);
        const auto committed = commit(batch);
        if (!committed && committed.error().code == base::code::Conflict) continue;
        if (!committed) return base::fail(committed.error());
        for (const auto& [number, part] : stored) remove_blob(part.part.blob);
        clear_parts(upload_id);
        return {};
    }
}

void Storage::clear_parts(const std::string& upload_id) const {
    const auto late = read_parts(*dependencies_.keys, upload_id);
    if (!late || late->empty()) return;
    store::Batch batch;
    for (const auto& [number, part] : *late) batch.erase(part.record_key);
    if (!commit(batch)) return;
    for (const auto& [number, part] : *late) remove_blob(part.part.blob);
}

base::Result<ListedParts> Storage::list_parts(const std::string& bucket, const std::string& key, const std::string& upload_id,
                                              uint32_t after, size_t max_parts) const {
    ListedParts listed;
    listed.upload = TRY(find_upload(bucket, key, upload_id));
    auto stored = TRY(read_parts(*dependencies_.keys, upload_id));
    TRY(check_unchanged(bucket));
    if (max_parts == 0) return listed;
    for (auto at = stored.upper_bound(after); at != stored.end(); ++at) {
        if (listed.parts.size() == max_parts) {
            listed.truncated = true;
            break;
        }
        listed.parts.push_back(make_part(at->first, std::move(at->second.part)));
    }
    return listed;
}

base::Result<ListedUploads> Storage::list_uploads(const ListUploads& request) const {
    TRY(bucket(request.bucket));
    ListedUploads listed;
    if (request.max_uploads == 0) return listed;
    const auto root = upload_prefix(request.bucket);
    store::Scan scan{.prefix = root + request.prefix};
    const auto passed = rolled_marker(request.key_marker, request.prefix, request.delimiter);
    if (!passed.empty()) {
        scan.from = beyond(root + std::string(passed));
    } else if (!request.key_marker.empty()) {
        // Without an upload id: beyond every upload of that key. With one: beyond that upload.
        scan.from = root + request.key_marker;
        request.upload_id_marker.empty() ? scan.from.push_back('\x01')
                                         : scan.from.append(1, '\0').append(request.upload_id_marker).push_back('\0');
    }
    const auto snapshot = dependencies_.keys->snapshot();
    TRY(check_unchanged(request.bucket));
    for (;;) {
        scan.limit = page_max;
        const auto page = TRY(snapshot->scan(scan));
        for (const auto& entry : page) {
            const auto separator = entry.key.rfind('\0');
            const auto key = entry.key.substr(root.size(), separator - root.size());
            const auto id = entry.key.substr(separator + 1);
            const std::string rolled(common_prefix(key, request.prefix, request.delimiter));
            if (!rolled.empty() && !listed.common_prefixes.empty() && listed.common_prefixes.back() == rolled) continue;
            if (listed.uploads.size() + listed.common_prefixes.size() == request.max_uploads) {
                listed.truncated = true;
                return listed;
            }
            listed.next_key_marker = rolled.empty() ? key : rolled;
            listed.next_upload_id_marker = rolled.empty() ? id : "";
            if (rolled.empty())
                listed.uploads.push_back(make_upload(request.bucket, key, id, TRY(read_upload(entry.value))));
            else
                listed.common_prefixes.push_back(rolled);
        }
        if (page.size() < scan.limit) return listed;
        scan.from = page.back().key + '\0';
    }
}

}  // namespace objects
