#include "gate/operation.hpp"

#include <string>
#include <utility>

#include "base/invariant.hpp"
#include "model/json.hpp"
#include "wire/model.hpp"
#include "wire/route.hpp"
#include "wire/typed_answer.hpp"

namespace gate::detail {
namespace {

struct TypedOperation {
    const model::Operation& model;
    const wire::ServiceModel& service;
    const Describer& describer;
    std::vector<model::ValueFunction> functions;
    std::function<std::unique_ptr<Invocation>()> invoke;
};

using text::Json;

Json without_empty_members(const Json& document) {
    Json out = Json::object();
    for (const auto& [name, member] : document.members())
        if (!(member.is_string() && member.as_string().empty())) out.set(name, member);
    return out.size() == 0 ? Json() : out;
}

class TypedExecution final : public RequestExecution {
public:
    explicit TypedExecution(std::shared_ptr<const TypedOperation> operation) : operation_(std::move(operation)) {}

    base::Result<std::vector<Access>> accesses(const identity::Caller& caller, wire::Call& call) override {
        start();
        TRY(wire::decode_input(operation_->service, operation_->model, call.http->head, call.document, invocation_->input()));
        return needed(caller, call.region);
    }

    base::Result<http::Response> handle(const Permit& permit, wire::Call& call) override {
        INVARIANT(is_decoded_);
        TRY(invocation_->handle(permit));
        is_handled_ = true;
        return wire::encode_typed_answer(operation_->service, operation_->model, call.http->head, invocation_->output(),
                                         call.request_id);
    }

    base::Result<std::vector<Access>> supposed_accesses(const identity::Caller& caller, std::string_view region,
                                                        std::string_view input) override {
        start();
        TRY(model::read_json(operation_->model, input, invocation_->input()));
        return needed(caller, region);
    }

    text::Json asked() const override {
        if (!invocation_ || !operation_->model.input) return {};
        Json document = model::write_document(*operation_->model.input, invocation_->input());
        // Of what could not be decoded, what was read until then: a required member that is not there is an empty one.
        if (!is_decoded_) return without_empty_members(document);
        return document;
    }

    text::Json made() const override {
        if (!is_handled_ || !operation_->model.output) return {};
        return model::write_document(*operation_->model.output, invocation_->output());
    }

private:
    // A request that is decided again is decoded again: a handler may have taken what the first decision found.
    void start() {
        is_decoded_ = is_handled_ = false;
        invocation_ = operation_->invoke();
    }

    base::Result<std::vector<Access>> needed(const identity::Caller& caller, std::string_view region) {
        is_decoded_ = true;
        return invocation_->accesses({.caller = caller, .region = region, .describer = operation_->describer},
                                     operation_->functions);
    }

    std::shared_ptr<const TypedOperation> operation_;
    std::unique_ptr<Invocation> invocation_;
    bool is_decoded_ = false, is_handled_ = false;
};

}  // namespace

void add_operation(Registry& registry, const model::Operation& operation, std::vector<model::ValueFunction> functions,
                   std::function<std::unique_ptr<Invocation>()> invoke) {
    const wire::ServiceModel* service = wire::find_service(operation.service->signing_name);
    INVARIANT(service);
    const std::shared_ptr<const TypedOperation> kept(new TypedOperation{.model = operation,
                                                                        .service = *service,
                                                                        .describer = registry.describer(),
                                                                        .functions = std::move(functions),
                                                                        .invoke = std::move(invoke)});
    add_execution(registry, operation, [kept] { return std::unique_ptr<RequestExecution>(new TypedExecution(kept)); });
}

void add_execution(Registry& registry, const model::Operation& operation,
                   std::function<std::unique_ptr<RequestExecution>()> begin) {
    registry.add(Operation{.service = std::string(operation.service->signing_name),
                           .name = std::string(operation.name),
                           .begin = std::move(begin),
                           .needs_no_permission = operation.accesses != nullptr && !operation.accesses->no_permission.empty()});
}

base::Result<std::vector<Access>> declared_accesses(const model::Operation& operation, const void* input,
                                                    const RequestOrigin& asking, std::span<const model::ValueFunction> functions,
                                                    Found& found) {
    auto ruled = TRY(accesses_by_rules(operation, input, asking, functions));
    found = std::move(ruled.found);
    return std::move(ruled.accesses);
}

base::Result<void> failed(base::Error& error) { return base::fail(std::move(error)); }

}  // namespace gate::detail
