// Is the log as it was written? From the files, the public keys and the heads that were kept elsewhere; nothing that the log or its
// indexes claim is taken on trust.
//
// What it finds: a record that was altered, is missing or stands elsewhere; a segment that is missing, or has another's place; records
// that were rewritten together with the chain (the signature of the next head does not hold); a log that ends before a head that was
// signed; more records without a signed head than the server ever leaves; an index that hides records.
// What cannot be found: what was cut from the end, or rewritten, after the last head that is known elsewhere.
#pragma once

#include <string>
#include <vector>

#include "audit/line.hpp"
#include "base/result.hpp"
#include "crypto/signing.hpp"

namespace audit {

struct VerifyOptions {
    std::string directory;
    std::vector<crypto::PublicKey> keys;  // every key that has signed
    std::vector<Head> heads;              // that were kept elsewhere
};

struct VerifiedStream {
    std::string stream;
    uint64_t segments = 0, first_record = 0, last_record = 0;
    uint64_t signed_up_to = 0;      // the last record that a head vouches for
    int64_t signed_at = 0;          // when that head was signed
    std::string finding;            // the first thing that is wrong, and where; empty: nothing
    std::vector<std::string> said;  // what the log itself says of removed segments, crashes and cuts
};

struct Verified {
    std::vector<VerifiedStream> streams;
    [[nodiscard]] bool holds() const;
};

// Error `AuditUnavailable`: the files cannot be read.
[[nodiscard]] base::Result<Verified> verify(const VerifyOptions& options);

// Heads as the server keeps them: a JSON object with one for each stream.
[[nodiscard]] base::Result<std::vector<Head>> read_heads(const std::string& json);

}  // namespace audit
