#include "gate/operation.hpp"

#include <any>
#include <string>

#include "base/invariant.hpp"
#include "gate/recorded.hpp"
#include "model/json.hpp"
#include "wire/model.hpp"
#include "wire/typed_answer.hpp"

namespace gate::detail {
namespace {

// Written at once: a document of ten thousand log events would cost more than all the rest of the request.
wire::Answer answer_of(const model::Operation& operation, const void* output, const wire::Call& call) {
    wire::Answer answer;
    const wire::ServiceModel* service = wire::find_service(operation.service->signing_name);
    INVARIANT(service);
    answer.raw = wire::encode_typed_answer(*service, operation, call.http->head, output, call.request_id);
    // Of what changes something, also as a document: the record says what was made.
    if (operation.output && (!answer.raw || makes_something(operation.name)))
        answer.output = model::write_document(*operation.output, output);
    return answer;
}

}  // namespace

void add_operation(Registry& registry, const model::Operation& operation, std::vector<model::ValueFunction> functions,
                   std::function<std::unique_ptr<Invocation>()> invoke) {
    registry.add({.service = std::string(operation.service->signing_name),
                  .name = std::string(operation.name),
                  .classify = [&operation, describer = &registry.describer(), functions = std::move(functions),
                               invoke = std::move(invoke)](const identity::Caller& caller,
                                                           wire::Call& call) -> base::Result<std::vector<Access>> {
                      std::shared_ptr<Invocation> invocation = invoke();
                      TRY(model::read_document(operation, call.input, invocation->input()));
                      auto accesses = TRY(
                          invocation->accesses({.caller = caller, .region = call.region, .describer = *describer}, functions));
                      call.prepared = std::move(invocation);
                      return accesses;
                  },
                  .handle = [&operation](const Permit& permit, wire::Call& call) -> base::Result<wire::Answer> {
                      const auto* prepared = std::any_cast<std::shared_ptr<Invocation>>(&call.prepared);
                      INVARIANT(prepared && *prepared);
                      TRY((*prepared)->handle(permit));
                      return answer_of(operation, (*prepared)->output(), call);
                  },
                  .needs_no_permission = operation.accesses != nullptr && !operation.accesses->no_permission.empty()});
}

}  // namespace gate::detail
