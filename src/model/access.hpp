// Which accesses an operation needs, as constant tables: the `operations:` of models/SERVICE.yaml, whose vocabulary
// src/gate/README.md describes. Made by tools/modelgen/accesses.py; read by gate/access_rules.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "model/shape.hpp"

namespace model {

// `m::Action::iam_GetRole`, generated into `model/SERVICE/service.hpp` from every action that models/SERVICE.yaml names.
struct ActionName {
    std::string_view text;  // iam:GetRole
};

// From an operation's input to a value in it. A list on the way stands for each of its items.
struct Step {
    const Field* field = nullptr;
    std::string_view entry = {};  // of a map: the key of the entry that is meant; empty: the field itself
};
using Path = std::span<const Step>;

// What a value function may know beside its arguments.
struct RequestOrigin {
    std::string_view account;  // the caller's; empty for anonymous ones
    std::string_view region;   // that serves the request
};
// Of a function for `KEY/*`: what follows the slash, and its value. Else every first is empty.
using NamedValues = std::vector<std::pair<std::string, std::string>>;
// A function that the YAML names: values from members' text. nullopt: a member that the request does not give, or that the operation
// does not have. Its errors are answers.
using ValueFunction = base::Result<NamedValues> (*)(const RequestOrigin&, std::span<const std::optional<std::string>> arguments);

struct FunctionCall {
    static constexpr size_t none = SIZE_MAX;
    size_t function = none;                // its place among the service's functions
    std::span<const Path> arguments = {};  // an empty path: the operation has no such member
};

// A piece of a text that is put together.
struct Part {
    enum class Kind : uint8_t { text, member, account, region, call };
    Kind kind = Kind::text;
    std::string_view text = {};  // text: itself; member: what stands where it is absent
    Path path = {};              // member
    FunctionCall call = {};
};
using Template = std::span<const Part>;

// Where a condition key's values come from: one of these.
struct KeySource {
    Path path = {};                                 // every value there is …
    const Field *name = nullptr, *value = nullptr;  // … of `KEY/*`: in each item there, what follows the slash, and its value
    FunctionCall call = {};
    Template text = {};  // a text that is always the same, but for what is filled in
};
struct KeyRule {
    std::string_view key;             // aws:TagKeys; of `aws:RequestTag/*`, what stands before the star
    bool has_names = false;           // it ends in `*`
    bool has_otherwise = false;       // …
    std::string_view otherwise = {};  // … and then this is its value where the sources give none
    std::span<const KeySource> sources = {};
};

// Another action if a member is given: s3:GetObjectVersion with VersionId.
struct OtherAction {
    Path given;
    ActionName action;
};

struct AccessRule {
    enum class Resource : uint8_t {
        none,   // `*`
        text,   // `arn` names no one resource (a path, all groups): nothing is known of it
        named,  // by `arn`; the service that has it describes it
        made,   // by `arn`; it is being made: what may be there already does not count
        first,  // that of the operation's first access, and its keys
    };
    ActionName action;
    std::span<const OtherAction> with = {};
    Path when = {};            // only if that member is given; a list, if it has items. Empty: always
    bool when_absent = false;  // only if the resource of the first access is not there
    Resource resource = Resource::none;
    Template arn = {};
    Path or_caller = {};  // not empty: where this member is absent, the user or root user who asks …
    std::string_view other_code = {}, other_message = {};  // … and of other callers this error
    std::span<const KeyRule> keys = {};
};

struct AccessRules {
    std::span<const AccessRule> rules = {};
    std::string_view no_permission = {};  // why it needs none, with its source; empty: it needs what the rules say
};

}  // namespace model
