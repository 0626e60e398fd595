#include "proof/prove.hpp"

#include <algorithm>
#include <deque>
#include <map>

#include "base/strings.hpp"
#include "policy/arn.hpp"
#include "policy/evaluate.hpp"
#include "policy/vocabulary.hpp"
#include "proof/actions.hpp"
#include "proof/resources.hpp"

namespace proof {

namespace {

constexpr const char* open_variable = "the value of a variable";
constexpr const char* states_cap = "automaton states";

// The search for one action.
class Search {
public:
    Search(const Question& question, const Limits& limits, const std::string& action, const policy::Context& known)
        : question_(question),
          limits_(limits),
          action_(action),
          known_(known),
          encoder_(*question.subject, action, question.resource_account, known) {
        std::vector<Node> nodes;
        for (const View& view : question.allowed) nodes.push_back(encoder_.allowed(view));
        for (const View& view : question.refused) nodes.push_back(-encoder_.allowed(view));
        root_ = encoder_.formula().all(std::move(nodes));
    }

    [[nodiscard]] bool is_never() const { return root_ == never; }

    // `tries`: how often variables of unknown value may be given one.
    Answer run(size_t tries) {
        if (root_ == never) return {};
        resources_ = resources_of(action_, owner());
        for (const auto& pattern : question_.resources) scope_.push_back(glob_tokens(pattern));
        if (find_resource({}) == Found::no) return {};
        Solver solver(encoder_.formula());
        for (size_t round = 0; round < limits_.conflicts_max; ++round) {
            const auto outcome = solver.solve(root_, limits_.solver_steps_max);
            if (outcome == Solver::Outcome::too_many_steps) return unknown("solver steps");
            if (outcome == Solver::Outcome::none) return open_.empty() ? Answer{} : unknown(open_);
            const auto literals = solver.reasons(root_);
            std::string cut;
            if (const auto core = impossible(literals, cut); !core.empty()) {
                solver.exclude(core);
                continue;
            }
            if (cut.empty())
                if (auto witness = confirmed(known_))
                    return {.kind = Answer::Kind::yes, .witness = std::move(witness), .reason = ""};
            const auto variables = open_variables(literals);
            if (tries > 0 && !variables.empty()) {
                --tries;
                if (auto answer = with_values(variables); answer.kind == Answer::Kind::yes) return answer;
            }
            open_ = !cut.empty() ? cut : variables.empty() ? "the witness" : open_variable;
            if (literals.empty() || ++tries_ >= limits_.tries_max) return unknown(open_);
            solver.exclude(literals);
        }
        return unknown("proposals of the solver");
    }

private:
    static Answer unknown(const std::string& reason) { return {.kind = Answer::Kind::unknown, .witness = {}, .reason = reason}; }

    [[nodiscard]] ResourceOwner owner() const {
        const auto& own = question_.subject->principal.account;
        const auto arn = policy::parse_arn(question_.subject->principal.arn);
        return {.partition = std::string(arn ? arn->partition : "aws"),
                .account = question_.resource_account.empty() ? own : question_.resource_account,
                .region = question_.region};
    }

    enum class Found : uint8_t { yes, no, cut_off };

    // Which of the literals cannot hold together; none: they can, and `resource_` and `values_` are how, or `cut` names the limit that leaves
    // it open.
    std::vector<Literal> impossible(const std::vector<Literal>& literals, std::string& cut) {
        values_.clear();
        std::vector<Literal> resources;
        std::map<std::string, std::vector<Literal>> keys;
        for (const Literal& one : literals) {
            const Atom& atom = encoder_.atom(one.atom);
            if (atom.kind == Atom::Kind::resource) resources.push_back(one);
            if (atom.kind == Atom::Kind::condition) keys[atom.key].push_back(one);
        }
        for (const auto& [key, tests] : keys) {
            auto found = find_key(key, tests);
            if (found.kind == FoundValues::Kind::none)
                return least(tests, [&, k = key](const auto& some) { return find_key(k, some).kind == FoundValues::Kind::none; });
            if (found.kind == FoundValues::Kind::unknown) cut = found.cap;
            values_[key] = std::move(found);
        }
        const auto found = find_resource(resources);
        if (found == Found::no) return least(resources, [&](const auto& some) { return find_resource(some) == Found::no; });
        if (found == Found::cut_off) cut = states_cap;
        return {};
    }

    // Leaves out what is not needed for the contradiction: halves of it, quarters, … and at last each one.
    template <class Contradicts>
    static std::vector<Literal> least(std::vector<Literal> literals, Contradicts&& contradicts) {
        for (size_t size = literals.size() / 2; size > 0; size /= 2)
            for (size_t at = 0; at < literals.size() && literals.size() > 1;) {
                auto fewer = literals;
                const auto begin = fewer.begin() + static_cast<long>(at);
                fewer.erase(begin, begin + static_cast<long>(std::min(size, fewer.size() - at)));
                if (!fewer.empty() && contradicts(fewer))
                    literals = std::move(fewer);
                else
                    at += size;
            }
        return literals;
    }

    Found find_resource(const std::vector<Literal>& literals) {
        std::vector<Constraint> constraints;
        const auto add = [&](const std::vector<Tokens>& patterns) {
            Constraint constraint;
            for (const Tokens& one : patterns) constraint.patterns.push_back(&one);
            constraints.push_back(std::move(constraint));
        };
        if (!resources_.empty()) add(resources_);
        add(scope_);
        for (const auto& [number, wanted] : literals) {
            Constraint constraint{{}, wanted};
            for (const PatternTokens& one : encoder_.atom(number).patterns)
                if (wanted || !one.relaxed()) constraint.patterns.push_back(&one.tokens);
            constraints.push_back(std::move(constraint));
        }
        auto found = find_text(constraints, limits_.automaton_states_max);
        if (found.kind == FoundText::Kind::none) return Found::no;
        if (found.kind == FoundText::Kind::too_many_states) return Found::cut_off;
        resource_ = std::move(found.text);
        return Found::yes;
    }

    FoundValues find_key(const std::string& key, const std::vector<Literal>& literals) {
        std::vector<KeyTest> tests;
        for (const auto& [number, wanted] : literals) {
            tests.push_back(encoder_.atom(number).test);
            tests.back().wanted = wanted;
        }
        return find_values(tests, encoder_.shape_of(key), encoder_.variables(), limits_);
    }

    std::vector<std::string> open_variables(const std::vector<Literal>& literals) const {
        std::vector<std::string> out;
        for (const Literal& one : literals) {
            const auto& open = encoder_.atom(one.atom).open;
            out.insert(out.end(), open.begin(), open.end());
        }
        std::ranges::sort(out);
        out.erase(std::unique(out.begin(), out.end()), out.end());
        return out;
    }

    // The same question, with values for these keys: what has been found for them, or something.
    Answer with_values(const std::vector<std::string>& keys) const {
        policy::Context known = known_;
        for (const auto& key : keys) {
            if (known.find(key) != nullptr) continue;
            const auto found = values_.find(key);
            if (found != values_.end() && (found->second.missing || found->second.values.empty())) continue;
            add_value(known, key, found == values_.end() ? std::vector{example_of(key)} : found->second.values);
        }
        return Search(question_, limits_, action_, known).run(0);
    }

    static std::string example_of(const std::string& key) {
        const auto type = policy::find_key(key);
        if (!type) return "something";
        switch (type->type) {
            case policy::KeyType::text:
                return "something";
            case policy::KeyType::number:
            case policy::KeyType::epoch:
                return "1";
            case policy::KeyType::date:
                return "2026-01-01T00:00:00Z";
            case policy::KeyType::boolean:
                return "true";
            case policy::KeyType::address:
                return "192.0.2.1";
            case policy::KeyType::arn:
                return "arn:aws:iam::111122223333:user/something";
        }
        return "something";
    }

    void add_value(policy::Context& context, const std::string& key, const std::vector<std::string>& values) const {
        if (encoder_.shape_of(key).is_list)
            context.set_list(key, values);
        else
            context.set(key, values.front());
    }

    // The request that was found, if every view decides it as asked.
    std::optional<policy::Request> confirmed(const policy::Context& known) const {
        policy::Request request{.principal = question_.subject->principal,
                                .action = action_,
                                .resource = resource_,
                                .resource_account = question_.resource_account,
                                .context = known};
        for (const auto& [key, found] : values_)
            if (!found.missing && !found.values.empty()) add_value(request.context, key, found.values);
        // What every request has, and nothing was asked of.
        for (const auto& [key, value] : {std::pair{"aws:SecureTransport", "true"}, {"aws:SourceIp", "192.0.2.1"}})
            if (request.context.find(key) == nullptr) request.context.set(key, value);
        return is_as_asked(request) ? std::optional(std::move(request)) : std::nullopt;
    }

    [[nodiscard]] bool is_as_asked(const policy::Request& request) const {
        const policy::Question question(request);
        const auto allows = [&](const View& view) {
            return policy::decide(question, *view.policies, view.resource).outcome == policy::Outcome::allow;
        };
        return std::ranges::all_of(question_.allowed, allows) && std::ranges::none_of(question_.refused, allows);
    }

    const Question& question_;
    const Limits& limits_;
    const std::string action_;
    const policy::Context& known_;
    Encoder encoder_;
    std::vector<Tokens> resources_, scope_;
    Node root_ = never;
    std::string resource_;
    std::map<std::string, FoundValues> values_;
    std::string open_;  // why a proposal that may be possible was not confirmed
    size_t tries_ = 0;
};

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

}  // namespace

Answer prove(const Question& question, const Limits& limits) {
    std::vector<StatementActions> statements;
    for (const auto* views : {&question.allowed, &question.refused})
        for (const View& view : *views) add_statements(statements, view);
    policy::Context known = question.subject->known;
    known.merge(question.known);
    const std::string& account =
        question.resource_account.empty() ? question.subject->principal.account : question.resource_account;
    if (!account.empty() && known.find("aws:ResourceAccount") == nullptr) known.set("aws:ResourceAccount", account);
    if (known.find("aws:RequestedRegion") == nullptr) known.set("aws:RequestedRegion", question.region);
    Answer out;
    for (const ActionGroup& group : group_actions(statements, question.actions, question.except)) {
        // Where the formula is never true, what the resources look like does not matter.
        if (group.alike && Search(question, limits, group.first, known).is_never()) continue;
        for (const std::string& action : representatives_of(group)) {
            auto answer = Search(question, limits, action, known).run(limits.values_tries_max);
            if (answer.kind == Answer::Kind::yes) return answer;
            if (answer.kind == Answer::Kind::unknown && out.kind == Answer::Kind::no) out = std::move(answer);
        }
    }
    return out;
}

}  // namespace proof
