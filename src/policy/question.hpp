// A request made ready to be asked: what every statement would otherwise work out again is worked out once. Asking the same
// question of many policies, or many times, allocates nothing.
//
// Its inputs come from where they live longest: what is known of an action is made at start, a caller's names are hashed once a
// session, the context's layers stay where they are. A question of a `Request` makes them all itself.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "policy/context_view.hpp"
#include "policy/principal.hpp"
#include "policy/request.hpp"
#include "policy/service_rules.hpp"

namespace policy {

// What whoever has credentials may do, whatever policies say (R74). Lower case.
inline constexpr std::array<std::string_view, 2> actions_of_everybody = {"sts:getcalleridentity", "sts:getsessiontoken"};

// What the engine needs to know of an action.
struct ActionFacts {
    explicit ActionFacts(std::string_view action);  // service:Action, any case
    [[nodiscard]] std::string_view service() const { return std::string_view(name).substr(0, service_size); }

    std::string name;  // lower case
    uint64_t hash = 0;
    uint32_t place = 0;       // in the catalogue (KnownAction)
    uint32_t key = 0;         // action_key
    size_t service_size = 0;  // of the action's prefix
    uint64_t service_hash = 0;
    bool under_resource_control = false;  // of a service that RCPs apply to (R10)
    bool is_assume_role = false;          // the three sts:AssumeRole… actions
    bool by_provider = false;             // of those, the ones for whom an identity provider vouches
    bool has_service_rules = false;       // forbidding_rule
    bool has_limiting_rules = false;      // limiting_rule
    bool needs_no_permission = false;     // actions_of_everybody
    bool passes_as_asked = false;         // what is asked about is what the service passes (passed_resource.hpp, R44)
};

class Question {
public:
    struct Inputs {
        const Principal& principal;
        const CallerNames& names;
        const ActionFacts& action;
        std::string_view resource;          // what the service passes (R44)
        std::string_view resource_account;  // who owns the resource; empty: the principal's own account
        ContextView context;
        ServiceRule rule = ServiceRule::none;  // that the request breaks, as its service found
    };
    // What the inputs refer to must outlive the question, unchanged.
    explicit Question(const Inputs& inputs);
    explicit Question(const Request& request);
    explicit Question(Request&&) = delete;
    Question(const Question&) = delete;
    Question& operator=(const Question&) = delete;

    [[nodiscard]] const Principal& caller() const { return principal_; }
    [[nodiscard]] const ContextView& context() const { return context_; }

private:
    // What a question of a Request holds itself; before what refers to it.
    std::optional<ActionFacts> own_facts_;
    std::optional<CallerNames> own_names_;
    const Principal& principal_;
    const ContextView context_;

public:
    const ActionFacts& facts;
    const CallerNames& names;
    const std::string_view action;   // lower case
    const std::string_view service;  // the action's prefix
    const uint64_t service_hash;
    const std::string_view resource;
    bool same_account = true;
    bool has_identity_side = true;     // service principals and anonymous callers have no policies of their own
    bool needs_no_permission = false;  // of every caller with credentials, whatever policies say: sts:GetCallerIdentity (R74), …
    ServiceRule forbidden_by = ServiceRule::none;  // whatever the policies say
    ServiceRule limited_by = ServiceRule::none;    // where they allow it

private:
    void find_out(std::string_view resource_account);
};

}  // namespace policy
