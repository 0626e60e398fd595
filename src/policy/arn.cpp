#include "policy/arn.hpp"

namespace policy {

std::optional<Arn> parse_arn(std::string_view text) {
    std::string_view parts[6];
    for (int i = 0; i < 5; ++i) {
        const auto colon = text.find(':');
        if (colon == std::string_view::npos) return std::nullopt;
        parts[i] = text.substr(0, colon);
        text.remove_prefix(colon + 1);
    }
    parts[5] = text;
    if (parts[0] != "arn") return std::nullopt;
    return Arn{parts[1], parts[2], parts[3], parts[4], parts[5]};
}

}  // namespace policy
