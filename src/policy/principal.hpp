// The Principal element: whom a statement of a resource policy speaks of.
//
// Source: IAM User Guide, "AWS JSON policy elements: Principal" and "NotPrincipal"; SEMANTICS R6, R15-R20, R23, R25-R37.
// A grant is as strong as the way it names the caller: a grant to the caller itself (or to everyone) passes boundaries and
// session policies by, one to its role does not, one to its account only lets the account's own policies decide.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "policy/glob.hpp"
#include "policy/request.hpp"

namespace policy {

// In rising strength. `none`: the principal is not named.
enum class Grant : uint8_t { none, account, role, direct };

struct PrincipalEntry {
    // elsewhere: a canonical user or a CloudFront origin access identity that no caller here can be.
    enum class Kind : uint8_t { everyone, account, arn, unique_id, service, federated, elsewhere };
    Kind kind = Kind::everyone;
    Text text;          // ARN, unique id, service name, provider; an account's 12 digits
    Text partition;     // accounts named by root ARN; empty matches any
    uint64_t hash = 0;  // hash_of(text)
};

struct PrincipalClause {
    bool present = false;
    bool negated = false;  // NotPrincipal
    std::span<const PrincipalEntry> entries;
    const char* characters = nullptr;  // what the entries' texts are ranges of
};

// A caller's names, hashed once. The principal must outlive it, unmoved.
struct CallerNames {
    struct Name {
        std::string_view text;
        uint64_t hash = 0;
        Name() = default;
        explicit Name(std::string_view name);
        [[nodiscard]] bool is(std::string_view other, uint64_t other_hash) const {
            return hash == other_hash && same_text(text, other);
        }
    };
    // Without `lower_action`: for every action but those for whose caller a provider vouches.
    explicit CallerNames(const Principal& caller, std::string_view lower_action = {});

    PrincipalKind kind;
    Name account, arn, unique_id, role_arn, role_id, user_arn, service;
    Name provider;  // only in AssumeRoleWith… (R37)
    std::string_view partition;
};

// The strength with which a statement of this clause applies to the caller.
// For NotPrincipal with Deny, `has_boundary` decides alone (R23).
[[nodiscard]] Grant names(const PrincipalClause& clause, const CallerNames& caller, bool has_boundary, bool deny);

}  // namespace policy
