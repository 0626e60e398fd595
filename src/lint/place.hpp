// Where in a document something stands: the way down to it, and its range.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "lint/document.hpp"
#include "lint/finding.hpp"

namespace lint {

// Points into the document's nodes. Cheap to copy: a policy's elements are few levels deep, and what is deeper is shown as its surroundings.
class Place {
public:
    explicit Place(const Node& document) : range_(document.range) {}

    [[nodiscard]] Place member(const Member& one) const { return down({&one.name, 0, false}, one.value.range); }
    [[nodiscard]] Place key(const Member& one) const { return down({&one.name, 0, true}, one.name_range); }
    [[nodiscard]] Place item(size_t index, const Node& node) const {
        return down({nullptr, static_cast<uint32_t>(index), false}, node.range);
    }

    [[nodiscard]] Range range() const { return range_; }
    [[nodiscard]] std::vector<PathElement> path() const;

private:
    struct Step {
        const std::string* name = nullptr;  // of a member; nullptr: an item
        uint32_t index = 0;
        bool key = false;
    };
    [[nodiscard]] Place down(Step step, Range range) const {
        Place out = *this;
        if (out.depth_ == steps_max) return out;
        out.steps_[out.depth_++] = step;
        out.range_ = range;
        return out;
    }

    static constexpr size_t steps_max = 6;  // Statement, its number, Condition, operator, key, value
    std::array<Step, steps_max> steps_{};
    size_t depth_ = 0;
    Range range_;
};

}  // namespace lint
