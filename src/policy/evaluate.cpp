// One walk over every policy that applies, taken in two ways: `decide` stops as soon as the outcome is settled and keeps one statement
// for each layer that allowed, `evaluate` goes on and notes every statement that applies, for explanations. With a residual (residual.hpp)
// `decide` asks what is left of the policies instead; what follows from the layers' grants is the same code.
#include "policy/evaluate.hpp"

#include <algorithm>

#include "base/invariant.hpp"
#include "base/strings.hpp"
#include "policy/arn.hpp"
#include "policy/compile.hpp"
#include "policy/fits.hpp"
#include "policy/residual.hpp"
#include "policy/statement_span.hpp"
#include "policy/typed_values.hpp"
#include "text/json.hpp"

namespace policy {

namespace {

constexpr size_t conditioned_max = 5;         // statements that an explanation names for their conditions
constexpr size_t condition_bytes_max = 1024;  // of a Condition element that it quotes

// A statement that applies.
struct Hit {
    Layer layer;
    const AttachedPolicy* policy;
    uint32_t statement;
    Effect effect;
};

// A key's alias belongs to the account, not to the key (R76).
bool is_about_alias(const Question& question) {
    if (question.action != "kms:createalias" && question.action != "kms:updatealias" && question.action != "kms:deletealias")
        return false;
    const auto arn = parse_arn(question.resource);
    return arn && arn->resource.starts_with("alias/");
}

// Trust policies and key policies: the resource's own policy has the first word, identity policies alone are never enough
// (R75, R76).
bool needs_resource_grant(const Question& question, const AttachedPolicy* resource) {
    if (resource != nullptr && resource->policy->kind() == PolicyKind::trust) return true;
    if (question.facts.is_assume_role) return true;
    return question.service == "kms" && question.resource != "*" && !is_about_alias(question);
}

// The strongest Allow of a layer, and the first statement that was as strong.
struct LayerGrant {
    Grant grant = Grant::none;
    Granting by;
    explicit operator bool() const { return grant != Grant::none; }
    void raise(Grant to, Layer layer, const AttachedPolicy& policy, uint32_t statement) {
        if (to <= grant) return;
        grant = to;
        by = {layer, statement, &policy};
    }
};

class Walk {
public:
    // Notes every statement that applies, if there is somewhere to.
    Walk(const Question& question, const PrincipalPolicies& policies, const AttachedPolicy* resource, std::vector<Hit>* notes)
        : question_(question),
          policies_(policies),
          resource_policy_(resource),
          notes_(notes),
          service_bit_(service_bit(question.service_hash)),
          terms_(terms_of(question, false)) {}

    // `residual`: of these policies, instead of them all.
    Verdict decide(const Residual* residual = nullptr) {
        Verdict verdict;
        if (residual != nullptr)
            ask(*residual);
        else
            collect();
        if (denied_) {  // An explicit deny anywhere wins (R2).
            verdict.outcome = Outcome::explicit_deny;
            verdict.layer = denied_by_;
            return verdict;
        }
        find_missing();
        verdict.missing = missing_;
        verdict.layer = first_missing_;
        if (missing_ != 0) return verdict;
        verdict.outcome = Outcome::allow;
        verdict.layer = allowing_layer();
        if (identity_) verdict.add(identity_.by);
        if (by_resource()) verdict.add(resource_.by);
        for (const LayerGrant* granted : {&boundary_, &session_, &vpc_endpoint_})
            if (*granted) verdict.add(granted->by);
        for (size_t i = 0; i < levels_; ++i) verdict.add(granted_levels_[i].by);
        return verdict;
    }

    // Is the grant of the resource's policy among the reasons for an allow?
    [[nodiscard]] bool by_resource() const {
        return resource_ && (!question_.has_identity_side || !question_.same_account || resource_.grant != Grant::account ||
                             needs_resource_grant(question_, resource_policy_));
    }

    // The layers that allow by themselves, as bits.
    [[nodiscard]] uint16_t allowing() const {
        uint16_t out = 0;
        const auto add = [&](bool allows, Layer layer) {
            if (allows) out |= static_cast<uint16_t>(1u << static_cast<unsigned>(layer));
        };
        add(bool(identity_) || question_.caller().kind == PrincipalKind::root, Layer::identity);
        add(bool(boundary_), Layer::boundary);
        add(bool(session_), Layer::session);
        add(bool(resource_), Layer::resource);
        add(bool(vpc_endpoint_), Layer::vpc_endpoint);
        add(service_control_allows_, Layer::service_control);
        add(resource_control_allows_, Layer::resource_control);
        return out;
    }

private:
    void find_missing() {
        if (question_.forbidden_by != ServiceRule::none) return missing(Layer::service_rule);  // whatever policies say (R78)
        // Ceilings that do not allow come first in what a refusal names.
        if (!resource_control_allows_) missing(Layer::resource_control);
        if (!service_control_allows_) missing(Layer::service_control);
        if (policies_.vpc_endpoint && !vpc_endpoint_) missing(Layer::vpc_endpoint);
        if (question_.has_identity_side)
            decide_with_identity();
        else if (resource_.grant != Grant::direct)
            missing(Layer::resource);
        if (missing_ == 0 && question_.limited_by != ServiceRule::none) missing(Layer::service_rule);
    }

    // The layers in the order in which AWS names the one that denies.
    void collect() {
        const bool linked_role = question_.caller().service_linked_role;
        if (!linked_role && question_.facts.under_resource_control)  // R10
            resource_control_allows_ = ask_levels(policies_.resource_control, Layer::resource_control);
        if (settled()) return;
        if (question_.has_identity_side && !linked_role)  // R9
            service_control_allows_ = ask_levels(policies_.service_control, Layer::service_control);
        if (settled()) return;
        if (policies_.vpc_endpoint) ask(*policies_.vpc_endpoint, Layer::vpc_endpoint, vpc_endpoint_);  // R80: for every caller
        if (settled()) return;
        if (resource_policy_) ask(*resource_policy_, Layer::resource, resource_);
        if (!question_.has_identity_side) return;
        ask_all(policies_.identity, Layer::identity, identity_);
        if (policies_.boundary && !settled()) ask(*policies_.boundary, Layer::boundary, boundary_);
        if (policies_.session) ask_all(*policies_.session, Layer::session, session_);
    }

    [[nodiscard]] bool settled() const { return denied_ && notes_ == nullptr; }

    // As `collect`, of what is left.
    void ask(const Residual& residual) {
        const auto steps = residual.steps();
        for (const Residual::Part& part : residual.parts()) {
            LayerGrant& grant = part.is_level ? next_level() : grant_of(part.layer);
            for (uint32_t i = part.begin; i < part.end; ++i) {
                ask(steps[i], part.layer, grant);
                if (denied_) return;
            }
            if (!part.is_level) continue;
            if (!grant) (part.layer == Layer::resource_control ? resource_control_allows_ : service_control_allows_) = false;
            add_level();
        }
    }

    void ask(const Residual::Step& step, Layer layer, LayerGrant& grant) {
        const AttachedPolicy& attached = step.attached != nullptr ? *step.attached : *resource_policy_;
        if (step.whole_policy) return ask(attached, layer, grant);
        if (step.effect == Effect::allow && step.grant <= grant.grant) return;
        if (step.asks_resource && names_resource(step.resources, step.tables.patterns, question_) == step.not_resource) return;
        if (!all_hold(step.conditions, step.tables, question_, typed_)) return;
        if (step.effect == Effect::allow) return grant.raise(step.grant, layer, attached, step.statement);
        denied_ = true;
        denied_by_ = layer;
    }

    [[nodiscard]] LayerGrant& grant_of(Layer layer) {
        switch (layer) {
            case Layer::boundary:
                return boundary_;
            case Layer::session:
                return session_;
            case Layer::resource:
                return resource_;
            case Layer::vpc_endpoint:
                return vpc_endpoint_;
            default:
                return identity_;
        }
    }

    // A level's grant is raised where it stays, and counts once it is added: copying what was written just before waits for it.
    [[nodiscard]] LayerGrant& next_level() {
        LayerGrant& grant = granted_levels_[levels_];
        grant.grant = Grant::none;
        return grant;
    }
    void add_level() {
        if (granted_levels_[levels_] && levels_ < levels_max) ++levels_;
    }

    void ask_all(const std::vector<AttachedPolicy>& policies, Layer layer, LayerGrant& grant) {
        for (const auto& attached : policies) {
            if (settled()) return;
            ask(attached, layer, grant);
        }
    }

    // Organization policies: an Allow is needed at every level (R7).
    bool ask_levels(const std::vector<std::vector<AttachedPolicy>>& levels, Layer layer) {
        bool allowed = true;
        for (const auto& level : levels) {
            LayerGrant& grant = next_level();
            ask_all(level, layer, grant);
            allowed = allowed && grant;
            add_level();
        }
        return allowed;
    }

    // Raises `grant` to the strongest Allow of the policy.
    void ask(const AttachedPolicy& attached, Layer layer, LayerGrant& grant) {
        if (notes_ == nullptr) {
            const auto& summary = attached.policy->summary();
            if (summary.allows_everything) grant.raise(Grant::direct, layer, attached, summary.allowing_everything);
            const bool may_deny = summary.deny_services & service_bit_;
            const bool may_allow = grant.grant != Grant::direct && (summary.allow_services & service_bit_);
            if (!may_deny && !may_allow) return;
        }
        const CompiledPolicy& compiled = attached.policy->compiled();
        Asked asked{attached, compiled, layer, has_principals(attached.policy->kind()), grant};
        if (compiled.has_index()) return ask_indexed(asked);
        const auto statements = compiled.statements();
        for (const CompiledStatement& statement : statements) {
            if ((statement.services & service_bit_) == 0) continue;
            if (!ask(asked, statement, Candidate{static_cast<uint32_t>(&statement - statements.begin())})) return;
        }
    }

    // A policy that is being asked.
    struct Asked {
        const AttachedPolicy& attached;
        const CompiledPolicy& compiled;
        Layer layer;
        bool names_principals;
        LayerGrant& grant;
    };

    [[gnu::noinline]] void ask_indexed(Asked& asked) {
        const auto first_note = notes_ ? notes_->size() : 0;
        const auto* statements = asked.compiled.statements().data();
        each_indexed(*asked.attached.policy, question_, terms_,
                     [&](const Candidate& candidate) { return ask(asked, statements[candidate.statement], candidate); });
        if (notes_) put_in_order(first_note);
    }

    // False: no need to go on.
    bool ask(Asked& asked, const CompiledStatement& statement, const Candidate& candidate) {
        const bool allows = statement.effect == Effect::allow;
        if (notes_ == nullptr && allows && asked.grant.grant == Grant::direct) return true;
        const Grant applied = applies(asked, statement, candidate);
        if (applied == Grant::none) return true;
        if (notes_) notes_->push_back({asked.layer, &asked.attached, candidate.statement, statement.effect});
        if (allows) {
            asked.grant.raise(applied, asked.layer, asked.attached, candidate.statement);
            return true;
        }
        if (!denied_) denied_by_ = asked.layer;
        denied_ = true;
        return notes_ != nullptr;
    }

    // `none` if the statement does not apply; for policies without principals, `direct` if it does.
    [[gnu::always_inline]] Grant applies(const Asked& asked, const CompiledStatement& statement, const Candidate& candidate) {
        const CompiledPolicy& policy = asked.compiled;
        const bool deny = statement.effect == Effect::deny;
        if (statement.broken) return deny ? Grant::direct : Grant::none;
        const bool in_doubt = question_.context().has_ambiguous();
        if (in_doubt ? !fits_in_doubt(policy, statement, candidate, question_, typed_)
                     : !is_about(policy, statement, candidate, question_))
            return Grant::none;
        auto grant = Grant::direct;
        if (asked.names_principals)
            grant = names(policy.principals(statement), question_.names, policies_.boundary.has_value(), deny);
        if (grant == Grant::none || in_doubt) return grant;
        return conditions_hold(policy, statement, question_, typed_) ? grant : Grant::none;
    }

    // The index proposes in its own order, and twice what two of its entries lead to.
    void put_in_order(size_t first) {
        const auto begin = notes_->begin() + static_cast<std::ptrdiff_t>(first);
        std::sort(begin, notes_->end(), [](const Hit& a, const Hit& b) { return a.statement < b.statement; });
        notes_->erase(std::unique(begin, notes_->end(), [](const Hit& a, const Hit& b) { return a.statement == b.statement; }),
                      notes_->end());
    }

    void decide_with_identity() {
        const auto kind = question_.caller().kind;
        by_root_ = kind == PrincipalKind::root;
        const bool identity = by_root_ || identity_;  // an account's root user may do anything in it
        const bool boundary = !policies_.boundary || boundary_;
        // A federated session without a session policy can do only what a resource policy grants to it directly.
        const bool session = policies_.session ? bool(session_) : kind != PrincipalKind::federated_user;
        const auto require = [&](bool good, Layer layer) {
            if (!good) missing(layer);
        };
        if (!question_.same_account) {  // Both sides, and no grant passes the caller's own ceilings by (R4, R22).
            require(bool(resource_), Layer::resource);
            require(identity, Layer::identity);
        } else {
            if (resource_.grant == Grant::direct) return;  // R15, R17, R18, R20
            const bool needs_grant = needs_resource_grant(question_, resource_policy_);
            if (needs_grant) require(bool(resource_), Layer::resource);
            if (resource_.grant != Grant::role) require(identity, Layer::identity);  // R16: a grant to the role stands for it
        }
        require(boundary, Layer::boundary);
        require(session, Layer::session);
    }

    // The first that is missing is the one that the refusal names.
    void missing(Layer layer) {
        if (missing_ == 0) first_missing_ = layer;
        missing_ |= static_cast<uint16_t>(1u << static_cast<unsigned>(layer));
    }

    [[nodiscard]] Layer allowing_layer() const {
        if (by_resource()) return Layer::resource;
        return by_root_ && !identity_ ? Layer::account_root : Layer::identity;
    }

    const Question& question_;
    const PrincipalPolicies& policies_;
    const AttachedPolicy* const resource_policy_;
    std::vector<Hit>* notes_;
    const uint64_t service_bit_;
    RequestTerms terms_;
    TypedValues typed_;
    bool resource_control_allows_ = true, service_control_allows_ = true;
    LayerGrant vpc_endpoint_, resource_, identity_, boundary_, session_;
    static constexpr size_t levels_max = 15;  // whose grants are said; Verdict has room for them
    std::array<LayerGrant, levels_max + 1> granted_levels_;
    size_t levels_ = 0;
    bool denied_ = false, by_root_ = false;
    Layer denied_by_ = Layer::identity, first_missing_ = Layer::identity;
    uint16_t missing_ = 0;
};

Verdict asked_of_no_policy(const Question& question) {
    Verdict verdict;
    if (question.forbidden_by != ServiceRule::none) {
        verdict.layer = Layer::service_rule;
        verdict.missing = 1u << static_cast<unsigned>(Layer::service_rule);
        return verdict;
    }
    verdict.outcome = Outcome::allow;
    verdict.layer = Layer::always;
    return verdict;
}

StatementRef reference_to(Layer layer, const AttachedPolicy& attached, uint32_t statement) {
    return {layer, attached.name, statement, attached.policy->statement(statement), attached.version};
}

std::vector<StatementRef> pick(const std::vector<Hit>& notes, Effect effect, std::initializer_list<Layer> layers) {
    std::vector<StatementRef> out;
    for (const auto layer : layers)
        for (const auto& hit : notes)
            if (hit.layer == layer && hit.effect == effect) out.push_back(reference_to(layer, *hit.policy, hit.statement));
    return out;
}

// The policies of one layer.
std::vector<const AttachedPolicy*> policies_of(Layer layer, const PrincipalPolicies& policies, const AttachedPolicy* resource) {
    std::vector<const AttachedPolicy*> out;
    const auto add = [&](const auto& list) {
        for (const AttachedPolicy& attached : list) out.push_back(&attached);
    };
    if (layer == Layer::identity) add(policies.identity);
    if (layer == Layer::boundary && policies.boundary) out.push_back(&*policies.boundary);
    if (layer == Layer::session && policies.session) add(*policies.session);
    if (layer == Layer::resource && resource != nullptr) out.push_back(resource);
    if (layer == Layer::vpc_endpoint && policies.vpc_endpoint) out.push_back(&*policies.vpc_endpoint);
    if (layer == Layer::service_control)
        for (const auto& level : policies.service_control) add(level);
    return out;
}

// `keys` in lower case. Reads the one statement again, not its policy: refusals may come in floods.
Conditioned conditioned(StatementRef ref, const Policy& whole, const std::vector<std::string_view>& keys) {
    Conditioned out{std::move(ref), {}, ""};
    const auto statement = text::parse_json(statement_text(whole, out.statement.statement));
    if (!statement) return out;
    const text::Json& written = (*statement)["Condition"];
    out.condition = written.dump();
    if (out.condition.size() > condition_bytes_max) out.condition = "{…}";
    for (const auto& [op, tested] : written.members())
        for (const auto& [key, values] : tested.members())
            if (std::ranges::find(keys, base::lower(key)) != keys.end() && std::ranges::find(out.keys, key) == out.keys.end())
                out.keys.push_back(key);
    return out;
}

std::vector<std::string_view> keys_of(const CompiledPolicy& policy, const CompiledStatement& statement) {
    std::vector<std::string_view> out;
    for (const Condition& condition : policy.conditions(statement)) out.push_back(policy.text(condition.key));
    return out;
}

std::vector<std::string_view> failing_keys(const CompiledPolicy& policy, const CompiledStatement& statement,
                                           const Question& question, TypedValues& typed) {
    std::vector<std::string_view> out;
    for (const Condition& condition : policy.conditions(statement))
        if (!holds(condition, policy.condition_tables(), question.context(), typed)) out.push_back(policy.text(condition.key));
    return out;
}

std::vector<Conditioned> conditioned_denies(const std::vector<Hit>& notes) {
    std::vector<Conditioned> out;
    for (const Hit& hit : notes) {
        const auto& policy = hit.policy->policy->compiled();
        const auto keys = keys_of(policy, policy.statements()[hit.statement]);
        if (hit.effect != Effect::deny || keys.empty() || out.size() == conditioned_max) continue;
        out.push_back(conditioned(reference_to(hit.layer, *hit.policy, hit.statement), *hit.policy->policy, keys));
    }
    return out;
}

// Statements of a policy that may apply, by their actions and resources.
std::vector<uint32_t> candidates_of(const Policy& policy, const Question& question, RequestTerms& terms) {
    std::vector<uint32_t> out;
    each_candidate(policy, question, terms, [&](const Candidate& candidate) {
        out.push_back(candidate.statement);
        return true;
    });
    std::ranges::sort(out);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

// In the layers that did not allow it, the statements that would have, had their conditions held.
std::vector<Conditioned> near_misses(const Question& question, const PrincipalPolicies& policies, const AttachedPolicy* resource,
                                     const std::vector<Layer>& missing) {
    std::vector<Conditioned> out;
    TypedValues typed;
    auto terms = terms_of(question, true);
    for (const Layer layer : missing) {
        for (const AttachedPolicy* attached : policies_of(layer, policies, resource)) {
            const auto& policy = attached->policy->compiled();
            const auto kind = attached->policy->kind();
            for (const uint32_t number : candidates_of(*attached->policy, question, terms)) {
                const auto& statement = policy.statements()[number];
                if (statement.effect != Effect::allow || statement.broken || statement.conditions.size == 0) continue;
                if (has_principals(kind) &&
                    names(policy.principals(statement), question.names, policies.boundary.has_value(), false) == Grant::none)
                    continue;
                if (!is_about(policy, statement, Candidate{number}, question)) continue;
                const auto keys = failing_keys(policy, statement, question, typed);
                if (keys.empty()) continue;
                out.push_back(conditioned(reference_to(layer, *attached, number), *attached->policy, keys));
                if (out.size() == conditioned_max) return out;
            }
        }
    }
    return out;
}

}  // namespace

Verdict decide(const Question& question, const PrincipalPolicies& policies, const AttachedPolicy* resource) {
    if (question.needs_no_permission) return asked_of_no_policy(question);  // R74
    return Walk(question, policies, resource, nullptr).decide();
}

Verdict decide(const Question& question, const PrincipalPolicies& policies, const AttachedPolicy* resource,
               const Residual& residual) {
    INVARIANT(residual.is_about(resource));
    // What is left was found without a doubt about any key.
    if (question.needs_no_permission || question.context().has_ambiguous()) return decide(question, policies, resource);
    return Walk(question, policies, resource, nullptr).decide(&residual);
}

Verdict decide(const Question& question, const PolicySet& policies) {
    return decide(question, policies, policies.resource ? &*policies.resource : nullptr);
}

StatementRef reference_to(const Granting& granting) { return reference_to(granting.layer, *granting.policy, granting.statement); }

Decision decision_of(const Verdict& verdict) {
    INVARIANT(verdict.outcome == Outcome::allow);
    Decision out;
    out.outcome = verdict.outcome;
    out.layer = verdict.layer;
    for (const Granting& granting : verdict.granting()) out.because.push_back(reference_to(granting));
    return out;
}

Decision evaluate(const Question& question, const PrincipalPolicies& policies, const AttachedPolicy* resource_policy) {
    using enum Layer;
    std::vector<Hit> notes;
    Walk walk(question, policies, resource_policy, &notes);
    const Verdict verdict = question.needs_no_permission ? asked_of_no_policy(question) : walk.decide();
    Decision out;
    out.outcome = verdict.outcome;
    out.layer = verdict.layer;
    out.allowing = walk.allowing();
    for (const Hit& hit : notes)
        if (hit.effect == Effect::deny) out.denying |= static_cast<uint16_t>(1u << static_cast<unsigned>(hit.layer));
    switch (verdict.outcome) {
        case Outcome::explicit_deny:
            out.because = pick(notes, Effect::deny,
                               {resource_control, service_control, vpc_endpoint, resource, identity, boundary, session});
            out.conditioned = conditioned_denies(notes);
            break;
        case Outcome::allow:
            if (!walk.by_resource()) std::erase_if(notes, [](const Hit& hit) { return hit.layer == resource; });
            out.because = pick(notes, Effect::allow,
                               {identity, resource, boundary, session, vpc_endpoint, service_control, resource_control});
            break;
        case Outcome::implicit_deny:
            for (const auto layer :
                 {service_rule, resource_control, service_control, vpc_endpoint, resource, identity, boundary, session})
                if (verdict.missing >> static_cast<unsigned>(layer) & 1) out.missing.push_back(layer);
            if (out.layer == service_rule)
                out.rule = question.forbidden_by != ServiceRule::none ? question.forbidden_by : question.limited_by;
            out.granted = pick(notes, Effect::allow,
                               {resource, identity, boundary, session, vpc_endpoint, service_control, resource_control});
            out.conditioned = near_misses(question, policies, resource_policy, out.missing);
            break;
    }
    return out;
}

Decision evaluate(const Request& request, const PolicySet& policies) {
    return evaluate(Question(request), policies, policies.resource ? &*policies.resource : nullptr);
}

}  // namespace policy
