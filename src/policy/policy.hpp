// A policy document, parsed strictly and compiled for deciding. Immutable: share it freely.
//
// Rules: SEMANTICS.md (R…, G…). Grammar: AWS IAM User Guide, "Grammar of the IAM JSON policy language".
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "text/json.hpp"

namespace policy {

enum class PolicyKind : uint8_t { identity, resource, trust, session, service_control, resource_control };

enum class Effect : uint8_t { deny, allow };

// Where a statement stands in the text it came from; for explanations.
struct StatementInfo {
    std::string sid;  // empty if it has none
    Effect effect = Effect::deny;
    text::Position position;
};

class CompiledPolicy;  // compile.hpp; only the engine looks inside

class Policy {
public:
    // Errors carry AWS's code for the kind: `MalformedPolicyDocument` (IAM), `MalformedPolicy` (S3 bucket policies use
    // PolicyKind::resource), and the message AWS gives; a note names JSON path, line and column.
    // Size limits are the caller's business (they depend on where the policy is attached), but 4 MiB is the most here.
    [[nodiscard]] static base::Result<std::shared_ptr<const Policy>> parse(std::string_view json, PolicyKind kind);

    // For documents that were accepted before and must be read whatever they hold: a statement that no longer compiles
    // never allows and, if it denies, always denies (R73). Never fails: unreadable JSON is a policy that denies everything.
    [[nodiscard]] static std::shared_ptr<const Policy> parse_stored(std::string_view json, PolicyKind kind);

    Policy(const Policy&) = delete;
    Policy& operator=(const Policy&) = delete;

    [[nodiscard]] PolicyKind kind() const { return kind_; }
    [[nodiscard]] std::string_view text() const;  // as given
    // Is it of Version 2012-10-17, where `${…}` is a variable (R65)?
    [[nodiscard]] bool has_variables() const { return variables_; }
    [[nodiscard]] std::vector<StatementInfo> statements() const;
    [[nodiscard]] StatementInfo statement(size_t index) const;
    // Principals named by Principal/NotPrincipal AWS entries that are ARNs of users, roles or sessions, unique ids, or accounts of
    // another partition, for the identity room to check that they exist and to bind to unique ids (R32).
    [[nodiscard]] std::vector<std::string> named_principals() const;
    [[nodiscard]] const CompiledPolicy& compiled() const;  // compile.hpp

    // What lets a decision pass a whole policy by: which services its statements can be about (compile.hpp: service_bit), and
    // whether it holds a statement that allows everything to everyone, always.
    struct Summary {
        uint64_t deny_services = 0, allow_services = 0;
        bool allows_everything = false;
        uint32_t allowing_everything = 0;  // the first such statement
        uint64_t groups = 0;               // which groups of its index there are (index.hpp: group_bit)
    };
    [[nodiscard]] const Summary& summary() const { return summary_; }

protected:
    Policy(PolicyKind kind, bool variables, uint32_t text_size, const Summary& summary)
        : kind_(kind), variables_(variables), text_size_(text_size), summary_(summary) {}
    ~Policy() = default;

private:
    PolicyKind kind_;
    bool variables_;
    uint32_t text_size_;
    Summary summary_;
};

using PolicyPtr = std::shared_ptr<const Policy>;

}  // namespace policy
