#include "gate/operation.hpp"

#include <any>
#include <string>

#include "base/invariant.hpp"
#include "model/json.hpp"

namespace gate::detail {

void add_operation(Registry& registry, const model::Operation& operation, bool needs_no_permission,
                   std::function<std::unique_ptr<Invocation>()> invoke) {
    registry.add({.service = std::string(operation.service->signing_name),
                  .name = std::string(operation.name),
                  .classify = [&operation, invoke = std::move(invoke)](const identity::Caller& caller,
                                                                       wire::Call& call) -> base::Result<std::vector<Access>> {
                      std::shared_ptr<Invocation> invocation = invoke();
                      TRY(model::read_document(operation, call.input, invocation->input()));
                      auto accesses = TRY(invocation->accesses({.caller = caller, .region = call.region}));
                      call.prepared = std::move(invocation);
                      return accesses;
                  },
                  .handle = [&operation](const Permit& permit, wire::Call& call) -> base::Result<wire::Answer> {
                      const auto* prepared = std::any_cast<std::shared_ptr<Invocation>>(&call.prepared);
                      INVARIANT(prepared && *prepared);
                      TRY((*prepared)->handle(permit));
                      wire::Answer answer;
                      if (operation.output) answer.output = model::write_document(*operation.output, (*prepared)->output());
                      return answer;
                  },
                  .needs_no_permission = needs_no_permission});
}

}  // namespace gate::detail
