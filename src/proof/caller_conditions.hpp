// What a policy asks of who makes a request: values that its conditions on the caller's own keys name, and sessions that it names as principals. Who can
// choose what its requests say of it (a session's name and tags, a tag of its own, a name) tries these.
#pragma once

#include <compare>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "policy/policy.hpp"

namespace proof {

// A tag of a principal: its key in lower case, and the value; none: it is taken away.
struct TagChange {
    std::string key;
    std::optional<std::string> value;
    auto operator<=>(const TagChange&) const = default;
};

struct CallerConditions {
    std::set<TagChange> tags;                 // aws:PrincipalTag/…; of each tag also a value that nothing names, and none
    std::set<std::string> session_names;      // aws:userid, sessions that are principals
    std::set<std::string> source_identities;  // aws:SourceIdentity
    std::set<std::string> arns;               // aws:PrincipalArn, aws:username: of users and roles of the account
    void add(const CallerConditions& more);
    [[nodiscard]] size_t size() const { return tags.size() + session_names.size() + source_identities.size() + arns.size(); }
};

// Patterns become a text that they match. `values`: what a variable of the caller's (`${aws:PrincipalTag/team}`) may have to be.
[[nodiscard]] CallerConditions read_caller_conditions(const policy::Policy& policy, const std::string& account,
                                                      std::span<const std::string> values);

// A text that the pattern of a policy matches.
[[nodiscard]] std::string instance_of(std::string_view pattern);

}  // namespace proof
