// The actions, services and ARN formats that AWS's reference knows, asked by a document's words; and which pattern covers which.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lint {

// Service prefixes, in lower case, sorted.
[[nodiscard]] const std::vector<std::string>& known_services();
[[nodiscard]] bool is_service(std::string_view prefix);  // any case
// Services that AWS has retired: its catalogue does not have them any more, and policies that name them are no mistakes.
[[nodiscard]] bool is_retired(std::string_view lower_prefix);
// This system's own service (models/trainwarden.service-2.json), which is not in AWS's reference: its actions and keys are taken as they are.
inline constexpr std::string_view own_service = "trainwarden";

// `us-east-1`, or a name of this form: which regions there are is the installation's business.
[[nodiscard]] bool is_region(std::string_view text);
// `sagemaker.amazonaws.com`; also with a region, or of another partition.
[[nodiscard]] bool is_service_principal(std::string_view name);

[[nodiscard]] inline bool has_wildcard(std::string_view text) { return text.find_first_of("*?") != std::string_view::npos; }

// Does every text that the second pattern matches match the first? Sound: it may say no of patterns of which it is so. Case counts.
[[nodiscard]] bool covers(std::string_view pattern, std::string_view other);
// The same of ARNs: a `*` that ends a segment runs on past its colon, other wildcards do not (R41).
[[nodiscard]] bool arn_covers(std::string_view pattern, std::string_view other);

// Which patterns of a list others of the list cover.
struct Covered {
    size_t by = 0;                // the pattern that covers …
    std::vector<size_t> covered;  // … these
};
// Each covered one once. `work` is how many comparisons may be made, and becomes what is left of them; 0: some were not made.
[[nodiscard]] std::vector<Covered> find_covered(const std::vector<std::string>& patterns, size_t& work,
                                                bool (*covering)(std::string_view, std::string_view) = covers);

}  // namespace lint
