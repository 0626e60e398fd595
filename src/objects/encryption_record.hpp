// What a record says of encryption: one tag of its extension (record.hpp). A version that does not know it would take ciphertext for bytes, so the
// record's own version says that it has to be understood.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "objects/encryption.hpp"

namespace objects {

struct EncryptionRecord {
    Encryption encryption;
    std::vector<SealedKey> keys;  // of an object's segments or content, of a part, the probe of an upload
    std::string asked_algorithm, asked_key;
};

[[nodiscard]] std::string write_encryption(const EncryptionRecord& record);
// nullopt: damaged.
[[nodiscard]] std::optional<EncryptionRecord> read_encryption(std::string_view text);

}  // namespace objects
