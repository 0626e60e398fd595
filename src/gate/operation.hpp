// The one form of an operation: a handler with the model's types, and before it, in `needs`, which accesses it asks for.
//
//     Result<m::GetRole::Output> get_role(Iam&, const Permit&, const m::GetRole::Input&);
//     Result<Needs<Found>> role_needs(const Iam&, const Asking&, const m::GetRole::Input&);
//     constexpr auto role_operations = std::to_array({operation<m::GetRole, get_role, role_needs>(), …});
//
// What `needs` found is handed to the handler by type: `Result<Out> get_role(Iam&, const Permit&, const In&, Found&&)`. Types
// that are not the operation's do not compile. An operation that every authenticated caller may use says `no_permission` instead
// of `needs`.
//
// `add_operations` puts rows into the registry of today, whose operations speak documents.
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

#include "base/result.hpp"
#include "gate/gate.hpp"
#include "gate/permit.hpp"
#include "identity/caller.hpp"
#include "model/shape.hpp"

namespace gate {

// Who asks, and where.
struct Asking {
    const identity::Caller& caller;
    std::string_view region;
};

// The accesses that a request needs, each of which must be allowed, and what finding them out has found. One without accesses is
// refused.
template <class Prepared = model::Nothing>
class [[nodiscard]] Needs {
public:
    using PreparedType = Prepared;
    explicit Needs(Prepared prepared_in = {}) : prepared(std::move(prepared_in)) {}
    void add(Access access) { accesses_.push_back(std::move(access)); }
    [[nodiscard]] std::vector<Access>&& accesses() && { return std::move(accesses_); }

    Prepared prepared;

private:
    std::vector<Access> accesses_;
};

// In place of `needs`: no permission is asked for, and none can be refused (R74).
struct NoPermission {};
inline constexpr NoPermission no_permission;

// One request on its way through an operation.
class Invocation {
public:
    virtual ~Invocation() = default;
    [[nodiscard]] virtual void* input() = 0;  // an empty struct of the operation's input, for the codec to fill
    [[nodiscard]] virtual base::Result<std::vector<Access>> accesses(const Asking& asking) = 0;
    [[nodiscard]] virtual base::Result<void> handle(const Permit& permit) = 0;
    [[nodiscard]] virtual const void* output() const = 0;  // REQUIRES: `handle` has succeeded
};

template <class Service>
struct Row {
    const model::Operation* model = nullptr;
    bool needs_no_permission = false;
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
inline constexpr bool is_no_permission = std::same_as<std::remove_const_t<decltype(needs)>, NoPermission>;

template <class Operation, class Service, auto needs>
struct PreparedBy {
    using type = typename std::invoke_result_t<decltype(needs), const Service&, const Asking&,
                                               const typename Operation::Input&>::value_type::PreparedType;
};
template <class Operation, class Service, auto needs>
    requires is_no_permission<needs>
struct PreparedBy<Operation, Service, needs> {
    using type = model::Nothing;
};

template <class Operation>
using Answered = base::Result<typename Operation::Output>;
template <class Operation, class Service>
using Handler = Answered<Operation> (*)(Service&, const Permit&, const typename Operation::Input&);
template <class Operation, class Service, class Prepared>
using PreparedHandler = Answered<Operation> (*)(Service&, const Permit&, const typename Operation::Input&, Prepared&&);

// Exactly these types: what converts to an input or an output of the operation is another operation's.
template <class Operation, auto handle, auto needs, class Service = ServiceOf<handle>,
          class Prepared = typename PreparedBy<Operation, Service, needs>::type>
concept HandlerOf = (std::same_as<decltype(handle), Handler<Operation, Service>> && std::same_as<Prepared, model::Nothing>) ||
                    std::same_as<decltype(handle), PreparedHandler<Operation, Service, Prepared>>;

// Not in the class below: once a `Prepared`, not once an operation.
template <class Prepared>
base::Result<std::vector<Access>> taken(base::Result<Needs<Prepared>> needs, Prepared& prepared) {
    if (!needs) return base::fail(std::move(needs).error());
    prepared = std::move(needs->prepared);
    return std::move(*needs).accesses();
}

template <class Operation, auto run, auto needs>
class TypedInvocation final : public Invocation {
    using Service = ServiceOf<run>;
    using Output = Answered<Operation>;
    using Prepared = typename PreparedBy<Operation, Service, needs>::type;

public:
    explicit TypedInvocation(Service& service) : service_(service) {}
    TypedInvocation(const TypedInvocation&) = delete;
    TypedInvocation& operator=(const TypedInvocation&) = delete;
    ~TypedInvocation() override {
        if (output_) output_->~Output();
    }

    void* input() override { return &input_; }

    base::Result<std::vector<Access>> accesses(const Asking& asking) override {
        if constexpr (is_no_permission<needs>) {
            return std::vector<Access>{};
        } else {
            return taken(needs(std::as_const(service_), asking, std::as_const(input_)), prepared_);
        }
    }

    base::Result<void> handle(const Permit& permit) override {
        // Built where it stays: an output may have kilobytes.
        if constexpr (std::same_as<decltype(run), PreparedHandler<Operation, Service, Prepared>>)
            output_ = ::new (storage_) Output(run(service_, permit, std::as_const(input_), std::move(prepared_)));
        else
            output_ = ::new (storage_) Output(run(service_, permit, std::as_const(input_)));
        if (!*output_) return base::fail(output_->error());
        return {};
    }

    const void* output() const override { return &**output_; }

private:
    Service& service_;
    typename Operation::Input input_{};
    Prepared prepared_{};
    alignas(Output) std::byte storage_[sizeof(Output)];
    Output* output_ = nullptr;
};

// `invoke` makes what handles one request; it keeps its service.
void add_operation(Registry& registry, const model::Operation& operation, bool needs_no_permission,
                   std::function<std::unique_ptr<Invocation>()> invoke);

}  // namespace detail

template <class Operation, auto handle, auto needs>
    requires detail::HandlerOf<Operation, handle, needs>
[[nodiscard]] constexpr auto operation() {
    using Service = detail::ServiceOf<handle>;
    return Row<Service>{.model = &Operation::operation,
                        .needs_no_permission = detail::is_no_permission<needs>,
                        .invoke = [](Service& service) -> std::unique_ptr<Invocation> {
                            return std::unique_ptr<Invocation>(new detail::TypedInvocation<Operation, handle, needs>(service));
                        }};
}

// `service`: what handlers work with, pointers as a rule; kept by the registry.
template <class Service>
void add_operations(Registry& registry, Service service, std::span<const Row<Service>> rows) {
    const auto shared = std::make_shared<Service>(std::move(service));
    for (const auto& row : rows)
        detail::add_operation(registry, *row.model, row.needs_no_permission,
                              [shared, invoke = row.invoke] { return invoke(*shared); });
}

}  // namespace gate
