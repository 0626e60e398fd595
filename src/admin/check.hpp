// Is everything as it was stored? Every record can be read, every blob has the bytes whose digest was kept when they came, nothing names
// what is not there, nothing is there that nothing names, and the record of requests is as it was written.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_set>
#include <vector>

#include "admin/backup.hpp"
#include "admin/source.hpp"
#include "audit/verify.hpp"
#include "base/result.hpp"
#include "crypto/signing.hpp"
#include "store/key_value_store.hpp"

namespace admin {

constexpr size_t findings_max = 1000;  // that are said one by one; more are counted

struct Finding {
    std::string place;   // a file, or a key of the store
    std::string what;    // is wrong
    std::string remedy;  // what to do
};

struct CheckReport {
    uint64_t records = 0, blobs = 0, blob_bytes = 0, files = 0, backups = 0, audit_records = 0;
    uint64_t without_digest = 0;  // blobs of which only the size is known
    uint64_t unnamed_blobs = 0;   // that no record names; no fault: the next start sweeps them
    std::vector<Finding> findings;
    uint64_t more_findings = 0;
    [[nodiscard]] bool holds() const { return findings.empty(); }
    void find(std::string place, std::string what, std::string remedy);
};

struct CheckOptions {
    bool quick = false;  // the sizes of blobs, not their bytes
    std::vector<crypto::PublicKey> audit_keys;
    // Looks at an entry of a room that this one does not know; an error is what is wrong with it.
    std::function<base::Result<void>(const store::Entry&)> check_entry;
    std::function<base::Result<void>()> go_on;  // asked before every blob: an error ends the check
    // Blobs that are verified already; filled.
    std::unordered_set<std::string>* verified = nullptr;
};

// Public keys in PEM, one behind the other: a log whose server got another key was signed by several. What is none is left out.
[[nodiscard]] std::vector<crypto::PublicKey> public_keys_of(std::string_view pems);

// A server's folder, or a snapshot of it. Errors: what keeps it from being checked at all.
[[nodiscard]] base::Result<void> check_source(const Source& source, const CheckOptions& options, CheckReport& report);

// A backup: its files by the digests of its manifest, and then as above.
[[nodiscard]] base::Result<void> check_backup(const std::string& folder, const Manifest& manifest, const CheckOptions& options,
                                              CheckReport& report);

}  // namespace admin
