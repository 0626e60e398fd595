// Filters of findings: what lists ask for, and what archive rules archive. Pure.
//
// Source: IAM User Guide, "IAM Access Analyzer filter keys"; IAM Access Analyzer API Reference, Criterion.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "model/accessanalyzer/operations.hpp"

namespace services::access_analyzer {

namespace m = model::accessanalyzer;

// A finding as it is kept.
using FindingRecord = m::GetFindingV2Response;
using Filter = model::Map<m::Criterion>;

constexpr size_t filter_keys_max = 50;
constexpr size_t criterion_values_max = 20;  // API Reference, Criterion

// Errors `ValidationException`: a key that findings do not have, a criterion that asks nothing or too much.
[[nodiscard]] base::Result<void> check_filter(const Filter& filter);
// All of its keys must fit. A finding has several values of some keys (principal.AWS of all its entries): one is enough for `eq` and `contains`, and
// none may be of `neq`.
[[nodiscard]] bool matches(const FindingRecord& finding, const Filter& filter);

// The order in which a list answers, by an attribute and within it by id.
class FindingOrder {
public:
    // Error `ValidationException`: an attribute that findings are not sorted by.
    [[nodiscard]] static base::Result<FindingOrder> of(const std::optional<m::SortCriteria>& sort);
    // Its keys are in the order of the findings; no two findings have the same.
    [[nodiscard]] std::string key(const FindingRecord& finding) const;
    [[nodiscard]] bool descends() const { return descends_; }
    [[nodiscard]] bool is_by_id() const { return attribute_ == "id" && !descends_; }  // as they are kept

private:
    std::string attribute_ = "id";
    bool descends_ = false;
};

}  // namespace services::access_analyzer
