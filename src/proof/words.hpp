// A policy's statements in the words of its author: what is shown of them to people, and what questions about one of them are made of.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/policy.hpp"
#include "text/json.hpp"

namespace proof {

struct Words {
    bool deny = false;
    bool not_action = false, not_resource = false;  // `actions`, `resources` are those that it excepts
    std::vector<std::string> actions, resources;    // patterns; no resources: a trust policy's, of any
    text::Json condition;                           // the element; null: none
    std::string canonical;                          // the statement; equal ones mean the same
};

// By statement, in the document's order; of each policy once.
class WordsOfPolicies {
public:
    // Empty for a document that is none.
    [[nodiscard]] const std::vector<Words>& of(const policy::PolicyPtr& policy);

private:
    std::map<const policy::Policy*, std::pair<policy::PolicyPtr, std::vector<Words>>> known_;
};

// `aws:SourceIp in 10.0.0.0/8, aws:MultiFactorAuthPresent is true`; empty: no condition.
[[nodiscard]] std::string condition_text(const text::Json& condition);
// The patterns that match the text; how many characters of the longest of them are no wildcards: what says more about it is narrower.
[[nodiscard]] size_t narrowness(const std::vector<std::string>& patterns, std::string_view text);

// What a trust policy decides on, as a pattern.
inline constexpr const char* assume_role_actions = "sts:AssumeRole*";

// A part of the world, as a policy of a resource that allows every principal everything there: a view that is put beside others in a question. At first
// everything.
class Outside {
public:
    void except_resources(std::vector<std::string> patterns) { excepted_ = std::move(patterns); }
    // Nothing but this.
    void keep(std::string action, std::vector<std::string> resources) {
        action_ = std::move(action);
        kept_ = std::move(resources);
    }
    void except(const Words& words);
    void except(std::string_view action, std::string_view resource);
    [[nodiscard]] policy::PolicyPtr policy() const;

private:
    std::string action_ = "*";
    std::vector<std::string> kept_, excepted_;
    text::Json denied_ = text::Json::array();
};

}  // namespace proof
