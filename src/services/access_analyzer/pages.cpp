#include "services/access_analyzer/pages.hpp"

#include "crypto/digest.hpp"
#include "services/access_analyzer/errors.hpp"
#include "text/base64.hpp"

namespace services::access_analyzer {
namespace {

constexpr size_t token_bytes_max = 4096;
constexpr size_t mark_bytes = 8;

}  // namespace

base::Result<Page> Page::of(const std::optional<std::string>& token, std::optional<int32_t> most, std::string_view question) {
    const int32_t wanted = most.value_or(results_default);
    if (wanted < 1 || wanted > results_max)
        return invalid_field("maxResults", "maxResults is a number from 1 to " + std::to_string(results_max) + ".");
    Page out{.most = static_cast<size_t>(wanted), .mark = crypto::hex(crypto::sha256(question).substr(0, mark_bytes))};
    if (!token) return out;
    const auto text = token->size() <= token_bytes_max ? text::decode_base64(*token) : std::nullopt;
    if (!text || !text->starts_with(out.mark)) return invalid_field("nextToken", "The nextToken is invalid.");
    out.is_first = false;
    out.after = text->substr(out.mark.size());
    return out;
}

std::string key_of_place(size_t place) {
    constexpr size_t digits = 8;
    std::string out = std::to_string(place);
    return out.size() < digits ? std::string(digits - out.size(), '0') + out : out;
}

std::string Page::token_after(std::string_view key) const { return text::encode_base64(mark + std::string(key)); }

}  // namespace services::access_analyzer
