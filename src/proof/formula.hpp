// Boolean formulas over atoms, and a search for an assignment that makes one true.
//
// A formula is a graph of conjunctions and negations, each node once. What an atom means is the caller's business: the search proposes the atoms that
// a formula's truth rests on, the caller says whether they can hold together, and if not which of them cannot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

namespace proof {

// A node or, negative, its negation. 0 is none.
using Node = int32_t;
constexpr Node always = 1, never = -1;

struct Literal {
    uint32_t atom = 0;
    bool wanted = true;
    bool operator==(const Literal&) const = default;
};

class Formula {
public:
    Formula();
    [[nodiscard]] Node atom(uint32_t number);
    [[nodiscard]] Node all(std::vector<Node> nodes);
    [[nodiscard]] Node any(std::vector<Node> nodes);

private:
    friend class Solver;
    struct Part {
        bool is_atom = false;
        uint32_t number = 0;      // of an atom
        std::vector<Node> parts;  // of a conjunction, ascending
    };
    [[nodiscard]] const Part& part(Node node) const { return parts_[static_cast<size_t>(node < 0 ? -node : node)]; }

    std::vector<Part> parts_;  // by node; 0 is unused, 1 is `always`
    std::map<uint32_t, Node> atoms_;
    std::map<std::vector<Node>, Node> conjunctions_;
};

// One formula's assignments, one after another.
class Solver {
public:
    explicit Solver(const Formula& formula);
    ~Solver();
    Solver(const Solver&) = delete;
    Solver& operator=(const Solver&) = delete;

    enum class Outcome : uint8_t { found, none, too_many_steps };
    // `steps_max`: conflicts of the SAT solver.
    [[nodiscard]] Outcome solve(Node root, size_t steps_max);
    // After `found`: some atoms whose values alone make the root true. Each once.
    [[nodiscard]] std::vector<Literal> reasons(Node root) const;
    // These do not hold together.
    void exclude(std::span<const Literal> literals);

private:
    struct Sat;
    void add(Node node);
    [[nodiscard]] bool is_true(Node node) const;

    const Formula& formula_;
    std::unique_ptr<Sat> sat_;
    std::vector<bool> added_;
};

}  // namespace proof
