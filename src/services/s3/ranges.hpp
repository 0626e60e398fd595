// Byte ranges: the Range header, and the part of an object's files that answers it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "model/stream.hpp"
#include "objects/object.hpp"

namespace services::s3 {

struct ByteRange {
    uint64_t offset = 0;
    uint64_t length = 0;
};

// RFC 9110, 14.2: `bytes=a-b`, `bytes=a-`, `bytes=-n`. nullopt: to be ignored (other units, several ranges, nonsense), as S3
// does. Error `InvalidRange`: well formed, but not one byte of it is there.
[[nodiscard]] base::Result<std::optional<ByteRange>> read_range_header(std::string_view value, uint64_t size);

// `bytes=a-b` of x-amz-copy-source-range: both ends, inside the object. Errors `InvalidArgument`, `InvalidRange`.
[[nodiscard]] base::Result<ByteRange> read_copy_range(std::string_view value, uint64_t size);

// Those bytes, sent from the files they are in, opened as they are sent where they are encrypted. Few of those are opened here: that they are not
// what was stored is an error then. REQUIRES: the range is inside the object.
[[nodiscard]] base::Result<model::ResponseBody> body_of(const objects::OpenObject& open, ByteRange bytes);
// The same, once the first bytes are found to be those that were stored: what is damaged there is an error and no answer that breaks off.
[[nodiscard]] base::Result<model::ResponseBody> checked_body_of(const objects::OpenObject& open, ByteRange bytes);

}  // namespace services::s3
