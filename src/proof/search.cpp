#include "proof/search.hpp"

#include <algorithm>

#include "policy/arn.hpp"
#include "policy/evaluate.hpp"
#include "policy/vocabulary.hpp"
#include "proof/resources.hpp"

namespace proof {

namespace {

constexpr size_t work_of_proposal = 1'000;  // about what the solver and the clauses of one cost, in steps of an automaton

constexpr const char* open_variable = "the value of a variable";
constexpr const char* states_cap = "automaton states";
constexpr const char* proposals_cap = "proposals of the solver";

Answer unknown(const std::string& reason) { return {.kind = Answer::Kind::unknown, .witness = {}, .reason = reason}; }

ResourceOwner owner_of(const Question& question) {
    const auto& own = question.subject->principal.account;
    const auto arn = policy::parse_arn(question.subject->principal.arn);
    return {.partition = std::string(arn ? arn->partition : "aws"),
            .account = question.resource_account.empty() ? own : question.resource_account,
            .region = question.region};
}

std::string example_of(const std::string& key) {
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

}  // namespace

Search::Search(const Question& question, const Limits& limits, const std::string& action, const policy::Context& known)
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

bool Search::begin() {
    if (root_ == never) return false;
    resources_ = resources_of(action_, owner_of(question_));
    for (const auto& pattern : question_.resources) scope_.push_back(glob_tokens(pattern));
    if (find_resource({}) == Found::no) return false;
    solver_.emplace(encoder_.formula());
    return true;
}

Answer Search::run(size_t tries) { return begin() ? next(tries) : Answer{}; }

Answer Search::next(size_t tries) {
    while (proposals_++ < limits_.conflicts_max) {
        // A proposal costs something even where no text is looked for.
        if (limits_.work != nullptr && !limits_.work->spend(work_of_proposal))
            return unknown("the work of all questions together");
        const auto outcome = solver_->solve(root_, limits_.solver_steps_max);
        if (outcome == Solver::Outcome::too_many_steps) return unknown("solver steps");
        if (outcome == Solver::Outcome::none) return open_.empty() ? Answer{} : unknown(open_);
        literals_ = solver_->reasons(root_);
        std::string cut;
        if (const auto core = impossible(literals_, cut); !core.empty()) {
            solver_->exclude(core);
            if (core.size() == 1 && core.front().wanted) exclude_foreign_resources();
            continue;
        }
        if (cut.empty())
            if (auto witness = confirmed(known_)) return {.kind = Answer::Kind::yes, .witness = std::move(witness), .reason = ""};
        const auto variables = open_variables(literals_);
        if (tries > 0 && !variables.empty()) {
            --tries;
            if (auto answer = with_values(variables, literals_); answer.kind == Answer::Kind::yes) {
                open_ = open_variable;  // of other values nothing is said
                return answer;
            }
        }
        open_ = !cut.empty() ? cut : variables.empty() ? "the witness" : open_variable;
        if (literals_.empty() || ++tries_ >= limits_.tries_max) return unknown(open_);
        solver_->exclude(literals_);
    }
    return unknown(proposals_cap);
}

// Of a thousand statements about objects none is about a bucket: told at once, not one after another.
void Search::exclude_foreign_resources() {
    if (are_foreign_excluded_) return;
    are_foreign_excluded_ = true;
    for (uint32_t number = 0; number < encoder_.atom_count(); ++number)
        if (encoder_.atom(number).kind == Atom::Kind::resource && find_resource({{number, true}}) == Found::no)
            solver_->exclude(std::vector{Literal{number, true}});
}

// Which of the literals cannot hold together; none: they can, and `resource_` and `values_` are how, or `cut` names the limit that leaves
// it open.
std::vector<Literal> Search::impossible(const std::vector<Literal>& literals, std::string& cut) {
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
    const auto found = find_resource(resources, &resource_);
    if (found == Found::no) return least(resources, [&](const auto& some) { return find_resource(some) == Found::no; });
    if (found == Found::cut_off) cut = states_cap;
    return {};
}

// Leaves out what is not needed for the contradiction: halves of it, quarters, … and at last each one.
template <class Contradicts>
std::vector<Literal> Search::least(std::vector<Literal> literals, Contradicts&& contradicts) {
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

Search::Found Search::find_resource(const std::vector<Literal>& literals, std::string* text) const {
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
    auto found = find_text(constraints, limits_.automaton_states_max, limits_.work);
    if (found.kind == FoundText::Kind::none) return Found::no;
    if (found.kind == FoundText::Kind::too_many_states) return Found::cut_off;
    if (text != nullptr) *text = std::move(found.text);
    return Found::yes;
}

FoundValues Search::find_key(const std::string& key, const std::vector<Literal>& literals) const {
    std::vector<KeyTest> tests;
    for (const auto& [number, wanted] : literals) {
        tests.push_back(encoder_.atom(number).test);
        tests.back().wanted = wanted;
    }
    return find_values(tests, encoder_.shape_of(key), encoder_.variables(), limits_);
}

std::vector<std::string> Search::open_variables(const std::vector<Literal>& literals) const {
    std::vector<std::string> out;
    for (const Literal& one : literals) {
        const auto& open = encoder_.atom(one.atom).open;
        out.insert(out.end(), open.begin(), open.end());
    }
    std::ranges::sort(out);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

// The same question, with values for these keys: what has been found for them, what they are compared with, or something.
Answer Search::with_values(const std::vector<std::string>& keys, const std::vector<Literal>& literals) const {
    policy::Context known = known_;
    for (const auto& key : keys) {
        if (known.find(key) != nullptr) continue;
        const auto found = values_.find(key);
        if (found != values_.end() && (found->second.missing || found->second.values.empty())) continue;
        const auto values = found == values_.end() ? std::vector{example_of(key, literals)} : found->second.values;
        add_value(known, key, values);
    }
    return Search(question_, limits_, action_, known).run(0);
}

// What is known of a key that has to be equal to this one, if anything is.
std::string Search::example_of(const std::string& key, const std::vector<Literal>& literals) const {
    for (const Literal& one : literals) {
        const Atom& atom = encoder_.atom(one.atom);
        if (!one.wanted || atom.kind != Atom::Kind::opaque || std::ranges::find(atom.open, key) == atom.open.end()) continue;
        const auto* entry = known_.find(atom.key);
        if (entry != nullptr && entry->values.size() == 1) return entry->values.front();
    }
    return proof::example_of(key);
}

void Search::add_value(policy::Context& context, const std::string& key, const std::vector<std::string>& values) const {
    if (encoder_.shape_of(key).is_list)
        context.set_list(key, values);
    else
        context.set(key, values.front());
}

// The request that was found, if every view decides it as asked.
std::optional<policy::Request> Search::confirmed(const policy::Context& known) const {
    policy::Request request{.principal = question_.subject->principal,
                            .action = action_,
                            .resource = resource_,
                            .resource_account = question_.resource_account,
                            .context = known};
    for (const auto& [key, found] : values_)
        if (!found.missing && !found.values.empty()) add_value(request.context, key, found.values);
    // What every request has, and nothing was asked of.
    for (const auto& [key, value] : {std::pair{"aws:SecureTransport", "true"}, {"aws:SourceIp", "192.0.2.1"}})
        if (request.context.find(key) == nullptr && !encoder_.shape_of(key).may_be_missing) request.context.set(key, value);
    return is_as_asked(request) ? std::optional(std::move(request)) : std::nullopt;
}

bool Search::is_as_asked(const policy::Request& request) const {
    const policy::Question question(request);
    const auto allows = [&](const View& view) {
        return policy::decide(question, *view.policies, applying_policy(request, view)).outcome == policy::Outcome::allow;
    };
    return std::ranges::all_of(question_.allowed, allows) && std::ranges::none_of(question_.refused, allows);
}

}  // namespace proof
