#include "proof/formula.hpp"

#include <algorithm>
#include <cadical.hpp>

namespace proof {

Formula::Formula() : parts_(2) {}

Node Formula::atom(uint32_t number) {
    const auto [entry, added] = atoms_.try_emplace(number, static_cast<Node>(parts_.size()));
    if (added) parts_.push_back({.is_atom = true, .number = number, .parts = {}});
    return entry->second;
}

Node Formula::all(std::vector<Node> nodes) {
    std::ranges::sort(nodes);
    nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
    std::erase(nodes, always);
    for (const Node node : nodes)
        if (node == never || std::ranges::binary_search(nodes, -node)) return never;
    if (nodes.empty()) return always;
    if (nodes.size() == 1) return nodes.front();
    const auto [entry, added] = conjunctions_.try_emplace(nodes, static_cast<Node>(parts_.size()));
    if (added) parts_.push_back({.is_atom = false, .number = 0, .parts = std::move(nodes)});
    return entry->second;
}

Node Formula::any(std::vector<Node> nodes) {
    for (Node& node : nodes) node = -node;
    return -all(std::move(nodes));
}

struct Solver::Sat {
    CaDiCaL::Solver solver;
};

Solver::Solver(const Formula& formula) : formula_(formula), sat_(std::make_unique<Sat>()) { sat_->solver.set("quiet", 1); }
Solver::~Solver() = default;

// Tseitin's clauses, of what the node rests on, too. Without recursion: policies may be long.
void Solver::add(Node root) {
    std::vector<Node> due = {root};
    added_.resize(formula_.parts_.size(), false);
    while (!due.empty()) {
        const Node node = due.back() < 0 ? -due.back() : due.back();
        due.pop_back();
        if (added_[static_cast<size_t>(node)]) continue;
        added_[static_cast<size_t>(node)] = true;
        const auto& part = formula_.part(node);
        if (node == always) {
            sat_->solver.add(node);
            sat_->solver.add(0);
            continue;
        }
        if (part.is_atom) continue;
        for (const Node one : part.parts) {
            for (const Node literal : {-node, one, 0}) sat_->solver.add(literal);
            due.push_back(one);
        }
        sat_->solver.add(node);
        for (const Node one : part.parts) sat_->solver.add(-one);
        sat_->solver.add(0);
    }
}

Solver::Outcome Solver::solve(Node root, size_t steps_max) {
    if (root == never) return Outcome::none;
    add(root);
    sat_->solver.limit("conflicts", static_cast<int>(std::min<size_t>(steps_max, 1u << 30)));
    sat_->solver.assume(root);
    const int status = sat_->solver.solve();
    return status == 10 ? Outcome::found : status == 20 ? Outcome::none : Outcome::too_many_steps;
}

bool Solver::is_true(Node node) const {
    const int value = sat_->solver.val(node < 0 ? -node : node);
    return (value > 0) == (node > 0);
}

std::vector<Literal> Solver::reasons(Node root) const {
    std::vector<Literal> out;
    std::vector<bool> seen(formula_.parts_.size(), false);
    std::vector<Node> due = {root};  // each is true
    while (!due.empty()) {
        const Node node = due.back();
        due.pop_back();
        const auto place = static_cast<size_t>(node < 0 ? -node : node);
        if (seen[place] || place == 1) continue;
        seen[place] = true;
        const auto& part = formula_.part(node);
        if (part.is_atom) {
            out.push_back({part.number, node > 0});
        } else if (node > 0) {
            for (const Node one : part.parts) due.push_back(one);
        } else {
            // One that is false is enough: an atom before a conjunction, one that is needed anyway before others.
            Node best = 0;
            for (const Node one : part.parts) {
                if (is_true(one)) continue;
                const auto at = static_cast<size_t>(one < 0 ? -one : one);
                if (best == 0 || seen[at] || (formula_.part(one).is_atom && !formula_.part(best).is_atom)) best = one;
                if (seen[at]) break;
            }
            due.push_back(-best);
        }
    }
    return out;
}

void Solver::exclude(std::span<const Literal> literals) {
    for (const auto& [atom, wanted] : literals) {
        const Node node = formula_.atoms_.at(atom);
        sat_->solver.add(wanted ? -node : node);
    }
    sat_->solver.add(0);
}

}  // namespace proof
