// A second evaluator, for tests only: the semantics transcribed rule by rule, naive on purpose. It shares with the engine the
// request, the JSON reader and nothing else: no compiled statements, no globs, no typed values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/evaluate.hpp"
#include "text/json.hpp"

namespace reference {

struct Document {
    text::Json json;
    policy::PolicyKind kind;
};

struct Layers {
    std::vector<Document> identity;
    std::optional<Document> boundary;
    std::optional<std::vector<Document>> session;
    std::vector<std::vector<Document>> service_control, resource_control;
    std::optional<Document> resource;
    std::optional<Document> vpc_endpoint;
};

// Reads each policy's text again.
[[nodiscard]] Layers read(const policy::PolicySet& policies);

[[nodiscard]] policy::Outcome evaluate(const policy::Request& request, const Layers& layers);

// One line of a Condition block, for measuring generated conditions.
[[nodiscard]] bool condition_holds(std::string op, const std::string& key, const std::vector<std::string>& wanted, bool variables,
                                   const policy::Context& context);

}  // namespace reference
