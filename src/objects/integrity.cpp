#include "objects/integrity.hpp"

#include <algorithm>

#include "base/error_codes.hpp"
#include "crypto/checksum.hpp"
#include "crypto/chunks.hpp"
#include "crypto/digest.hpp"
#include "objects/record.hpp"
#include "objects/storage_keys.hpp"
#include "text/json.hpp"

namespace objects {
namespace {

constexpr size_t piece_bytes = 1u << 20;

std::unexpected<base::Error> corrupt(const std::string& what) { return base::fail(base::code::CorruptRecord, what); }

// Compares with whatever is known: one of both is enough.
class Comparison {
public:
    explicit Comparison(const StoredBytes& stored) : stored_(stored) {
        if (stored_.crc32c) return;
        if (stored_.kind)
            checksum_.emplace(std::vector{*stored_.kind});
        else
            md5_.emplace(crypto::DigestKind::md5);
    }
    void update(std::string_view bytes) {
        if (stored_.crc32c)
            crc32c_ = crypto::crc32c(crc32c_, bytes);
        else
            checksum_ ? checksum_->update(bytes) : md5_->update(bytes);
    }
    [[nodiscard]] bool holds() {
        if (stored_.crc32c) return crc32c_ == *stored_.crc32c;
        if (!checksum_) return stored_.md5.empty() || crypto::hex(md5_->finish()) == stored_.md5;
        const auto sums = checksum_->finish();
        const auto* found = sums.find(*stored_.kind);
        return found != nullptr && *found == stored_.checksum;
    }

private:
    const StoredBytes& stored_;
    std::optional<BodyDigest> checksum_;
    std::optional<crypto::Digest> md5_;
    uint32_t crc32c_ = 0;
};

StoredBytes ciphertext_of(store::BlobId blob, uint64_t plain, const SealedKey& key) {
    return {.blob = std::move(blob),
            .size = crypto::sealed_bytes_of(plain),
            .kind = {},
            .checksum = {},
            .md5 = {},
            .crc32c = key.ciphertext_crc32c};
}

StoredBytes whole_of(const Object& object) {
    if (object.encryption.kind != EncryptionKind::none) return ciphertext_of({}, object.size, object.content_key);
    StoredBytes bytes{.blob = {}, .size = object.size, .kind = {}, .checksum = {}, .md5 = {}, .crc32c = {}};
    if (object.checksum && object.checksum->type == ChecksumType::full_object) {
        bytes.kind = object.checksum->kind;
        bytes.checksum = object.checksum->value;
    } else if (!object.etag.contains('-')) {
        bytes.md5 = object.etag;
    }
    return bytes;
}

base::Result<std::vector<StoredBytes>> of_object(const Object& object) {
    std::vector<StoredBytes> all;
    if (object.segments.empty()) {
        const StoredBytes whole = whole_of(object);
        Comparison comparison(whole);
        comparison.update(object.content);
        if (object.content.size() != whole.size || !comparison.holds())
            return corrupt("its bytes, which stand in the record, were altered");
        return all;
    }
    uint64_t size = 0;
    for (const auto& segment : object.segments) {
        StoredBytes bytes{.blob = segment.blob, .size = segment.size, .kind = {}, .checksum = {}, .md5 = {}, .crc32c = {}};
        if (object.encryption.kind != EncryptionKind::none) {
            bytes = ciphertext_of(segment.blob, segment.size, segment.key);
        } else if (!segment.checksum.empty() && object.checksum) {
            bytes.kind = object.checksum->kind;
            bytes.checksum = segment.checksum;
        } else if (object.segments.size() == 1) {
            bytes = whole_of(object);
            bytes.blob = segment.blob;
        }
        size += segment.size;
        all.push_back(std::move(bytes));
    }
    if (size != object.size) return corrupt("its parts are not as large as the object");
    return all;
}

}  // namespace

base::Result<std::vector<StoredBytes>> stored_bytes(const store::Entry& entry) {
    if (entry.key.starts_with(objects_prefix) || entry.key.starts_with(versions_prefix)) {
        auto object = read_object(entry.value);
        if (!object) return corrupt(object.error().message);
        return of_object(*object);
    }
    if (!entry.key.starts_with(parts_prefix)) return std::vector<StoredBytes>{};
    auto part = read_part(entry.value);
    if (!part) return corrupt(part.error().message);
    if (!part->key.sealed.empty()) return std::vector{ciphertext_of(part->blob, part->size, part->key)};
    return std::vector{
        StoredBytes{.blob = part->blob, .size = part->size, .kind = {}, .checksum = {}, .md5 = part->etag, .crc32c = {}}};
}

base::Result<void> verify_bytes(const StoredBytes& stored, const store::BlobReader& reader,
                                const std::function<base::Result<void>(size_t)>& read) {
    if (reader.size() != stored.size)
        return corrupt("it has " + std::to_string(reader.size()) + " bytes, and " + std::to_string(stored.size) + " were stored");
    if (!stored.has_digest()) return {};
    Comparison comparison(stored);
    for (uint64_t at = 0; at < stored.size;) {
        const auto piece = TRY(reader.read(at, piece_bytes));
        if (piece.empty()) return corrupt("it ends early");
        comparison.update(piece);
        at += piece.size();
        if (read) TRY(read(piece.size()));
    }
    if (!comparison.holds())
        return corrupt("its bytes were altered: they are not those of the digest that was kept when they came");
    return {};
}

base::Result<void> RecordCheck::check_keys(const store::Entry& entry) const {
    std::vector<SealedKey> keys;
    if (entry.key.starts_with(objects_prefix) || entry.key.starts_with(versions_prefix)) {
        const auto object = read_object(entry.value);
        if (!object) return {};  // whoever reads its bytes says so
        if (object->encryption.kind == EncryptionKind::customer) return {};
        keys.push_back(object->content_key);
        for (const auto& segment : object->segments) keys.push_back(segment.key);
    } else if (const auto part = read_part(entry.value)) {
        keys.push_back(part->key);
    }
    for (const auto& key : keys)
        if (key.by != 0 && !keys_.contains(encryption_key(key.by)))
            return corrupt("its bytes are sealed under key " + std::to_string(key.by) + ", which is not there");
    return {};
}

base::Result<void> RecordCheck::check(const store::Entry& entry) {
    const auto of_bucket = [this](std::string_view rest) {
        const std::string bucket(rest.substr(0, rest.find('/')));
        return buckets_.contains(bucket);
    };
    const std::string_view key = entry.key;
    if (key.starts_with(encryption_keys_prefix)) {
        if (const auto record = text::parse_json(entry.value); !record) return corrupt(record.error().message);
        keys_.insert(entry.key);
        return {};
    }
    if (key.starts_with(buckets_prefix)) {
        const std::string bucket(key.substr(buckets_prefix.size()));
        if (const auto configuration = text::parse_json(entry.value); !configuration)
            return corrupt(configuration.error().message);
        buckets_.insert(bucket);
        return {};
    }
    if (key.starts_with(configurations_prefix)) {
        if (const auto configuration = text::parse_json(entry.value); !configuration)
            return corrupt(configuration.error().message);
        if (!of_bucket(key.substr(configurations_prefix.size()))) return corrupt("it is of a bucket that is not there");
        return {};
    }
    if (key.starts_with(uploads_prefix)) {
        if (const auto upload = read_upload(entry.value); !upload) return corrupt(upload.error().message);
        if (!of_bucket(key.substr(uploads_prefix.size()))) return corrupt("it is of a bucket that is not there");
        uploads_.insert(std::string(key.substr(key.rfind('\0') + 1)));
        return {};
    }
    if (key.starts_with(objects_prefix)) {
        if (!of_bucket(key.substr(objects_prefix.size()))) return corrupt("it is of a bucket that is not there");
        return check_keys(entry);
    }
    if (key.starts_with(markers_prefix) || key.starts_with(versions_prefix)) {
        const bool is_latest = key.starts_with(markers_prefix);
        const auto version = read_object(entry.value);
        if (!version) return corrupt(version.error().message);
        if (is_latest && !version->delete_marker) return corrupt("it is no delete marker, and stands where one does");
        if (!is_latest && key.substr(key.rfind('\0') + 1) != shown_version(*version))
            return corrupt("it says of itself that it is another version");
        // Both prefixes have one length.
        if (!of_bucket(key.substr(markers_prefix.size()))) return corrupt("it is of a bucket that is not there");
        return is_latest ? base::Result<void>() : check_keys(entry);
    }
    const std::string_view rest = key.substr(parts_prefix.size());
    if (!uploads_.contains(std::string(rest.substr(0, rest.find('/')))))
        return corrupt("it is of an upload that is not there; the next start of the server sweeps it");
    return check_keys(entry);
}

}  // namespace objects
