// A request made ready to be asked: what every statement would otherwise work out again is worked out once. Asking the same
// question of many policies, or many times, allocates nothing.
#pragma once

#include <string>
#include <string_view>

#include "policy/principal.hpp"
#include "policy/request.hpp"
#include "policy/service_rules.hpp"

namespace policy {

class Question {
public:
    explicit Question(const Request& request);  // the request must outlive the question, unchanged
    explicit Question(Request&&) = delete;

    [[nodiscard]] const Request& request() const { return request_; }
    [[nodiscard]] const Principal& caller() const { return request_.principal; }
    [[nodiscard]] const Context& context() const { return request_.context; }

private:
    const Request& request_;

public:
    const std::string action;  // lower case
    const uint64_t action_hash;
    const std::string_view service;  // the action's prefix
    const uint64_t service_hash;
    const CallerNames names;
    const std::string_view resource;  // as the request has it; the gate asks about what services pass (R44)
    bool same_account = true;
    bool has_identity_side = true;        // service principals and anonymous callers have no policies of their own
    bool under_resource_control = false;  // of a service that RCPs apply to (R10)
    bool is_assume_role = false;          // the three sts:AssumeRole… actions
    bool needs_no_permission = false;     // sts:GetCallerIdentity of whoever has credentials (R74)
    ServiceRule forbidden_by = ServiceRule::none;
};

}  // namespace policy
