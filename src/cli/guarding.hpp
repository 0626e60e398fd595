// Access rules put to an account, and what is said of them: to people, as JSON, as JUnit's XML.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "proof/guard.hpp"
#include "text/json.hpp"

namespace cli {

struct Guarded {
    std::vector<proof::Guard> guards;
    std::vector<proof::GuardResult> results;  // one for each
    std::chrono::milliseconds took{0};
    [[nodiscard]] size_t count(proof::GuardResult::Outcome outcome) const;
    [[nodiscard]] bool all_kept() const { return count(proof::GuardResult::Outcome::kept) == results.size(); }
};
// `doubts`: as check_guards.
[[nodiscard]] Guarded guard(std::vector<proof::Guard> guards, const proof::AccountPolicies& account,
                            std::span<const std::string> doubts);

// A line for each rule, and the witness of a broken one. `only_broken`: the others are counted.
void print_guarded(const Guarded& guarded, bool only_broken);
[[nodiscard]] text::Json guarded_json(const Guarded& guarded);
// One testsuite with a testcase for each rule: broken is a failure, not proved an error. Source: the format that CI systems read, by Apache Ant.
[[nodiscard]] std::string junit_xml(const Guarded& guarded, const std::string& suite);
// One that could not be run: a single testcase, an error.
[[nodiscard]] std::string junit_error_xml(const std::string& suite, const std::string& message);

}  // namespace cli
