// The one form of an operation: a handler with the model's types. Which accesses it asks for, models/SERVICE.yaml declares
// (README.md has the vocabulary):
//
//     Result<m::GetRole::Output> get_role(Iam&, const Permit&, const m::GetRole::Input&);
//     constexpr auto role_operations = std::to_array({operation<m::GetRole, get_role>(), …});
//
// or, where the YAML only lists `actions`, a function does:
//
//     Result<RequiredAccesses<Deletion>> delete_needs(const S3&, const RequestOrigin&, const m::DeleteObjects::Input&);
//     … operation<m::DeleteObjects, delete_objects, delete_needs>()
//
// What was found before the decision is handed to the handler by type: `Result<Out> delete_objects(S3&, const Permit&, const In&,
// Deletion&&)`. From `needs` it is what `RequiredAccesses` prepared; for a declared operation, what the service's Resources found as the
// first access's resource (Description::found). Types that are not the operation's do not compile.
//
// `add_operations` puts rows into the registry. Their requests are decoded from the bytes into the structs, and their answers
// written from them.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/invariant.hpp"
#include "base/result.hpp"
#include "gate/access_rules.hpp"
#include "gate/add_access.hpp"
#include "gate/gate.hpp"
#include "gate/permit.hpp"
#include "identity/caller.hpp"
#include "model/shape.hpp"

namespace gate {

// The accesses that a request needs, each of which must be allowed, and what finding them out has found. One without accesses is
// refused.
template <class Prepared = model::Nothing>
class [[nodiscard]] RequiredAccesses {
public:
    using PreparedType = Prepared;
    explicit RequiredAccesses(Prepared prepared_in = {}) : prepared(std::move(prepared_in)) {}

    // `keys`: those that the request brings; the resource's own come with its description.
    void add(model::ActionName action, const Description& resource, const policy::Context& keys = {}) {
        accesses_.push_back(access_to(action.text, resource, keys));
    }
    // The same, of a description that nothing else asks for.
    void add(model::ActionName action, Description&& resource, const policy::Context& keys = {}) {
        add_access(accesses_, action.text, std::move(resource), keys);
    }
    // Of an action without a resource.
    void add(model::ActionName action, const policy::Context& keys = {}) { add(action, Description{.arn = "*"}, keys); }
    // What was added last breaks a rule of the service (policy/service_rules.hpp).
    void refuse_last_by(policy::ServiceRule rule) { accesses_.back().rule = rule; }
    // Those that another operation declares for this input of its own: for a request that asks about it. `functions`: its service's.
    [[nodiscard]] base::Result<void> add_declared(const model::Operation& other, const void* input, const RequestOrigin& asking,
                                                  std::span<const model::ValueFunction> functions) {
        for (auto& access : TRY(accesses_by_rules(other, input, asking, functions)).accesses)
            accesses_.push_back(std::move(access));
        return {};
    }
    // An access whose refusal does not refuse the request: `value` is what the handler may use where it is allowed.
    template <class T>
    [[nodiscard]] AuthorizedInput<T> separate(model::ActionName action, const Description& resource, T value,
                                              const policy::Context& keys = {}) {
        add(action, resource, keys);
        accesses_.back().separate = true;
        return AuthorizedInput<T>(accesses_.size() - 1, std::move(value));
    }
    [[nodiscard]] std::vector<Access>&& accesses() && { return std::move(accesses_); }

    Prepared prepared;

private:
    std::vector<Access> accesses_;
};

// One request on its way through an operation.
class Invocation {
public:
    virtual ~Invocation() = default;
    [[nodiscard]] virtual void* input() = 0;  // at first an empty struct of the operation's input, for the codec to fill
    // `functions`: the service's, for what its YAML declares.
    [[nodiscard]] virtual base::Result<std::vector<Access>> accesses(const RequestOrigin& asking,
                                                                     std::span<const model::ValueFunction> functions) = 0;
    [[nodiscard]] virtual base::Result<void> handle(const Permit& permit) = 0;
    [[nodiscard]] virtual const void* output() const = 0;  // REQUIRES: `handle` has succeeded
};

// In place of `needs`: models/SERVICE.yaml declares the accesses.
struct Declared {};
inline constexpr Declared declared;

template <class Service>
struct OperationDeclaration {
    const model::Operation* model = nullptr;
    std::unique_ptr<Invocation> (*invoke)(Service&) = nullptr;
};

namespace detail {

template <class Function>
struct First;
template <class Out, class Argument, class... Rest>
struct First<Out (*)(Argument&, Rest...)> {
    using type = Argument;
};
template <auto handle>
using ServiceOf = typename First<decltype(handle)>::type;

template <auto needs>
inline constexpr bool is_declared = std::same_as<std::remove_const_t<decltype(needs)>, Declared>;

template <class Function>
struct Fourth {
    using type = model::Nothing;
};
template <class Out, class A, class B, class C, class D>
struct Fourth<Out (*)(A, B, C, D)> {
    using type = std::remove_reference_t<D>;
};

template <class Operation, class Service, auto handle, auto needs>
struct PreparedBy {
    using type = typename std::invoke_result_t<decltype(needs), const Service&, const RequestOrigin&,
                                               const typename Operation::Input&>::value_type::PreparedType;
};
// What the service finds under the first access's resource: the handler says of which type.
template <class Operation, class Service, auto handle, auto needs>
    requires is_declared<needs>
struct PreparedBy<Operation, Service, handle, needs> {
    using type = typename Fourth<decltype(handle)>::type;
};

// A service's YAML and its code say the accesses of an operation once: one of the two.
template <class Operation, auto needs>
concept SaidOnce = Operation::declares_accesses == is_declared<needs>;

template <class Operation>
using Answered = base::Result<typename Operation::Output>;
template <class Operation, class Service>
using Handler = Answered<Operation> (*)(Service&, const Permit&, const typename Operation::Input&);
template <class Operation, class Service, class Prepared>
using PreparedHandler = Answered<Operation> (*)(Service&, const Permit&, const typename Operation::Input&, Prepared&&);

// Exactly these types: what converts to an input or an output of the operation is another operation's.
template <class Operation, auto handle, auto needs, class Service = ServiceOf<handle>,
          class Prepared = typename PreparedBy<Operation, Service, handle, needs>::type>
concept HandlerOf = (std::same_as<decltype(handle), Handler<Operation, Service>> && std::same_as<Prepared, model::Nothing>) ||
                    std::same_as<decltype(handle), PreparedHandler<Operation, Service, Prepared>>;

// Not in the class below: once a `Prepared`, not once an operation.
template <class Prepared>
base::Result<std::vector<Access>> taken(base::Result<RequiredAccesses<Prepared>> needs, Prepared& prepared) {
    if (!needs) return base::fail(std::move(needs).error());
    prepared = std::move(needs->prepared);
    return std::move(*needs).accesses();
}

[[nodiscard]] base::Result<std::vector<Access>> declared_accesses(const model::Operation& operation, const void* input,
                                                                  const RequestOrigin& asking,
                                                                  std::span<const model::ValueFunction> functions, Found& found);
[[nodiscard]] base::Result<void> failed(base::Error& error);  // takes it

template <class Operation, auto run, auto needs>
class TypedInvocation final : public Invocation {
    using Service = ServiceOf<run>;
    using Output = Answered<Operation>;
    using Prepared = typename PreparedBy<Operation, Service, run, needs>::type;

public:
    explicit TypedInvocation(Service& service) : service_(service) {}
    TypedInvocation(const TypedInvocation&) = delete;
    TypedInvocation& operator=(const TypedInvocation&) = delete;
    ~TypedInvocation() override {
        if (output_) output_->~Output();
    }

    void* input() override { return &input_; }

    base::Result<std::vector<Access>> accesses(const RequestOrigin& asking,
                                               std::span<const model::ValueFunction> functions) override {
        if constexpr (is_declared<needs>) {
            return declared_accesses(Operation::operation, &input_, asking, functions, found_);
        } else {
            return taken(needs(std::as_const(service_), asking, std::as_const(input_)), prepared_);
        }
    }

    base::Result<void> handle(const Permit& permit) override {
        // Built where it stays: an output may have kilobytes.
        if constexpr (!std::same_as<decltype(run), Handler<Operation, Service>> && is_declared<needs>) {
            auto* const found = found_.template as<Prepared>();
            INVARIANT(found != nullptr);  // the service's Resources find another type than its handler takes
            output_ = ::new (storage_) Output(run(service_, permit, std::as_const(input_), std::move(*found)));
        } else if constexpr (std::same_as<decltype(run), PreparedHandler<Operation, Service, Prepared>>)
            output_ = ::new (storage_) Output(run(service_, permit, std::as_const(input_), std::move(prepared_)));
        else
            output_ = ::new (storage_) Output(run(service_, permit, std::as_const(input_)));
        if (!*output_) return failed(output_->error());
        return {};
    }

    const void* output() const override { return &**output_; }

private:
    Service& service_;
    typename Operation::Input input_{};
    [[no_unique_address]] std::conditional_t<is_declared<needs>, model::Nothing, Prepared> prepared_{};
    [[no_unique_address]] std::conditional_t<is_declared<needs>, Found, model::Nothing> found_{};
    alignas(Output) std::byte storage_[sizeof(Output)];
    Output* output_ = nullptr;
};

// `invoke` makes what handles one request; it keeps its service.
void add_operation(Registry& registry, const model::Operation& operation, std::vector<model::ValueFunction> functions,
                   std::function<std::unique_ptr<Invocation>()> invoke);

// `begin` makes what takes one request through this operation.
void add_execution(Registry& registry, const model::Operation& operation,
                   std::function<std::unique_ptr<RequestExecution>()> begin);

}  // namespace detail

template <class Operation, auto handle, auto needs = declared>
    requires detail::SaidOnce<Operation, needs> && detail::HandlerOf<Operation, handle, needs>
[[nodiscard]] constexpr auto operation() {
    using Service = detail::ServiceOf<handle>;
    return OperationDeclaration<Service>{
        .model = &Operation::operation, .invoke = [](Service& service) -> std::unique_ptr<Invocation> {
            return std::unique_ptr<Invocation>(new detail::TypedInvocation<Operation, handle, needs>(service));
        }};
}

// What holds for every operation of a service.
struct Shared {
    // Those that models/SERVICE.yaml names: `m::Functions{.log_group = …}.list()`.
    std::vector<model::ValueFunction> functions = {};
};

// `service`: what handlers work with, pointers as a rule; kept by the registry.
template <class Service>
void add_operations(Registry& registry, Service service, std::span<const OperationDeclaration<Service>> rows,
                    const Shared& shared = {}) {
    for (const auto function : shared.functions) INVARIANT(function != nullptr);
    const auto kept = std::make_shared<Service>(std::move(service));
    for (const auto& row : rows)
        detail::add_operation(registry, *row.model, shared.functions, [kept, invoke = row.invoke] { return invoke(*kept); });
}

}  // namespace gate
