#include "proof/paths.hpp"

#include <algorithm>
#include <deque>
#include <limits>
#include <unordered_map>
#include <utility>

#include "proof/steps.hpp"

namespace proof {

namespace {

constexpr size_t unreachable = std::numeric_limits<size_t>::max();

// The states that can be come to, and the steps between them.
class PathSearch {
public:
    PathSearch(const AccountForPaths& account, std::span<const Target> targets, const policy::Context& known,
               const PathLimits& limits)
        : account_(account), targets_(targets), limits_(limits), steps_(account, targets, known, limits) {}

    Paths run() {
        for (uint32_t i = 0; i < account_.holders.size(); ++i)
            (void)number_of({.holder = i, .changes = "", .policies = *account_.holders[i].asker.policies});
        for (size_t at = 0; at < nodes_.size(); ++at) expand(at);
        count_steps();
        Paths out;
        for (uint32_t i = 0; i < account_.holders.size(); ++i)
            if (nodes_[i].is_end)
                continue;
            else if (nodes_[i].steps != unreachable)
                out.paths.push_back(path_from(i));
            else if (auto path = path_of_two(i))
                out.paths.push_back(std::move(*path));
        std::ranges::sort(out.paths, {}, [](const Path& path) { return std::pair(path.steps.size(), path.holder); });
        out.open = cut_ ? "the limit on principals with their changes" : steps_.open();
        if (out.open.empty() && pairs_ > limits_.pairs_max)
            out.open = "the number of pairs of principals that one comes to act as";
        return out;
    }

private:
    struct Edge {
        size_t to = 0;
        Step step;
    };
    struct Node {
        State state;
        bool is_end = false;       // may do it
        std::optional<Step> last;  // may do it after this
        std::vector<Edge> edges;
        std::vector<size_t> from;    // whose edges lead here
        size_t steps = unreachable;  // the fewest, to where it is done
        const Edge* next = nullptr;
    };

    size_t number_of(State state) {
        const std::string key = std::to_string(state.holder) + "|" + state.changes;
        const auto [entry, is_new] = numbers_.try_emplace(key, nodes_.size());
        if (is_new) nodes_.push_back({.state = std::move(state)});
        return entry->second;
    }

    void expand(size_t at) {
        Node& node = nodes_[at];
        for (const Target& target : targets_) {
            if (!steps_.may(node.state, target)) continue;
            node.is_end = true;
            return;
        }
        for (const Target& target : targets_) {
            node.last = steps_.by_changing(node.state, node.state, target);
            if (node.last) break;
        }
        for (Transition& transition : steps_.from(node.state)) {
            if (nodes_.size() >= limits_.states_max) {
                cut_ = true;
                return;
            }
            const size_t to = number_of(std::move(transition.to));
            if (to == at) continue;
            nodes_[at].edges.push_back({to, std::move(transition.step)});
            nodes_[to].from.push_back(at);
        }
    }

    // Backwards from where it is done.
    void count_steps() {
        std::deque<size_t> reached;
        for (size_t i = 0; i < nodes_.size(); ++i)
            if (nodes_[i].is_end) {
                nodes_[i].steps = 0;
                reached.push_back(i);
            }
        // With the last step, one of a bucket's policy or an object's tags: as far away as those whose step leads to an end.
        for (size_t i = 0; i < nodes_.size(); ++i)
            if (!nodes_[i].is_end && nodes_[i].last) {
                nodes_[i].steps = 1;
                reached.push_back(i);
            }
        while (!reached.empty()) {
            const size_t to = reached.front();
            reached.pop_front();
            for (const size_t from : nodes_[to].from) {
                if (nodes_[from].steps <= nodes_[to].steps + 1) continue;
                nodes_[from].steps = nodes_[to].steps + 1;
                const auto edge = std::ranges::find(nodes_[from].edges, to, &Edge::to);
                nodes_[from].next = &*edge;
                reached.push_back(from);
            }
        }
    }

    Path path_from(uint32_t holder) const {
        Path out{.holder = holder, .steps = {}};
        for (const Node* node = &nodes_[holder]; !node->is_end; node = &nodes_[node->next->to]) {
            if (node->next == nullptr) {
                out.steps.push_back(*node->last);
                break;
            }
            out.steps.push_back(node->next->step);
        }
        return out;
    }

    // Who comes to act as several holds all of them: what one of them may change may be what another needs.
    std::optional<Path> path_of_two(uint32_t holder) {
        struct Reached {
            size_t node;
            size_t from;  // index in `reached`
            const Step* step;
        };
        std::vector<Reached> reached{{holder, 0, nullptr}};
        std::unordered_map<size_t, size_t> index{{holder, 0}};
        for (size_t at = 0; at < reached.size(); ++at)
            for (const Edge& edge : nodes_[reached[at].node].edges)
                if (index.emplace(edge.to, reached.size()).second) reached.push_back({edge.to, at, &edge.step});
        const auto walk = [&](size_t to, std::vector<Step>& steps) {
            std::vector<const Step*> backwards;
            for (size_t at = to; reached[at].step != nullptr; at = reached[at].from) backwards.push_back(reached[at].step);
            for (auto step = backwards.rbegin(); step != backwards.rend(); ++step)
                if (std::ranges::none_of(steps, [&](const Step& taken) {
                        return taken.means == (*step)->means && taken.from == (*step)->from && taken.to == (*step)->to &&
                               taken.on == (*step)->on;
                    }))
                    steps.push_back(**step);
        };
        const auto path = [&](size_t changer, size_t user, Step last) {
            Path out{.holder = holder, .steps = {}};
            walk(changer, out.steps);
            walk(user, out.steps);
            out.steps.push_back(std::move(last));
            return out;
        };
        for (size_t changer = 0; changer < reached.size() && reached.size() > 1; ++changer) {
            const State& by = nodes_[reached[changer].node].state;
            if (!steps_.may_change(by)) continue;
            for (size_t user = 0; user < reached.size(); ++user) {
                if (user == changer) continue;
                if (++pairs_ > limits_.pairs_max) return std::nullopt;
                const Node& node = nodes_[reached[user].node];
                for (const Target& target : targets_)
                    if (auto last = steps_.by_changing(by, node.state, target)) return path(changer, user, std::move(*last));
                for (const Edge& edge : node.edges) {
                    if (edge.step.to == edge.step.from || edge.step.to == holder_arn(by)) continue;
                    for (Transition& changed : steps_.for_another(by, nodes_[edge.to].state, edge.step))
                        for (const Target& target : targets_)
                            if (steps_.may(changed.to, target)) return path(changer, user, std::move(changed.step));
                }
            }
        }
        return std::nullopt;
    }

    [[nodiscard]] const std::string& holder_arn(const State& state) const { return steps_.holder(state.holder).arn; }

    const AccountForPaths& account_;
    const std::span<const Target> targets_;
    const PathLimits& limits_;
    Steps steps_;
    std::deque<Node> nodes_;
    std::unordered_map<std::string, size_t> numbers_;
    bool cut_ = false;
    size_t pairs_ = 0;
};

}  // namespace

Paths find_paths(const AccountForPaths& account, std::span<const Target> targets, const policy::Context& known,
                 const PathLimits& limits) {
    auto search = std::make_shared<PathSearch>(account, targets, known, limits);
    Paths out = search->run();
    out.kept = std::move(search);
    return out;
}

}  // namespace proof
