#include "proof/prove.hpp"

#include <utility>

#include "proof/actions.hpp"
#include "proof/search.hpp"

namespace proof {

namespace {

void add_statements(std::vector<StatementActions>& out, const View& view) {
    const auto add = [&](const policy::AttachedPolicy& attached) {
        const auto& policy = attached.policy->compiled();
        for (const auto& statement : policy.statements()) out.push_back({&policy, &statement});
    };
    const auto add_all = [&](const auto& list) {
        for (const policy::AttachedPolicy& one : list) add(one);
    };
    add_all(view.policies->identity);
    if (view.policies->boundary) add(*view.policies->boundary);
    if (view.policies->session) add_all(*view.policies->session);
    for (const auto& level : view.policies->service_control) add_all(level);
    for (const auto& level : view.policies->resource_control) add_all(level);
    if (view.policies->vpc_endpoint) add(*view.policies->vpc_endpoint);
    if (view.resource != nullptr) add(*view.resource);
}

policy::Context known_of(const Question& question) {
    policy::Context out = question.subject->known;
    out.merge(question.known);
    const std::string& account =
        question.resource_account.empty() ? question.subject->principal.account : question.resource_account;
    if (!account.empty() && out.find("aws:ResourceAccount") == nullptr) out.set("aws:ResourceAccount", account);
    if (out.find("aws:RequestedRegion") == nullptr) out.set("aws:RequestedRegion", question.region);
    // Requests without credentials do not have it (R28).
    const auto kind = question.subject->principal.kind;
    if (kind != policy::PrincipalKind::anonymous && out.find("aws:PrincipalIsAWSService") == nullptr)
        out.set("aws:PrincipalIsAWSService", kind == policy::PrincipalKind::service ? "true" : "false");
    return out;
}

std::vector<StatementActions> statements_of(const Question& question) {
    std::vector<StatementActions> out;
    for (const auto* views : {&question.allowed, &question.refused})
        for (const View& view : *views) add_statements(out, view);
    return out;
}

// About what it costs to make a formula of a statement, in steps of an automaton.
constexpr size_t work_of_statement = 20;

}  // namespace

Answer prove(const Question& question, const Limits& limits) {
    const policy::Context known = known_of(question);
    Answer out;
    const auto statements = statements_of(question);
    for (const ActionGroup& group : group_actions(statements, question.actions, question.except)) {
        // What is spent is not spent again for every action.
        if (limits.work != nullptr && !limits.work->spend(work_of_statement * statements.size()))
            return {.kind = Answer::Kind::unknown, .witness = {}, .reason = "the work of all questions together"};
        // Where the formula is never true, what the resources look like does not matter.
        if (group.alike && Search(question, limits, group.first, known).is_never()) continue;
        for (const auto& [action, actions] : representatives_of(group)) {
            auto answer = Search(question, limits, action, known).run(limits.values_tries_max);
            if (answer.kind == Answer::Kind::yes) return answer;
            if (answer.kind == Answer::Kind::unknown && out.kind == Answer::Kind::no) out = std::move(answer);
        }
    }
    return out;
}

}  // namespace proof
