// A policy's statements as they are written: which elements there are, right or wrong.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lint/collector.hpp"
#include "lint/document.hpp"
#include "lint/place.hpp"
#include "lint/validate.hpp"

namespace lint {

// One string of an element that is a string or a list of strings.
struct Item {
    std::string_view text;
    Place place;
};

// Action, or NotAction; Resource, or NotResource.
struct Element {
    const Member* member = nullptr;  // nullptr: it has none
    bool negated = false;
    std::vector<Item> items;  // what is no string is left out
};

struct Statement {
    const Node* node = nullptr;
    Place place;
    const Member *sid = nullptr, *effect = nullptr, *principal = nullptr, *not_principal = nullptr, *condition = nullptr;
    Element actions, resources;
    std::set<std::string, std::less<>> condition_keys;  // in lower case

    [[nodiscard]] bool has_effect(std::string_view which) const {
        return effect != nullptr && effect->value.is_string() && effect->value.text == which;
    }
    [[nodiscard]] bool allows() const { return has_effect("Allow"); }
    [[nodiscard]] bool denies() const { return has_effect("Deny"); }
    // Has it a condition on this key? Any case.
    [[nodiscard]] bool asks_for(std::string_view key) const;
    // … on a key that begins so?
    [[nodiscard]] bool asks_for_any(std::string_view prefix) const;
    [[nodiscard]] Place at(const Member& element) const { return place.member(element); }
};

// What kind of policy a document is, as far as the checks tell them apart.
struct Subject {
    PolicyType type = PolicyType::identity;
    std::string_view resource_type;
    [[nodiscard]] bool is_trust() const { return resource_type == "AWS::IAM::AssumeRolePolicyDocument"; }
    [[nodiscard]] bool is_bucket() const { return resource_type == "AWS::S3::Bucket"; }
    [[nodiscard]] bool takes_principal() const { return type == PolicyType::resource || type == PolicyType::resource_control; }
};

struct Document {
    const Node* root = nullptr;
    Subject subject;
    bool has_variables = false;  // Version 2012-10-17
    std::vector<Statement> statements;
};

// The statements that are objects. Reports nothing.
[[nodiscard]] Document outline(const Node& root, const Subject& subject);

// Calls `see` for every string of a node that is a string or a list, with its place.
void each_string(const Node& node, const Place& place, const std::function<void(std::string_view, const Place&)>& see);

}  // namespace lint
