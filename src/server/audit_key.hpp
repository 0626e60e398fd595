// The key that signs the heads of the audit log, outside of the data folder: who can write into the folder cannot sign what it wrote.
//
//     FILE        0600, PEM (PKCS #8): the private key, by default ID.audit-key beside the master key
//     FILE.pub    the public key, for `trainwarden audit verify`; give a copy to those who verify
//     FILE.head   the newest signed head of each stream: a log that ends before it has been cut off
//
// Where the private key is stands beside the master key, in ID.audit-key-file: who can write into the data folder names no other.
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "crypto/signing.hpp"
#include "server/data_folder.hpp"

namespace server {

struct AuditKey {
    std::shared_ptr<const crypto::SigningKey> key;
    std::string file;           // absolute
    std::string previous_file;  // the key that was used before, if it is another
    [[nodiscard]] std::string public_file() const { return file + ".pub"; }
    [[nodiscard]] std::string head_file() const { return file + ".head"; }
};

// Makes the key where a new data folder has none, or where `file` (empty: the place that is remembered, else the default) names one
// that is not there. Errors: `AuditKeyMissing`, `AuditKeyWrong`, `DataFolderUnusable`.
[[nodiscard]] base::Result<AuditKey> open_audit_key(const DataFolder& folder, const std::string& file);

// Where the files of a data folder's key are, for commands that only read, by the master key that the folder says is its own. Error
// `AuditKeyMissing`.
[[nodiscard]] base::Result<std::string> audit_key_file_of(const std::string& data_folder);

}  // namespace server
