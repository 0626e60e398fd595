// All policies of an account: what is found in each document, and what they do together.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lint/validate.hpp"
#include "proof/account.hpp"

namespace lint {

// A policy, and what it belongs to.
struct NamedPolicy {
    std::string name;  // `inline policy reads of user ada`, `bucket policy of ml-data`
    std::string document;
    PolicyType type = PolicyType::identity;
    std::string resource_type;  // as in Options
};

struct NamedReport {
    NamedPolicy policy;
    Report report;
};

// Every policy of the account that its administrators write: inline and managed ones, trust and bucket policies. Managed policies of AWS's own are left
// out. In the order of their names.
[[nodiscard]] std::vector<NamedPolicy> policies_of(const proof::AccountPolicies& account);

// What a document is, by its elements: a policy with principals is a resource's; one about becoming a role a trust policy; one about S3 a bucket's.
[[nodiscard]] NamedPolicy guess(std::string name, std::string document);

struct AccountReport {
    std::vector<NamedReport> policies;
    std::vector<std::string> unknown;  // of all policies together
};

struct AccountLimits {
    Limits document;
    size_t questions_max = 2'000;   // about the policies together
    size_t work_max = 600'000'000;  // of all of them (proof/automaton.hpp)
};

// Each policy by itself (`check`), and together:
// - a bucket policy that only allows, and a user or role that it does not name and that gets in all the same (TRAINWARDEN_BUCKET_OPEN_TO_OTHERS);
// - a Deny of which nothing is otherwise allowed to anyone whom it is about (TRAINWARDEN_DENY_WITHOUT_EFFECT).
// Pure.
[[nodiscard]] AccountReport check_account(const proof::AccountPolicies& account, const AccountLimits& limits = {});

}  // namespace lint
