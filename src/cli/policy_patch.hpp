// What to change of a Pulumi program so that a role has another identity policy: by URN and property, and as a JSON merge patch (RFC 7386) of a program in
// YAML, or as code of one in Python or TypeScript. Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "model/trainwarden/operations.hpp"
#include "text/json.hpp"

namespace cli {

// A resource of the stack: inputs and outputs as plain values.
struct StackResource {
    std::string urn, type;
    text::Json inputs, outputs;
};

struct PolicyPatch {
    struct Step {
        enum class Kind { update, remove, add };
        Kind kind = Kind::update;
        std::string urn;       // of what is there; of what is added, its type
        std::string property;  // update: which argument
        text::Json value;      // update: what it becomes; add: all arguments, as a YAML program has them
        std::string what;      // in words
    };
    std::vector<Step> steps;
    text::Json merge_patch;            // null: nothing to change
    std::vector<std::string> by_hand;  // what the stack does not have, in words
};

// Of a role with the answer's policies. Where the stack has the role, its new policy is written with references to the stack's resources in the place
// of their ARNs: names that Pulumi makes up differ from stack to stack.
// A role that declares its inline policies itself (`inlinePolicies`) has the new one there: one beside it would be removed by the next deployment.
// `file`: where the document is, for commands.
[[nodiscard]] PolicyPatch policy_patch(std::span<const StackResource> stack,
                                       const model::trainwarden::LeastPrivilegeResponse& answer,
                                       const std::string& file = "FILE");

// `runtime` of the project: yaml, python, nodejs. What is added or changed is a value of a program in YAML, or code; only YAML is patched by a document.
[[nodiscard]] text::Json to_json(const PolicyPatch& patch, const std::string& runtime = "yaml");

}  // namespace cli
