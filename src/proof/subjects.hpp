// Subjects that stand for many principals: what is not the same for all of them is open.
#pragma once

#include <string>

#include "policy/policy.hpp"
#include "proof/encode.hpp"

namespace proof {

// A caller without credentials, with the keys that its requests have.
[[nodiscard]] Subject anonymous_subject();

// A user, or a role's session, of an account whose administrators give it the name and the tags that they like.
struct AnyOf {
    std::string account, partition = "aws";
    std::string arn = {};  // a pattern of the user's or role's ARN; empty: any
    // What AWS gives it, its unique id and its organization, may be what a policy names. (AWS's meaning of public says no.)
    bool is_given_anything = true;
};
[[nodiscard]] Subject any_user_of(const AnyOf& which);
[[nodiscard]] Subject any_session_of(const AnyOf& which);

// What a principal is supposed to be allowed by policies that are not known, those of its own account: everything.
[[nodiscard]] const policy::PolicyPtr& allows_everything();

// Any session of one role, whatever name, tags and source identity it brings. `known`: the condition keys of a new one.
[[nodiscard]] Subject any_session_of_role(const policy::Principal& role, const policy::Context& known);

}  // namespace proof
