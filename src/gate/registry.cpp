#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "gate/gate.hpp"
#include "gate/recorded.hpp"
#include "wire/model.hpp"
#include "wire/route.hpp"

namespace gate {
namespace {

class DocumentRun final : public Run {
public:
    explicit DocumentRun(std::shared_ptr<const DocumentOperation> operation) : operation_(std::move(operation)) {}

    base::Result<std::vector<Access>> accesses(const identity::Caller& caller, wire::Call& call) override {
        const wire::ServiceModel* service = wire::find_service(operation_->service);
        const wire::OperationModel* model = service ? service->find(operation_->name) : nullptr;
        if (model && !call_) call.input = TRY(wire::decode_input(*service, *model, call.http->head, call.document));
        call_ = &call;
        return operation_->classify(caller, call);
    }

    base::Result<wire::Answer> handle(const Permit& permit, wire::Call& call) override {
        auto answer = operation_->handle(permit, call);
        if (answer && makes_something(operation_->name)) made_ = answer->output;
        return answer;
    }

    base::Result<std::vector<Access>> supposed_accesses(const identity::Caller& caller, std::string_view region,
                                                        std::string_view input) override {
        const wire::ServiceModel* service = wire::find_service(operation_->service);
        const wire::OperationModel* model = service ? service->find(operation_->name) : nullptr;
        if (!model)
            return base::fail(
                base::code::ValidationException,
                "requests of " + operation_->service + " cannot be asked about with their input; ask about their actions");
        wire::Call call;
        call.service = operation_->service;
        call.operation = operation_->name;
        call.region = region;
        call.input = TRY(wire::decode_json_input(*service, *model, input));
        return operation_->classify(caller, call);
    }

    text::Json asked() const override { return call_ ? call_->input : text::Json(); }
    text::Json made() const override { return made_; }

private:
    std::shared_ptr<const DocumentOperation> operation_;
    const wire::Call* call_ = nullptr;  // that was decoded
    text::Json made_;
};

}  // namespace

void Registry::add(DocumentOperation operation) {
    INVARIANT(operation.classify != nullptr && operation.handle != nullptr);
    const auto kept = std::make_shared<const DocumentOperation>(std::move(operation));
    add(Operation{.service = kept->service,
                  .name = kept->name,
                  .begin = [kept] { return std::unique_ptr<Run>(new DocumentRun(kept)); },
                  .needs_no_permission = kept->needs_no_permission});
}

void Registry::add(Operation operation) {
    INVARIANT(operation.begin != nullptr);
    auto key = std::make_pair(operation.service, operation.name);
    const bool added = operations_.emplace(std::move(key), std::move(operation)).second;
    INVARIANT(added);
}

const Operation* Registry::find(std::string_view service, std::string_view name) const {
    const auto found = operations_.find(std::pair(std::string(service), std::string(name)));
    return found == operations_.end() ? nullptr : &found->second;
}

std::vector<const Operation*> Registry::all() const {
    std::vector<const Operation*> out;
    for (const auto& [key, operation] : operations_) out.push_back(&operation);
    return out;
}

}  // namespace gate
