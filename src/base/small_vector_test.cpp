#include "base/small_vector.hpp"

#include <doctest/doctest.h>

#include <array>
#include <numeric>

namespace {

using Four = base::SmallVector<int, 4>;

Four of(int size) {
    Four out;
    for (int i = 0; i < size; ++i) out.push_back(i);
    return out;
}

std::vector<int> values(const Four& of) { return {of.begin(), of.end()}; }

std::vector<int> first(int size) {
    std::vector<int> out(static_cast<size_t>(size));
    std::iota(out.begin(), out.end(), 0);
    return out;
}

}  // namespace

TEST_CASE("a small vector holds the same, however many there are, and so do its copies") {
    for (int size = 0; size < 12; ++size) {
        CAPTURE(size);
        Four made = of(size);
        CHECK(values(made) == first(size));
        CHECK(made.empty() == (size == 0));
        const Four copy = made;
        for (int other = 0; other < 12; ++other) {
            Four assigned = of(other);
            assigned = made;
            CHECK(values(assigned) == first(size));
            Four moved_to = of(other);
            moved_to = Four(made);
            CHECK(values(moved_to) == first(size));
        }
        for (int& value : made) value = -1;
        CHECK(values(copy) == first(size));
        Four taken = std::move(made);
        CHECK(made.empty());  // NOLINT(bugprone-use-after-move)
        CHECK(taken.size() == static_cast<size_t>(size));
        if (size == 0) continue;
        taken = copy;
        taken.push_back(taken[0]);  // one of its own
        CHECK(taken[taken.size() - 1] == 0);
    }
}

TEST_CASE("what is appended to a small vector stands behind what it had") {
    for (int size = 0; size < 8; ++size) {
        for (int more = 0; more < 8; ++more) {
            Four made = of(size);
            std::vector<int> behind(static_cast<size_t>(more));
            std::iota(behind.begin(), behind.end(), size);
            made.append(behind);
            CHECK(values(made) == first(size + more));
        }
    }
}
