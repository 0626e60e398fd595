// What is left of the policies that apply once the caller, the action and the values of some condition keys are known: partial evaluation.
// Statements that name others, or whose conditions on known keys do not hold, are gone; conditions that hold are not asked again. What
// is left for a decision are resources, and the conditions on the other keys (`decide`, evaluate.hpp).
//
// The caller must know that the known keys have the same values whenever the residual is used: the gate keeps it under the bytes that
// they are made of (gate/decided.cpp).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "policy/attached.hpp"
#include "policy/condition.hpp"
#include "policy/decision.hpp"
#include "policy/glob.hpp"
#include "policy/principal.hpp"
#include "policy/question.hpp"

namespace policy {

// Which condition keys have, in every question that a residual is used for, the value that they have in the one it is made of; that
// there is none, too.
class KnownKeys {
public:
    virtual ~KnownKeys() = default;
    [[nodiscard]] virtual bool knows(uint64_t key_hash, std::string_view lower_key) const = 0;
};

class Residual {
public:
    // Larger policies are left whole: their index (index.hpp) finds what a resource concerns.
    static constexpr size_t statements_max = 256;
    static constexpr size_t statements_left_max = 16;

    // Points into `policies`, which must outlive it, where they are. Of the question, its resource and the values of unknown keys don't
    // matter. REQUIRES: no key of its context is ambiguous.
    Residual(const Question& question, const PrincipalPolicies& policies, const AttachedPolicy* resource, const KnownKeys& known);

    // Is the resource's policy the one that this was made of?
    [[nodiscard]] bool is_about(const AttachedPolicy* resource) const {
        return resource == nullptr ? resource_ == nullptr : resource->policy == resource_;
    }

    // A statement that may apply.
    struct Step {
        const AttachedPolicy* attached = nullptr;  // nullptr: the resource's policy
        uint32_t statement = 0;
        Effect effect = Effect::deny;
        Grant grant = Grant::none;   // the strength with which it applies
        bool whole_policy = false;   // no one statement: the policy has to be asked
        bool asks_resource = false;  // it applies only if it names the resource …
        bool not_resource = false;   // (names what is none of these)
        std::span<const Pattern> resources;
        std::span<const Condition> conditions;  // … and these hold
        ConditionTables tables;                 // of their parts
    };
    // The steps of one layer, of an organization's of one level; in the order in which they are asked.
    struct Part {
        Layer layer = Layer::identity;
        bool is_level = false;
        uint32_t begin = 0, end = 0;  // of the steps
    };
    [[nodiscard]] std::span<const Part> parts() const { return parts_; }
    [[nodiscard]] std::span<const Step> steps() const { return steps_; }

private:
    class Builder;
    PolicyPtr resource_;  // kept, so that no other has its address
    std::vector<Part> parts_;
    std::vector<Step> steps_;
};

}  // namespace policy
