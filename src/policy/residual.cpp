#include "policy/residual.hpp"

#include <algorithm>

#include "policy/fits.hpp"

namespace policy {

class Residual::Builder {
public:
    Builder(Residual& out, const Question& question, const PrincipalPolicies& policies, const KnownKeys& known)
        : out_(out), question_(question), known_(known), has_boundary_(policies.boundary.has_value()) {}

    // The layers in the order of the walk (evaluate.cpp).
    void add_all(const PrincipalPolicies& policies, const AttachedPolicy* resource) {
        const bool linked_role = question_.caller().service_linked_role;
        if (!linked_role && question_.facts.under_resource_control)
            add_levels(policies.resource_control, Layer::resource_control);
        if (question_.has_identity_side && !linked_role) add_levels(policies.service_control, Layer::service_control);
        if (policies.vpc_endpoint) add_part(Layer::vpc_endpoint, std::span(&*policies.vpc_endpoint, 1));
        if (resource != nullptr) add_part(Layer::resource, std::span(resource, 1));
        if (!question_.has_identity_side) return;
        add_part(Layer::identity, policies.identity);
        if (policies.boundary) add_part(Layer::boundary, std::span(&*policies.boundary, 1));
        if (policies.session) add_part(Layer::session, *policies.session);
    }

private:
    void add_levels(const std::vector<std::vector<AttachedPolicy>>& levels, Layer layer) {
        for (const auto& level : levels) {
            add_part(layer, level);
            out_.parts_.back().is_level = true;
        }
    }

    void add_part(Layer layer, std::span<const AttachedPolicy> policies) {
        allowed_ = false;
        const auto begin = static_cast<uint32_t>(out_.steps_.size());
        for (const AttachedPolicy& attached : policies) add(attached, layer == Layer::resource ? nullptr : &attached);
        out_.parts_.push_back({.layer = layer, .begin = begin, .end = static_cast<uint32_t>(out_.steps_.size())});
    }

    void add(const AttachedPolicy& attached, const AttachedPolicy* named) {
        const Policy::Summary& summary = attached.policy->summary();
        if (summary.allows_everything)
            push({.attached = named, .statement = summary.allowing_everything, .effect = Effect::allow, .grant = Grant::direct});
        const uint64_t bit = service_bit(question_.service_hash);
        if (((summary.deny_services | summary.allow_services) & bit) == 0) return;
        const size_t before = out_.steps_.size();
        const auto statements = attached.policy->compiled().statements();
        bool is_small = statements.size() <= statements_max;
        for (uint32_t i = 0; is_small && i < statements.size(); ++i) {
            if ((statements[i].services & bit) != 0) add(*attached.policy, i, named);
            is_small = out_.steps_.size() - before <= statements_left_max;
        }
        if (is_small) return;
        out_.steps_.resize(before);
        push({.attached = named, .whole_policy = true});
    }

    void add(const Policy& whole, uint32_t number, const AttachedPolicy* named) {
        const CompiledPolicy& policy = whole.compiled();
        const CompiledStatement& statement = policy.statements()[number];
        const bool denies = statement.effect == Effect::deny;
        Step step{.attached = named, .statement = number, .effect = statement.effect, .grant = Grant::direct};
        if (statement.broken) {
            if (denies) push(step);
            return;
        }
        if (has_principals(whole.kind()))
            step.grant = names(policy.principals(statement), question_.names, has_boundary_, denies);
        if (step.grant == Grant::none || names_action(policy, statement, question_) == statement.not_action) return;
        step.tables = policy.condition_tables();
        for (const Condition& condition : policy.conditions(statement)) {
            if (!is_known(step.tables, condition))
                step.conditions = policy.conditions(statement);
            else if (!holds(condition, step.tables, question_.context(), typed_))
                return;
        }
        step.asks_resource = !statement.any_resource && !names_every_resource(policy, statement);
        step.not_resource = statement.not_resource;
        step.resources = policy.resources(statement);
        push(step);
    }

    // What is behind an Allow that nothing can raise has no effect but by a Deny.
    void push(const Step& step) {
        if (step.effect == Effect::allow && allowed_ && !step.whole_policy) return;
        out_.steps_.push_back(step);
        if (step.whole_policy || step.effect == Effect::deny) return;
        allowed_ = step.grant == Grant::direct && !step.asks_resource && step.conditions.empty();
    }

    [[nodiscard]] bool is_known(const ConditionTables& tables, const Condition& condition) const {
        if (!known_.knows(condition.key_hash, tables.patterns.text(condition.key))) return false;
        if (!compares_patterns(condition.op.comparison)) return true;
        const auto values = tables.values.subspan(condition.values.at, condition.values.size);
        // A variable's key may be any.
        return std::ranges::none_of(values, [](const ConditionValue& value) { return value.pattern.has_variables(); });
    }

    [[nodiscard]] static bool names_every_resource(const CompiledPolicy& policy, const CompiledStatement& statement) {
        return !statement.not_resource && std::ranges::any_of(policy.resources(statement), &Pattern::is_everything);
    }

    Residual& out_;
    const Question& question_;
    const KnownKeys& known_;
    const bool has_boundary_;
    TypedValues typed_;
    bool allowed_ = false;  // has the part that is added an Allow that nothing can raise
};

Residual::Residual(const Question& question, const PrincipalPolicies& policies, const AttachedPolicy* resource,
                   const KnownKeys& known)
    : resource_(resource != nullptr ? resource->policy : nullptr) {
    Builder(*this, question, policies, known).add_all(policies, resource);
    steps_.shrink_to_fit();
}

}  // namespace policy
