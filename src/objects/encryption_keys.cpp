#include "objects/encryption_keys.hpp"

#include <charconv>
#include <optional>

#include "base/error_codes.hpp"
#include "crypto/digest.hpp"
#include "crypto/gcm.hpp"
#include "crypto/seal.hpp"
#include "objects/storage_keys.hpp"
#include "text/base64.hpp"
#include "text/json.hpp"

namespace objects {
namespace {

std::vector<std::string> sealing_keys_of(const std::vector<std::string>& master_keys) {
    std::vector<std::string> out;
    for (const auto& master : master_keys) out.push_back(crypto::hmac_sha256(master, "trainwarden keys of objects at rest"));
    return out;
}

std::string bound_to(uint32_t number, const std::string& purpose) {
    return "object key " + std::to_string(number) + ": " + purpose;
}

struct Opened {
    std::string key;
    size_t by = 0;  // which of the sealing keys opened it
};
std::optional<Opened> open_key(const std::vector<std::string>& sealing, const std::string& sealed, const std::string& bound) {
    for (size_t by = 0; by < sealing.size(); ++by)
        if (auto key = crypto::open_seal(sealing[by], sealed, bound)) return Opened{std::move(*key), by};
    return std::nullopt;
}

}  // namespace

base::Result<std::unique_ptr<EncryptionKeys>> EncryptionKeys::open(Dependencies dependencies,
                                                                   const std::vector<std::string>& master_keys) {
    auto made = std::unique_ptr<EncryptionKeys>(new EncryptionKeys(dependencies));
    made->use_master_keys(master_keys);
    TRY(made->load());
    return made;
}

base::Result<void> EncryptionKeys::load() {
    const auto sealing_now = sealing();
    const std::string prefix = encryption_key_prefix();
    for (const auto& entry : TRY(dependencies_.keys->scan({.prefix = prefix}))) {
        uint32_t number = 0;
        const char* const end = entry.key.data() + entry.key.size();
        const auto record = text::parse_json(entry.value);
        const auto parsed = std::from_chars(entry.key.data() + prefix.size(), end, number);
        const auto sealed = record ? text::decode_base64((*record)["Sealed"].as_string()) : std::nullopt;
        if (!sealed || parsed.ec != std::errc() || parsed.ptr != end)
            return base::fail(base::code::InternalError,
                              "the record " + entry.key + " of a key that objects are encrypted under is damaged");
        Kept kept{.purpose = (*record)["Purpose"].as_string(),
                  .key = {},
                  .created = base::Time(std::chrono::milliseconds((*record)["CreatedMs"].as_int()))};
        auto opened = open_key(sealing_now, *sealed, bound_to(number, kept.purpose));
        if (!opened)
            return base::fail(base::code::InvalidMasterKey,
                              "the key " + entry.key + " that objects are encrypted under cannot be opened with this master key");
        kept.key = std::move(opened->key);
        const base::Lock lock(mutex_);
        current_[kept.purpose] = number;  // the greatest comes last
        keys_[number] = std::move(kept);
    }
    return {};
}

std::string EncryptionKeys::record_of(uint32_t number, const Kept& kept, const std::string& sealing) const {
    const auto sealed = crypto::seal(*dependencies_.random, sealing, kept.key, bound_to(number, kept.purpose));
    return text::Json::object({{"Purpose", kept.purpose},
                               {"CreatedMs", static_cast<int64_t>(kept.created.time_since_epoch().count())},
                               {"Sealed", text::encode_base64(sealed)}})
        .dump();
}

std::vector<std::string> EncryptionKeys::sealing() const {
    const base::SharedLock lock(mutex_);
    return sealing_;
}

base::Result<EncryptionKeys::Key> EncryptionKeys::current(std::string_view purpose) {
    const auto look = [&]() -> std::optional<Key> {
        const base::SharedLock lock(mutex_);
        const auto found = current_.find(purpose);
        if (found == current_.end()) return std::nullopt;
        return Key{.number = found->second, .key = keys_.at(found->second).key};
    };
    if (auto found = look()) return std::move(*found);
    const base::Lock one_at_a_time(making_);
    if (auto found = look()) return std::move(*found);
    Kept kept{.purpose = std::string(purpose),
              .key = dependencies_.random->bytes(crypto::gcm_key_bytes),
              .created = dependencies_.clock->now()};
    uint32_t number = 1;
    {
        const base::SharedLock lock(mutex_);
        if (!keys_.empty()) number = keys_.rbegin()->first + 1;
    }
    // Durable before anything is sealed under it.
    TRY(dependencies_.keys->commit(store::Batch()
                                       .expect(encryption_key(number), std::nullopt)
                                       .put(encryption_key(number), record_of(number, kept, sealing().front()))));
    const base::Lock lock(mutex_);
    current_[kept.purpose] = number;
    Key out{.number = number, .key = kept.key};
    keys_[number] = std::move(kept);
    return out;
}

base::Result<std::string> EncryptionKeys::find(uint32_t number) const {
    const base::SharedLock lock(mutex_);
    const auto found = keys_.find(number);
    if (found == keys_.end())
        return base::fail(base::code::InternalError,
                          "the key " + std::to_string(number) + " that the object's bytes are encrypted under is missing");
    return found->second.key;
}

void EncryptionKeys::use_master_keys(const std::vector<std::string>& master_keys) {
    auto next = sealing_keys_of(master_keys);
    const base::Lock making(making_);  // who makes a key has sealed and committed it, or seals with the new one
    const base::Lock lock(mutex_);
    sealing_ = std::move(next);
}

base::Result<size_t> EncryptionKeys::reseal() {
    const base::Lock one_at_a_time(making_);
    const auto sealing_now = sealing();
    store::Batch batch;
    std::map<uint32_t, Kept> made;
    std::map<std::string, uint32_t, std::less<>> purposes;
    size_t resealed = 0;
    uint32_t last = 0;
    {
        const base::SharedLock lock(mutex_);
        purposes = current_;
        if (!keys_.empty()) last = keys_.rbegin()->first;
    }
    for (const auto& entry : TRY(dependencies_.keys->scan({.prefix = encryption_key_prefix()}))) {
        const auto number = static_cast<uint32_t>(std::stoul(entry.key.substr(encryption_key_prefix().size())));
        const auto record = TRY(text::parse_json(entry.value));
        Kept kept{.purpose = record["Purpose"].as_string(),
                  .key = {},
                  .created = base::Time(std::chrono::milliseconds(record["CreatedMs"].as_int()))};
        const auto sealed = text::decode_base64(record["Sealed"].as_string());
        auto opened = sealed ? open_key(sealing_now, *sealed, bound_to(number, kept.purpose)) : std::nullopt;
        if (!opened)
            return base::fail(base::code::InvalidMasterKey, "the key " + entry.key + " cannot be opened with any master key");
        if (opened->by == 0) continue;
        kept.key = std::move(opened->key);
        batch.expect(entry.key, entry.value).put(entry.key, record_of(number, kept, sealing_now.front()));
        ++resealed;
        const auto newest = purposes.find(kept.purpose);
        if (newest == purposes.end() || newest->second != number) continue;
        kept.key = dependencies_.random->bytes(crypto::gcm_key_bytes);
        kept.created = dependencies_.clock->now();
        const uint32_t next = ++last;
        batch.expect(encryption_key(next), std::nullopt).put(encryption_key(next), record_of(next, kept, sealing_now.front()));
        made.emplace(next, std::move(kept));
    }
    if (resealed == 0) return resealed;
    TRY(dependencies_.keys->commit(batch));
    const base::Lock lock(mutex_);
    for (auto& [number, kept] : made) {
        current_[kept.purpose] = number;
        keys_[number] = std::move(kept);
    }
    return resealed;
}

}  // namespace objects
