// The Principal element: whom a statement of a resource policy speaks of.
//
// Source: IAM User Guide, "AWS JSON policy elements: Principal" and "NotPrincipal"; SEMANTICS R6, R15-R20, R23, R25-R37.
// A grant is as strong as the way it names the caller: a grant to the caller itself (or to everyone) passes boundaries and
// session policies by, one to its role does not, one to its account only lets the account's own policies decide.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/request.hpp"

namespace policy {

// In rising strength. `none`: the principal is not named.
enum class Grant : uint8_t { none, account, role, direct };

struct PrincipalEntry {
    enum class Kind : uint8_t { everyone, account, arn, unique_id, service, federated };
    Kind kind = Kind::everyone;
    std::string text;       // ARN, unique id, service name, provider; an account's 12 digits
    std::string partition;  // accounts named by root ARN; empty matches any
};

struct PrincipalClause {
    bool present = false;
    bool negated = false;  // NotPrincipal
    std::vector<PrincipalEntry> entries;
};

// The strength with which a statement of this clause applies to the caller. `action` is in lower case.
// For NotPrincipal with Deny, `has_boundary` decides alone (R23).
[[nodiscard]] Grant names(const PrincipalClause& clause, const Principal& caller, std::string_view action, bool has_boundary,
                          bool deny);

}  // namespace policy
