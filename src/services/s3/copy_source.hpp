// The x-amz-copy-source header: `[/]bucket/key[?versionId=id]`, percent-encoded, `+` for a space.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace services::s3 {

struct CopySource {
    std::string bucket, key;
    std::optional<std::string> version;
};

// Pure. Errors `InvalidArgument`, `NotImplemented` (access point ARNs).
[[nodiscard]] base::Result<CopySource> read_copy_source(std::string_view header);

}  // namespace services::s3
