// Storage: what reads objects, and RFC 9110's preconditions.
#include <algorithm>

#include "base/error_codes.hpp"
#include "base/outdated.hpp"
#include "base/strings.hpp"
#include "objects/decision_state.hpp"
#include "objects/record.hpp"
#include "objects/sealed_blobs.hpp"
#include "objects/storage.hpp"
#include "objects/storage_keys.hpp"

namespace objects {
namespace {

// A list of entity tags: `*`, or tags with or without quotes, weak ones counted as strong (S3 has only strong ones).
bool lists(std::string_view tags, std::string_view etag) {
    for (auto tag : base::split(tags, ',')) {
        tag = base::trim(tag);
        if (tag == "*") return true;
        if (tag.starts_with("W/")) tag.remove_prefix(2);
        if (tag.size() >= 2 && tag.front() == '"' && tag.back() == '"') tag = tag.substr(1, tag.size() - 2);
        if (tag == etag) return true;
    }
    return false;
}

}  // namespace

Verdict judge(const Conditions& conditions, const Object& object, base::Time now) {
    // HTTP dates have no fraction: an object is not newer than the date that was given for it.
    const auto modified = std::chrono::floor<std::chrono::seconds>(object.last_modified);
    if (conditions.if_match) {
        if (!lists(*conditions.if_match, object.etag)) return Verdict::precondition_failed;
    } else if (conditions.if_unmodified_since && modified > *conditions.if_unmodified_since) {
        return Verdict::precondition_failed;
    }
    if (conditions.if_match_modified && modified != std::chrono::floor<std::chrono::seconds>(*conditions.if_match_modified))
        return Verdict::precondition_failed;
    if (conditions.if_match_size && object.size != *conditions.if_match_size) return Verdict::precondition_failed;
    if (conditions.if_none_match) {
        if (lists(*conditions.if_none_match, object.etag)) return Verdict::not_modified;
    } else if (conditions.if_modified_since && *conditions.if_modified_since <= now &&
               modified <= *conditions.if_modified_since) {
        return Verdict::not_modified;
    }
    return Verdict::proceed;
}

base::Error precondition_failed(const Conditions& conditions, Verdict verdict) {
    const std::string name = verdict != Verdict::precondition_failed
                                 ? (conditions.if_none_match ? "If-None-Match" : "If-Modified-Since")
                             : conditions.if_match            ? "If-Match"
                             : conditions.if_unmodified_since ? "If-Unmodified-Since"
                             : conditions.if_match_modified   ? "x-amz-if-match-last-modified-time"
                                                              : "x-amz-if-match-size";
    return base::Error(base::code::PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
        .note("Condition: " + name);
}

Source read_range(OpenObject open, uint64_t offset, uint64_t length) {
    return [open = std::move(open), offset, left = length](std::span<char> into) mutable -> base::Result<size_t> {
        const auto& object = *open.object;
        const size_t wanted = std::min<uint64_t>(into.size(), left);
        if (wanted == 0) return 0;
        size_t got = 0;
        if (object.segments.empty()) {
            got = open.content.copy(into.data(), wanted, offset);
        } else {
            uint64_t start = 0;
            size_t index = 0;
            while (index < object.segments.size() && start + object.segments[index].size <= offset)
                start += object.segments[index++].size;
            if (index == object.segments.size()) return 0;
            got = TRY(open.readers[index]->read_into(offset - start, into.first(wanted)));
        }
        offset += got;
        left -= got;
        return got;
    };
}

base::Result<ObjectPtr> Storage::find(const std::string& bucket, const std::string& key) const {
    auto record = TRY(dependencies_.keys->get(object_key(bucket, key)));
    note_object(bucket, key, record);
    if (!record) return base::fail(no_such_key());
    auto object = std::make_shared<Object>(TRY(read_object(*record)));
    object->record = std::move(*record);
    object->name = object_name(bucket, key);
    return object;
}

base::Result<void> Storage::check_customer_key(const Object& object, std::string_view customer_key) const {
    if (object.encryption.kind != EncryptionKind::customer) return {};
    const auto& key = object.segments.empty() ? object.content_key : object.segments.front().key;
    TRY(open_data_key(dependencies_.encryption, object.encryption, key, customer_key, object.name));
    return {};
}

base::Result<OpenObject> Storage::open_object(ObjectPtr found, uint64_t offset, uint64_t length,
                                              std::string_view customer_key) const {
    OpenObject open{std::move(found), {}, {}};
    const auto& encryption = open.object->encryption;
    const bool encrypted = encryption.kind != EncryptionKind::none;
    const auto data_key = [&](const SealedKey& key) {
        return open_data_key(dependencies_.encryption, encryption, key, customer_key, open.object->name);
    };
    if (open.object->segments.empty()) {
        open.content = open.object->content;
        if (!encrypted) return open;
        auto plain = crypto::open_chunks(TRY(data_key(open.object->content_key)), open.content);
        if (!plain || plain->size() != open.object->size)
            return base::fail(base::code::InternalError, "the bytes of an object do not open: its record was altered");
        open.content = std::move(*plain);
        return open;
    }
    uint64_t start = 0;
    for (const auto& segment : open.object->segments) {
        const auto end = start + segment.size;
        const bool wanted = end > offset && (start < offset || start - offset < length);
        start = end;
        if (!wanted) {
            open.readers.emplace_back();
            continue;
        }
        auto reader = dependencies_.blobs->open(segment.blob);
        if (!reader && reader.error().code == base::code::NoSuchBlob) return base::fail_outdated("the object");
        if (!reader) return base::fail(reader.error());
        if ((*reader)->size() != (encrypted ? crypto::sealed_bytes_of(segment.size) : segment.size))
            return base::fail(base::code::InternalError, "a blob has not the size that its object says");
        if (encrypted)
            open.readers.push_back(std::make_shared<OpeningReader>(std::move(*reader), TRY(data_key(segment.key)), segment.size));
        else
            open.readers.push_back(std::move(*reader));
    }
    return open;
}

}  // namespace objects
