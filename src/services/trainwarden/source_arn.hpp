// What SageMaker may do where a policy asks for which job it acts: aws:SourceArn, which a question need not say.
#pragma once

#include <optional>
#include <string>

#include "gate/decide.hpp"

namespace services::trainwarden {

struct SupposedDecision {
    // Where the decision hangs on what is not said, the refusal: nobody is told of a permission that only some requests have.
    audit::DecidedAccess decided;
    // Where it hangs on aws:SourceArn: which are allowed and which are not, in words …
    std::optional<std::string> hangs_on;
    // … and the decision for one that is allowed.
    audit::DecidedAccess if_it_holds;
};

// gate::decide_supposed. SageMaker's requests carry the ARN of a job of `account` as aws:SourceArn: if that is not said and the
// resource's policy compares it with something, each of those values is tried, and a job that none of them is about.
[[nodiscard]] SupposedDecision decide_for(const identity::Caller& caller, const gate::Access& access,
                                          const gate::HypotheticalRequest& hypothetical, const std::string& account);

}  // namespace services::trainwarden
