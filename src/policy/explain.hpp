// A Decision in plain words, from the same data that decided. This is the one place where explanations are worded: the audit
// log's reader, `trainwarden explain`, the API's answers and the tests all show these sentences.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/decision.hpp"

namespace policy {

struct Explanation {
    // One sentence: what allowed or denied it; for an implicit deny, both halves: what would have allowed it, and what is
    // missing ("statement `Write` of bucket policy of b allows s3:PutObject to …role/R, but its permissions boundary does not").
    std::string reason;
    // Of a refusal: what would have to change, one sentence for each layer or statement, with the statement to paste.
    std::vector<std::string> remedies;
};

[[nodiscard]] Explanation explanation_of(const Request& request, const Decision& decision);

// The question, the outcome and why, a line for each statement that had a part in it, and what would help.
[[nodiscard]] std::string explain(const Request& request, const Decision& decision);

// "statement `Sid` of inline policy p of user u, line 3"; "statement 2 of arn:aws:iam::1…:policy/P (v3), line 12".
[[nodiscard]] std::string describe(const StatementRef& statement);

// AWS's name for the kind of policy that a layer is for this request: describe(layer), but "role trust policy" for what a role's
// own policy says about assuming it.
[[nodiscard]] std::string_view policy_type(Layer layer, const Request& request);
// The other way round: the layer that is called so.
[[nodiscard]] Layer layer_of(std::string_view policy_type);

}  // namespace policy
