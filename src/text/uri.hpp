// Percent encoding (RFC 3986) as SigV4 wants it: every byte but A-Z a-z 0-9 - . _ ~ becomes %XX, upper-case hex.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace text {

[[nodiscard]] std::string encode_uri(std::string_view bytes, bool keep_slash = false);
// nullopt on a broken escape. `plus_is_space` for form bodies.
[[nodiscard]] std::optional<std::string> decode_uri(std::string_view encoded, bool plus_is_space = false);

using QueryParameters = std::vector<std::pair<std::string, std::string>>;
// `a=1&b&c=%20` in order, decoded; nullopt on a broken escape.
[[nodiscard]] std::optional<QueryParameters> parse_query(std::string_view query, bool plus_is_space = false);

}  // namespace text
