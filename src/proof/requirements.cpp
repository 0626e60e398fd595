// What a yes rests on, in as few parts of policies as will do.
#include <algorithm>
#include <tuple>

#include "policy/evaluate.hpp"
#include "policy/print.hpp"
#include "proof/search.hpp"

namespace proof {

// Leaves out what is not needed to make the formula true: conditions first, since people can do without them most easily.
std::vector<Literal> Search::enough(std::vector<Literal> literals) const {
    const auto makes_true = [&](const std::vector<Literal>& some) {
        const auto settled = encoder_.formula().settled_by(some);
        const auto value = settled[static_cast<size_t>(root_ < 0 ? -root_ : root_)];
        return (root_ < 0 ? -value : value) > 0;
    };
    std::ranges::sort(literals, {}, [&](const Literal& one) {
        return std::pair(encoder_.atom(one.atom).kind == Atom::Kind::resource, one.atom);
    });
    for (size_t size = literals.size(); size > 0; size /= 2)
        for (size_t at = 0; at < literals.size();) {
            auto fewer = literals;
            const auto begin = fewer.begin() + static_cast<long>(at);
            fewer.erase(begin, begin + static_cast<long>(std::min(size, fewer.size() - at)));
            if (makes_true(fewer))
                literals = std::move(fewer);
            else
                at += size;
        }
    return literals;
}

// Does the literal hold of every request of the question of which the others hold? Not sure is no.
bool Search::follows(const Literal& literal, std::vector<Literal> from) const {
    if (std::ranges::find(from, literal) != from.end()) return true;
    const Atom& atom = encoder_.atom(literal.atom);
    if (atom.kind == Atom::Kind::opaque) return false;
    std::erase_if(from, [&](const Literal& one) {
        const Atom& other = encoder_.atom(one.atom);
        return other.kind != atom.kind || other.key != atom.key || one.atom == literal.atom;
    });
    from.push_back({literal.atom, !literal.wanted});
    if (atom.kind == Atom::Kind::resource) return find_resource(from) == Found::no;
    return find_key(atom.key, from).kind == FoundValues::Kind::none;
}

std::vector<Literal> Search::without_consequences(std::vector<Literal> literals) const {
    // What does not hold is the first to be told by what does.
    std::ranges::sort(literals, {}, [](const Literal& one) { return std::pair(one.wanted, one.atom); });
    for (size_t at = 0; at < literals.size();) {
        auto others = literals;
        others.erase(others.begin() + static_cast<long>(at));
        if (follows(literals[at], others))
            literals = std::move(others);
        else
            ++at;
    }
    return literals;
}

Requirement Search::requirement_of(const Literal& literal) const {
    const Atom& atom = encoder_.atom(literal.atom);
    if (atom.kind == Atom::Kind::resource)
        return {.kind = Requirement::Kind::resource, .holds = literal.wanted, .key = "", .op = "", .values = atom.written};
    auto printed = policy::print(*atom.test.policy, *atom.test.condition);
    return {.kind = Requirement::Kind::condition,
            .holds = literal.wanted,
            .key = std::move(printed.key),
            .op = std::move(printed.op),
            .values = std::move(printed.values)};
}

std::vector<Granting> Search::granting(const policy::Request& witness, const std::vector<Literal>& literals) const {
    if (question_.allowed.empty()) return {};
    const auto settled = encoder_.formula().settled_by(literals);
    const auto is_sure = [&](const Applying& one) {
        const auto value = settled[static_cast<size_t>(one.node < 0 ? -one.node : one.node)];
        return (one.node < 0 ? -value : value) > 0;
    };
    const policy::Question question(witness);
    const View& view = question_.allowed.front();
    const auto verdict = policy::decide(question, *view.policies, applying_policy(witness, view));
    std::vector<Granting> out;
    for (const auto& grant : verdict.granting()) {
        Granting one{grant.layer, grant.policy, grant.statement};
        const Applying* level = nullptr;
        const Applying* sure = nullptr;
        for (const Applying& other : encoder_.applying())
            if (other.view == 0 && other.policy == one.policy && other.layer == one.layer && other.statement == one.statement)
                level = &other;
        // The witness may meet by accident what another statement asks for.
        if (level != nullptr && !is_sure(*level))
            for (const Applying& other : encoder_.applying())
                if (sure == nullptr && other.view == 0 && other.layer == one.layer && other.level == level->level &&
                    !other.deny && is_sure(other))
                    sure = &other;
        if (sure != nullptr) one = {sure->layer, sure->policy, sure->statement};
        // No statement of the layer is sure to apply, and the formula is true all the same: it is not needed.
        if (level != nullptr && sure == nullptr && !is_sure(*level)) continue;
        out.push_back(one);
    }
    return out;
}

void Search::add_requirements(Answer& answer, const std::vector<Literal>& literals) const {
    for (const Literal& one : without_consequences(literals)) answer.requirements.push_back(requirement_of(one));
    std::ranges::sort(answer.requirements, [](const Requirement& a, const Requirement& b) {
        return std::tie(a.kind, b.holds, a.key, a.op, a.values) < std::tie(b.kind, a.holds, b.key, b.op, b.values);
    });
    const auto repeated = std::ranges::unique(answer.requirements);
    answer.requirements.erase(repeated.begin(), repeated.end());
    answer.statements = granting(*answer.witness, literals);
}

}  // namespace proof
