// RFC 4648 base64. `decode_base64` is strict: right padding, no white space, no stray characters.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace text {

[[nodiscard]] std::string encode_base64(std::string_view bytes);
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view encoded);
[[nodiscard]] std::string encode_base64url(std::string_view bytes);  // no padding
[[nodiscard]] std::optional<std::string> decode_base64url(std::string_view encoded);

}  // namespace text
