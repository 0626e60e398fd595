// The log as it was before it had segments: audit-NNNNNNNN.jsonl, one record a line, nothing signed.
#pragma once

#include <string>

#include "audit/stream.hpp"
#include "base/result.hpp"

namespace audit {

// Takes every record of such files over into the stream, oldest first, and removes each file once its records are on the disk. A line
// that cannot be read is noted with its length and digest. Where a crash comes between, the records of one file are there twice.
[[nodiscard]] base::Result<void> take_over_legacy_log(const std::string& directory, Stream& stream, base::Time now);

}  // namespace audit
