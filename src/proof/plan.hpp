// What a plan makes of an account: each resource that a deployment creates, changes or deletes, as a change of users, roles, policies and buckets.
// The mapping is the provider's (src/provider): the same types, the same properties.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "proof/account.hpp"
#include "text/json.hpp"

namespace proof {

struct ResourceChange {
    std::string type;  // aws:iam/role:Role
    std::string name;  // the program's
    // Its properties, inputs and outputs together; null: it is not there. Without those whose value cannot be said …
    text::Json before, after;
    std::map<std::string, std::string, std::less<>>
        unknown;  // … which are these of `after`: their names, and why: `known after up`
};

struct PlannedAccount {
    AccountPolicies account;
    std::vector<std::string> unknown;  // what the plan does and cannot be told yet, for people
};

// The account after these changes, in their order. What a change needs and the account does not have (the role that a policy hangs on, made by
// nobody) is among the unknown. A user or role that is deleted takes its unique id with it: policies that are left name that id (R32), and whoever
// comes under the same name is not meant.
[[nodiscard]] PlannedAccount apply(const AccountPolicies& account, std::span<const ResourceChange> changes);

// Does a resource of this type have to do with who may do what?
[[nodiscard]] bool is_about_access(std::string_view type);

}  // namespace proof
