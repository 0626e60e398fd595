// Policies and where they hang: everything that applies to a question, by layer.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "policy/policy.hpp"

namespace policy {

// One policy and where it hangs; `name` is what people see: an ARN, or `inline policy NAME of role R`.
struct AttachedPolicy {
    PolicyPtr policy;
    std::string name;
    std::string version = {};  // of a managed policy: v3; empty for others
};

// One that every request about a resource has: copies share it. May be none.
class SharedAttachedPolicy {
public:
    SharedAttachedPolicy() = default;
    SharedAttachedPolicy(std::nullopt_t) {}      // NOLINT(google-explicit-constructor)
    SharedAttachedPolicy(AttachedPolicy policy)  // NOLINT(google-explicit-constructor)
        : policy_(std::make_shared<const AttachedPolicy>(std::move(policy))) {}

    [[nodiscard]] bool has_value() const { return policy_ != nullptr; }
    explicit operator bool() const { return has_value(); }
    [[nodiscard]] const AttachedPolicy& operator*() const { return *policy_; }
    [[nodiscard]] const AttachedPolicy* operator->() const { return policy_.get(); }

private:
    std::shared_ptr<const AttachedPolicy> policy_;
};

// The policies of a principal, wherever it acts: what can be kept for a session.
struct PrincipalPolicies {
    std::vector<AttachedPolicy> identity;  // managed and inline, groups included
    std::optional<AttachedPolicy> boundary;
    std::optional<std::vector<AttachedPolicy>> session;         // absent: no session policy; together they are one layer
    std::vector<std::vector<AttachedPolicy>> service_control;   // root first, account last; empty: no organization
    std::vector<std::vector<AttachedPolicy>> resource_control;  // of the resource's account
    std::optional<AttachedPolicy> vpc_endpoint;                 // of the endpoint that the request came through (R80)
};

// And that of one resource: every policy that applies to one question.
struct PolicySet : PrincipalPolicies {
    std::optional<AttachedPolicy> resource;  // bucket policy, trust policy, …
};

}  // namespace policy
