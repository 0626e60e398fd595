// Storage: what writes objects. The bytes first, then one commit that names them.
#include <algorithm>
#include <chrono>
#include <thread>

#include "base/error_codes.hpp"
#include "base/mutex.hpp"
#include "base/outdated.hpp"
#include "crypto/checksum.hpp"
#include "crypto/chunks.hpp"
#include "crypto/digest.hpp"
#include "objects/decision_state.hpp"
#include "objects/key.hpp"
#include "objects/pipeline.hpp"
#include "objects/record.hpp"
#include "objects/sealed_blobs.hpp"
#include "objects/storage.hpp"
#include "objects/storage_keys.hpp"

namespace objects {
namespace {

constexpr size_t buffer_bytes = 1u << 20;
constexpr int attempts_max = 1000;

base::Result<void> check_attributes(const Attributes& attributes) {
    size_t bytes = 0;
    for (const auto& [name, value] : attributes.user_metadata) bytes += name.size() + value.size();
    if (bytes <= user_metadata_bytes_max) return {};
    return base::fail(base::Error(base::code::MetadataTooLarge, "Your metadata headers exceed the maximum allowed metadata size")
                          .note("Size: " + std::to_string(bytes))
                          .note("MaxSizeAllowed: " + std::to_string(user_metadata_bytes_max)));
}

base::Error too_large() { return {base::code::EntityTooLarge, "Your proposed upload exceeds the maximum allowed size"}; }

base::Error incomplete() {
    return {base::code::IncompleteBody, "You did not provide the number of bytes specified by the Content-Length HTTP header"};
}

// Fills the buffer as far as the source goes; a short count is the end.
base::Result<size_t> fill(const Source& source, std::span<char> into) {
    size_t filled = 0;
    while (filled < into.size()) {
        const auto got = TRY(source(into.subspan(filled)));
        if (got == 0) break;
        filled += got;
    }
    return filled;
}

// The rest of a body whose first bytes are in the blob already. Every path reads until the source says that it ended: that is
// when it has verified what it gave.
base::Result<uint64_t> receive_rest(const Source& body, std::span<char> room, const Pipeline::Consume& consume) {
    uint64_t size = 0;
    for (;;) {
        const auto filled = TRY(fill(body, room));
        if (filled == 0) return size;
        size += filled;
        if (size > put_bytes_max) return base::fail(too_large());
        TRY(consume({room.data(), filled}));
    }
}

base::Result<uint64_t> receive_rest_side_by_side(const Source& body, const Pipeline::Consume& consume) {
    Pipeline pipeline(buffer_bytes, consume);
    uint64_t size = 0;
    for (;;) {
        const auto room = TRY(pipeline.buffer());
        const auto filled = TRY(fill(body, room));
        if (filled == 0) break;
        size += filled;
        if (size > put_bytes_max) return base::fail(too_large());
        pipeline.submit(filled);
    }
    TRY(pipeline.finish());
    return size;
}

}  // namespace

ReceivedBody::~ReceivedBody() {
    if (owned_ && !blob.empty()) storage_.remove_blob(blob);
}

base::Result<std::shared_ptr<ReceivedBody>> Storage::receive(const Source& body, std::optional<uint64_t> length,
                                                             ChecksumKind kind, size_t inline_max, bool encrypts) {
    if (length && *length > put_bytes_max) return base::fail(too_large());
    auto received = std::make_shared<ReceivedBody>(*this);
    BodyDigest digest({kind});
    // One byte more than fits inline, so that a body of exactly that size is known to have ended.
    const size_t first = std::max<size_t>(inline_max + 1, std::min<uint64_t>(length.value_or(buffer_bytes), buffer_bytes));
    const auto buffer = std::make_unique_for_overwrite<char[]>(first);
    const std::span<char> room(buffer.get(), first);
    const auto filled = TRY(fill(body, room));
    received->size = filled;
    if (encrypts) received->data_key = dependencies_.random->bytes(crypto::gcm_key_bytes);
    if (filled <= inline_max) {
        digest.update({buffer.get(), filled});
        received->content.assign(buffer.get(), filled);
        if (encrypts) {
            received->content = crypto::seal_chunks(received->data_key, received->content);
            received->ciphertext_crc32c = crypto::crc32c(0, received->content);
        }
    } else {
        auto inner = TRY(dependencies_.blobs->create());
        const auto sealing = encrypts ? std::make_unique<SealingWriter>(std::move(inner), received->data_key) : nullptr;
        store::BlobWriter* const writer = sealing ? sealing.get() : inner.get();
        const Pipeline::Consume consume = [&](std::string_view bytes) {
            digest.update(bytes);
            return writer->write(bytes);
        };
        TRY(consume({buffer.get(), filled}));
        const bool large = !length || *length > filled;
        received->size += large ? TRY(receive_rest_side_by_side(body, consume)) : TRY(receive_rest(body, room, consume));
        if (length && received->size != *length) return base::fail(incomplete());
        received->blob = TRY(writer->commit());
        if (sealing) received->ciphertext_crc32c = sealing->ciphertext_crc32c();
    }
    if (length && received->size != *length) return base::fail(incomplete());
    received->sums = digest.finish();
    return received;
}

bool Storage::encrypts(const WantedEncryption& wanted) const {
    return wanted.encryption.kind != EncryptionKind::none && dependencies_.encryption != nullptr;
}

base::Result<SealedKey> Storage::sealed_key(const ReceivedBody& received, const WantedEncryption& wanted,
                                            std::string_view name) const {
    auto key = TRY(seal_data_key(*dependencies_.encryption, *dependencies_.random, wanted, received.data_key, name));
    key.ciphertext_crc32c = received.ciphertext_crc32c;
    return key;
}

std::string Storage::etag_of(const ReceivedBody& received, EncryptionKind kind) const {
    return has_md5_etag(kind) ? crypto::hex(received.sums.md5) : dependencies_.random->hex(2 * received.sums.md5.size());
}

base::Result<void> Storage::commit(const store::Batch& batch) const {
    auto committed = dependencies_.keys->commit(batch);
    if (committed) base::DecisionScope::acted();
    version_.fetch_add(1, std::memory_order_release);  // of what failed, too: the store may not know
    if (!committed) return committed;
    std::vector<Unsettled> now_settled;
    {
        const base::Lock lock(unsettled_mutex_);
        now_settled.swap(unsettled_);
    }
    for (const auto& each : now_settled) {
        const auto names = [&](std::string_view key, std::string_view record) {
            if (key.starts_with("s3/p/")) {
                const auto part = read_part(record);
                return !part || part->blob == each.blob;
            }
            const auto object = read_object(record);
            return !object || std::ranges::any_of(object->segments, [&](const Segment& s) { return s.blob == each.blob; });
        };
        // Who cannot look leaves it to the sweep at the next start.
        const bool named = std::ranges::any_of(each.record_keys, [&](const std::string& key) {
            if (key.ends_with('\0')) {  // all versions of a key
                const auto versions = dependencies_.keys->scan({.prefix = key});
                return !versions || std::ranges::any_of(*versions, [&](const auto& one) { return names(one.key, one.value); });
            }
            const auto record = dependencies_.keys->get(key);
            if (!record || !*record) return !record;
            return names(key, **record);
        });
        if (!named) remove_blob(each.blob);
    }
    return {};
}

void Storage::settle(ReceivedBody& received, const base::Error& error, std::vector<std::string> record_keys) const {
    if (error.code != base::code::InternalError || received.blob.empty())
        return;  // certainly not written: removed with `received`
    received.give_away();
    const base::Lock lock(unsettled_mutex_);
    unsettled_.push_back({received.blob, std::move(record_keys)});
}

base::Result<BucketPtr> Storage::bucket_for_writing(const std::string& name) const {
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        auto current = TRY(bucket_unchanged(name));
        if (!current->being_deleted) return current;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return base::fail(base::code::SlowDown, "Please reduce your request rate.");
}

base::Result<void> Storage::check_conditions(const Conditions& conditions, const Object* current) const {
    if (!conditions.any()) return {};
    if (current == nullptr) return conditions.if_match ? base::fail(no_such_key()) : base::Result<void>();
    const auto verdict = judge(conditions, *current, dependencies_.clock->now());
    if (verdict != Verdict::proceed) return base::fail(precondition_failed(conditions, verdict));
    return {};
}

base::Result<ObjectPtr> Storage::replace(const std::string& bucket_name, const std::string& key, const Conditions& conditions,
                                         const Make& make, const std::function<void(store::Batch&)>& more, const Object* only) {
    const auto record_key = object_key(bucket_name, key);
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        const auto bucket = TRY(bucket_for_writing(bucket_name));
        if (bucket->is_versioned()) {
            if (only != nullptr) return base::fail_outdated("the bucket");
            if (auto added = TRY(replace_version(*bucket, key, conditions, make, more))) return *std::move(added);
            std::this_thread::yield();
            continue;
        }
        auto before = TRY(dependencies_.keys->get(record_key));
        TRY(expect_object(bucket_name, key, before));
        if (only != nullptr && before != only->record) return base::fail_outdated("the object");
        std::optional<Object> current;
        if (before) current = TRY(read_object(*before));
        TRY(check_conditions(conditions, current ? &*current : nullptr));
        auto made = TRY(make(current ? &*current : nullptr));
        if (made->lock.any()) return base::fail(no_lock_configuration());  // buckets with a lock have versions

        store::Batch batch;
        batch.expect(bucket_key(bucket_name), bucket->record);
        batch.expect(configuration_key(bucket_name), bucket->configuration_record);
        batch.expect(record_key, std::move(before));
        batch.put(record_key, write_record(*made));
        if (more) more(batch);
        const auto committed = commit(batch);
        if (!committed && committed.error().code == base::code::Conflict) {
            std::this_thread::yield();  // a change of the bucket is committed a moment before it is seen here
            continue;
        }
        if (!committed) return base::fail(committed.error());

        if (current) {
            for (const auto& segment : current->segments) {
                const bool kept = std::ranges::any_of(made->segments, [&](const Segment& s) { return s.blob == segment.blob; });
                if (!kept) remove_blob(segment.blob);
            }
        }
        return made;
    }
    return base::fail(base::code::SlowDown, "Please reduce your request rate.");
}

base::Result<ObjectPtr> Storage::put(const PutRequest& request) {
    TRY(check_new_key(request.key));
    TRY(check_attributes(request.attributes));
    TRY(check_tags(request.tags, object_tags_max));
    TRY(bucket(request.bucket));
    std::shared_ptr<ReceivedBody> here;
    auto& kept = request.received != nullptr ? *request.received : here;
    if (!kept)
        kept = TRY(receive(request.body, request.length, request.checksum, inline_bytes_max, encrypts(request.encryption)));
    const auto& received = *kept;
    const bool encrypted = !received.data_key.empty();

    auto object = std::make_shared<Object>();
    object->size = received.size;
    if (encrypted) object->encryption = request.encryption.encryption;
    object->etag = etag_of(received, object->encryption.kind);
    object->checksum = Checksum{request.checksum, ChecksumType::full_object, *received.sums.find(request.checksum)};
    object->attributes = request.attributes;
    object->tags = request.tags;
    object->lock = request.lock;
    object->content = received.content;
    if (!received.blob.empty()) object->segments.push_back({received.blob, received.size, {}, {}});
    if (encrypted) {
        auto& key = object->segments.empty() ? object->content_key : object->segments.front().key;
        key = TRY(sealed_key(received, request.encryption, object_name(request.bucket, request.key)));
    }
    const auto put = replace(request.bucket, request.key, request.conditions, [&](const Object*) -> base::Result<ObjectPtr> {
        object->last_modified = dependencies_.clock->now();
        return object;
    });
    put ? kept->give_away() : settle(*kept, put.error(), records_of(request.bucket, request.key));
    return put;
}

base::Result<ObjectPtr> Storage::copy(const CopyRequest& request) {
    const auto& source = *request.source.object;
    if (source.size > put_bytes_max) {
        return base::fail(base::code::InvalidRequest,
                          "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120");
    }
    // What is encrypted otherwise is written anew, in its own place too; where there are versions, everything is.
    const bool stays = request.bucket == request.source_bucket && request.key == request.source_key &&
                       !TRY(bucket(request.bucket))->is_versioned() && source.encryption.kind != EncryptionKind::customer &&
                       (encrypts(request.encryption) ? request.encryption.encryption : Encryption()) == source.encryption;
    if (!stays) {
        const auto kind = request.checksum  ? *request.checksum
                          : source.checksum ? source.checksum->kind
                                            : ChecksumKind::crc64nvme;
        return put({request.bucket, request.key, request.attributes, request.tags, request.conditions,
                    read_range(request.source, 0, source.size), source.size, kind, request.lock, request.encryption});
    }
    TRY(check_attributes(request.attributes));
    TRY(check_tags(request.tags, object_tags_max));
    // What was read is what is changed.
    return replace(
        request.bucket, request.key, request.conditions,
        [&](const Object* current) -> base::Result<ObjectPtr> {
            if (current == nullptr) return base::fail(no_such_key());
            auto changed = std::make_shared<Object>(*current);
            changed->attributes = request.attributes;
            changed->tags = request.tags;
            changed->lock = request.lock;
            changed->last_modified = dependencies_.clock->now();
            return changed;
        },
        {}, &source);
}

}  // namespace objects
