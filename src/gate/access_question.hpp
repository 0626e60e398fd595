// One access as the engine is asked about it. Everything that is decided here is asked in this one way: what the gate enforces, what
// services do on their own, and what is asked in advance (`trainwarden explain`, `who-can`, IAM's simulator).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gate/gate.hpp"
#include "gate/request_keys.hpp"
#include "identity/prepared.hpp"
#include "policy/evaluate.hpp"
#include "policy/residual.hpp"

namespace gate {

// Caller, names, access and keys must outlive it, unchanged: nothing of them is copied.
class AccessQuestion {
public:
    // Of a request that was made.
    AccessQuestion(const identity::PreparedPrincipal& principal, const Access& access, RequestKeys& keys);
    // Of a hypothetical one: `globals` are its global keys, the region that serves it included.
    AccessQuestion(const identity::Caller& caller, const policy::CallerNames& names, const Access& access,
                   const policy::Context& globals);
    AccessQuestion(const AccessQuestion&) = delete;
    AccessQuestion& operator=(const AccessQuestion&) = delete;

    // Without notes, stopping where the outcome is settled. Points into the policies.
    [[nodiscard]] policy::Verdict decide() const;
    // The same, from what `residual_for` left of them for another request with the same known keys.
    [[nodiscard]] policy::Verdict decide(const policy::Residual& residual) const;
    [[nodiscard]] policy::Residual residual_for(const policy::KnownKeys& known) const;
    // With everything that an explanation needs.
    [[nodiscard]] policy::Decision explain() const;
    // The question in one piece, for records and explanations: its context is what conditions would have found.
    [[nodiscard]] policy::Request request() const;

    // Its parts, as they are.
    [[nodiscard]] const Access& access() const { return access_; }
    [[nodiscard]] const policy::ActionFacts& facts() const { return facts_; }
    [[nodiscard]] std::string_view resource() const { return question_.resource; }  // what the service passes
    [[nodiscard]] const policy::ContextView& context() const { return question_.context(); }
    [[nodiscard]] const policy::Context* lease_keys() const {
        return lease_keys_ ? &*lease_keys_ : nullptr;
    }  // nullptr: no lease
    [[nodiscard]] const policy::AttachedPolicy* resource_policy() const {
        return resource_policy_;
    }  // that is asked; nullptr: none

private:
    void find_resource_policy();
    [[nodiscard]] bool is_kept_out() const;
    [[nodiscard]] policy::Question::Inputs parts(const policy::Context* front, const policy::ComputedKeys* computed);

    const identity::Caller& caller_;
    RequestKeys* const keys_ = nullptr;  // of a request that was made: about the access that was asked about last
    const policy::CallerNames& names_;
    const Access& access_;
    const std::string region_;
    const std::string_view resource_account_;
    std::optional<policy::ActionFacts> own_facts_;  // of an action that is not known beforehand
    const policy::ActionFacts& facts_;
    const std::string passed_;  // what the service passes; empty: what was asked
    std::optional<policy::Context> lease_keys_, front_;
    const policy::Question question_;
    std::optional<policy::AttachedPolicy> replaced_;  // stands in for the resource's policy
    const policy::AttachedPolicy* resource_policy_ = nullptr;
};

}  // namespace gate
