#include "policy/evaluate.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "policy/catalogue.hpp"
#include "policy/compile.hpp"

namespace policy {

namespace {

using base::lower;

// The request, prepared once for every statement.
struct Question {
    const Request& request;
    std::string action;         // lower case
    std::string_view resource;  // `*` for actions that no ARN can scope (R44)
    bool has_boundary = false;
    bool same_account = true;
};

// A statement that applies.
struct Hit {
    Layer layer;
    const AttachedPolicy* policy;
    size_t statement;
};

bool matches_any(const std::vector<Pattern>& patterns, std::string_view text, const Context& context) {
    return std::ranges::any_of(patterns, [&](const Pattern& pattern) { return pattern.matches(text, context); });
}

// Does everything but the principal fit? Negated elements are the complement of the union of their items (R45).
bool fits(const CompiledStatement& statement, const Question& question) {
    const auto& context = question.request.context;
    if (matches_any(statement.actions, question.action, context) == statement.not_action) return false;
    if (!statement.any_resource && matches_any(statement.resources, question.resource, context) == statement.not_resource)
        return false;
    return std::ranges::all_of(statement.conditions, [&](const Condition& c) { return holds(c, context); });
}

bool has_principals(PolicyKind kind) {
    return kind == PolicyKind::resource || kind == PolicyKind::trust || kind == PolicyKind::resource_control;
}

// `none` if the statement does not apply; for policies without principals, `direct` if it does.
Grant applies(const CompiledStatement& statement, PolicyKind kind, const Question& question) {
    const bool deny = statement.effect == Effect::deny;
    if (statement.broken) return deny ? Grant::direct : Grant::none;
    auto grant = Grant::direct;
    if (has_principals(kind))
        grant = names(statement.principal, question.request.principal, question.action, question.has_boundary, deny);
    return grant != Grant::none && fits(statement, question) ? grant : Grant::none;
}

// What the policies of one layer (or of one level of an organization) say.
struct Verdict {
    std::vector<Hit> denies, allows;
    Grant grant = Grant::none;  // the strongest Allow
};

void ask(const AttachedPolicy& attached, Layer layer, const Question& question, Verdict& out) {
    const auto& statements = attached.policy->compiled();
    for (size_t i = 0; i < statements.size(); ++i) {
        const auto grant = applies(statements[i], attached.policy->kind(), question);
        if (grant == Grant::none) continue;
        if (statements[i].effect == Effect::deny) {
            out.denies.push_back({layer, &attached, i});
        } else {
            out.allows.push_back({layer, &attached, i});
            out.grant = std::max(out.grant, grant);
        }
    }
}

template <class Policies>
Verdict ask_all(const Policies& policies, Layer layer, const Question& question) {
    Verdict out;
    for (const auto& attached : policies) ask(attached, layer, question, out);
    return out;
}

// Organization policies: an Allow is needed at every level (R7).
struct Ceiling {
    Verdict verdict;
    bool allowed = true;
};

Ceiling ask_levels(const std::vector<std::vector<AttachedPolicy>>& levels, Layer layer, const Question& question) {
    Ceiling out;
    for (const auto& level : levels) {
        auto verdict = ask_all(level, layer, question);
        out.allowed = out.allowed && !verdict.allows.empty();
        std::ranges::move(verdict.denies, std::back_inserter(out.verdict.denies));
        std::ranges::move(verdict.allows, std::back_inserter(out.verdict.allows));
    }
    return out;
}

std::string_view service_of(std::string_view action) { return action.substr(0, action.find(':')); }

bool is_assume_role(std::string_view action) {
    return action == "sts:assumerole" || action == "sts:assumerolewithsaml" || action == "sts:assumerolewithwebidentity";
}

// Trust policies and key policies: the resource's own policy has the first word, identity policies alone are never enough
// (R75, R76).
bool needs_resource_grant(const Question& question, const PolicySet& policies) {
    if (policies.resource && policies.resource->policy->kind() == PolicyKind::trust) return true;
    return is_assume_role(question.action) || (question.action.starts_with("kms:") && question.resource != "*");
}

class Evaluation {
public:
    Evaluation(const Question& question, const PolicySet& policies) : question_(question), policies_(policies) { collect(); }

    Decision decide() {
        if (deny()) return std::move(decision_);
        if (!resource_control_.allowed) missing(Layer::resource_control);
        if (!service_control_.allowed) missing(Layer::service_control);
        if (has_identity_side())
            decide_with_identity();
        else if (resource_.grant != Grant::direct)
            missing(Layer::resource);
        if (decision_.missing.empty()) {
            decision_.outcome = Outcome::allow;
            give_reasons();
        } else {
            decision_.layer = decision_.missing.front();
            give_grants();
        }
        return std::move(decision_);
    }

private:
    [[nodiscard]] const Principal& caller() const { return question_.request.principal; }
    // Service principals and anonymous callers have no policies of their own.
    [[nodiscard]] bool has_identity_side() const {
        return caller().kind != PrincipalKind::anonymous && caller().kind != PrincipalKind::service;
    }

    void collect() {
        const bool linked_role = caller().service_linked_role;
        if (!linked_role && supports_resource_control(service_of(question_.action)))  // R10
            resource_control_ = ask_levels(policies_.resource_control, Layer::resource_control, question_);
        if (has_identity_side() && !linked_role)  // R9
            service_control_ = ask_levels(policies_.service_control, Layer::service_control, question_);
        if (policies_.resource) ask(*policies_.resource, Layer::resource, question_, resource_);
        if (!has_identity_side()) return;
        identity_ = ask_all(policies_.identity, Layer::identity, question_);
        if (policies_.boundary) ask(*policies_.boundary, Layer::boundary, question_, boundary_);
        if (policies_.session) session_ = ask_all(*policies_.session, Layer::session, question_);
    }

    // An explicit deny anywhere wins (R2). The layer that AWS would name comes first.
    bool deny() {
        for (const auto* verdict :
             {&resource_control_.verdict, &service_control_.verdict, &resource_, &identity_, &boundary_, &session_})
            for (const auto& hit : verdict->denies) because(hit);
        if (decision_.because.empty()) return false;
        decision_.outcome = Outcome::explicit_deny;
        decision_.layer = decision_.because.front().layer;
        return true;
    }

    void decide_with_identity() {
        const bool root = caller().kind == PrincipalKind::root;
        const bool identity = root || !identity_.allows.empty();  // an account's root user may do anything in it
        const bool boundary = !policies_.boundary || !boundary_.allows.empty();
        // A federated session without a session policy can do only what a resource policy grants to it directly.
        const bool session = policies_.session ? !session_.allows.empty() : caller().kind != PrincipalKind::federated_user;
        const auto require = [&](bool good, Layer layer) {
            if (!good) missing(layer);
        };
        if (!question_.same_account) {  // Both sides, and no grant passes the caller's own ceilings by (R4, R22).
            require(resource_.grant != Grant::none, Layer::resource);
            require(identity, Layer::identity);
        } else {
            if (resource_.grant == Grant::direct) return;  // R15, R17, R18, R20
            const bool needs_grant = needs_resource_grant(question_, policies_);
            if (needs_grant) require(resource_.grant != Grant::none, Layer::resource);
            if (resource_.grant != Grant::role) require(identity, Layer::identity);  // R16: a grant to the role stands for it
        }
        require(boundary, Layer::boundary);
        require(session, Layer::session);
        by_root_ = root;
    }

    void give_reasons() {
        decision_.layer = Layer::identity;
        const bool by_resource =
            resource_.grant != Grant::none && (!has_identity_side() || !question_.same_account ||
                                               resource_.grant != Grant::account || needs_resource_grant(question_, policies_));
        if (by_resource)
            decision_.layer = Layer::resource;
        else if (by_root_ && identity_.allows.empty())
            decision_.layer = Layer::account_root;
        for (const auto& hit : identity_.allows) because(hit);
        if (by_resource)
            for (const auto& hit : resource_.allows) because(hit);
        for (const auto* verdict : {&boundary_, &session_, &service_control_.verdict, &resource_control_.verdict})
            for (const auto& hit : verdict->allows) because(hit);
    }

    // "The bucket policy names the role, but its permissions boundary does not allow it": the first half of that sentence.
    void give_grants() {
        for (const auto* verdict :
             {&resource_, &identity_, &boundary_, &session_, &service_control_.verdict, &resource_control_.verdict})
            for (const auto& hit : verdict->allows) decision_.granted.push_back(reference(hit));
    }

    static StatementRef reference(const Hit& hit) {
        return {hit.layer, hit.policy->name, hit.statement, hit.policy->policy->statements()[hit.statement]};
    }
    void because(const Hit& hit) { decision_.because.push_back(reference(hit)); }
    void missing(Layer layer) { decision_.missing.push_back(layer); }

    const Question& question_;
    const PolicySet& policies_;
    Ceiling resource_control_, service_control_;
    Verdict resource_, identity_, boundary_, session_;
    bool by_root_ = false;
    Decision decision_;
};

}  // namespace

Decision evaluate(const Request& request, const PolicySet& policies) {
    Question question{.request = request, .action = lower(request.action), .resource = request.resource};
    if (!action_has_resources(question.action)) question.resource = "*";
    question.has_boundary = policies.boundary.has_value();
    question.same_account = request.resource_account.empty() || request.resource_account == request.principal.account;
    if (question.action == "sts:getcalleridentity" && request.principal.kind != PrincipalKind::anonymous) {  // R74
        Decision always;
        always.outcome = Outcome::allow;
        always.layer = Layer::always;
        return always;
    }
    return Evaluation(question, policies).decide();
}

}  // namespace policy
