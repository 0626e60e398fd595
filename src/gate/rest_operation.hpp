// Rows (operation.hpp) of a service that speaks REST-XML. Their requests are decoded from HTTP itself: the head first, and the body
// before or after the decision, as models/SERVICE.yaml says (decided_on_body). Of whom is refused, no other body is read.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "gate/operation.hpp"
#include "wire/call.hpp"
#include "wire/s3_request.hpp"

namespace gate {

// What the service finds in a request's head before its members are read.
struct HeadFindings {
    // That the request breaks, whatever policies allow: it is refused whole, with each of its accesses.
    policy::ServiceRule rule = policy::ServiceRule::none;
    // An error for those alone whom policies allow the request: it is told after the decision.
    std::optional<base::Error> later;
    // No policy can allow this to the caller, whatever the body says: it is not read.
    bool is_refused_by_head = false;
};

// What the service looks at of every request before its members. Its errors are answers, told before the decision: to every caller.
using FirstLook = std::function<base::Result<HeadFindings>(const model::Operation&, const wire::S3Request&,
                                                           const identity::Caller&, wire::Call&)>;

namespace detail {

void add_rest_operation(Registry& registry, const model::Operation& operation, std::vector<model::ValueFunction> functions,
                        FirstLook look, std::function<std::unique_ptr<Invocation>()> invoke);

}  // namespace detail

// `functions`: those that the rows' YAML names.
template <class Service>
void add_rest_operations(Registry& registry, const std::shared_ptr<Service>& service,
                         std::span<const OperationDeclaration<Service>> rows, const std::vector<model::ValueFunction>& functions,
                         const FirstLook& look) {
    for (const auto function : functions) INVARIANT(function != nullptr);
    for (const auto& row : rows)
        detail::add_rest_operation(registry, *row.model, functions, look,
                                   [service, invoke = row.invoke] { return invoke(*service); });
}

}  // namespace gate
