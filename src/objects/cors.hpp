// Which pages of other sites may read a bucket's answers (Cross-Origin Resource Sharing). Browsers keep to it; it allows no request anything.
//
// Source: Amazon S3 User Guide, "Using cross-origin resource sharing (CORS)"; PutBucketCors; the WHATWG's Fetch standard.
//
// Pure. The first rule decides that has the origin, the method and every header that is asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace objects {

constexpr size_t cors_rules_max = 100;
constexpr size_t cors_id_bytes_max = 255;

struct CorsRule {
    std::string id;
    std::vector<std::string> origins;  // at most one `*` in each
    std::vector<std::string> methods;
    std::vector<std::string> headers;  // that may be asked for; at most one `*` in each
    std::vector<std::string> exposed;
    std::optional<int32_t> max_age_seconds;
};

// Errors `InvalidRequest`, `MalformedXML`.
[[nodiscard]] base::Result<void> check_cors(std::span<const CorsRule> rules);

// `headers`: those that a preflight asks for, as it lists them. nullptr: none fits.
[[nodiscard]] const CorsRule* find_cors_rule(std::span<const CorsRule> rules, std::string_view origin, std::string_view method,
                                             std::string_view headers);
// What a browser is told of a request that no rule allows its page. It is not refused by it.
[[nodiscard]] base::Error no_cors_rule(std::span<const CorsRule> rules);
// Whether the rule has any origin, so that the answer is the same for all.
[[nodiscard]] bool is_for_all_origins(const CorsRule& rule);

}  // namespace objects
