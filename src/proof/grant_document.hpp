// A policy document that is asked what it grants by itself (grants.hpp): its JSON beside what the engine made of it, and other documents made of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "policy/policy.hpp"
#include "proof/grants.hpp"
#include "text/json.hpp"

namespace proof {

struct GrantDocument {
    text::Json json;
    std::vector<text::Json> statements;
    policy::PolicyKind kind = policy::PolicyKind::identity;
    policy::PolicyPtr policy;
};

// Errors: as find_new_access. A resource policy whose statements name no resource is a role's trust policy, or about the resource it hangs on.
[[nodiscard]] base::Result<GrantDocument> read_grant_document(std::string_view text, DocumentKind kind,
                                                              const GrantLimits& limits);

[[nodiscard]] bool denies(const text::Json& statement);
// The text, or the texts, of an element.
[[nodiscard]] std::vector<std::string> strings_of(const text::Json& one_or_many);
// One statement that allows, with all that deny; nullopt: all of them.
[[nodiscard]] policy::PolicyPtr part_of(const GrantDocument& document, std::optional<size_t> statement);
// Resources of one account as another's, which the document does not name.
[[nodiscard]] GrantDocument moved(const GrantDocument& document, const std::string& from, const std::string& to);
// Every statement of `first` that allows is one of `second`, and every one of `second` that denies is one of `first`: it grants nothing more.
[[nodiscard]] bool is_part_of(const GrantDocument& first, const GrantDocument& second);

}  // namespace proof
