#include "audit/age_removals.hpp"

#include <doctest/doctest.h>

using audit::AgeRemovals;
using std::chrono::hours;

TEST_CASE("no more than a quarter of a log goes for its age in an eighth of the days that it is kept") {
    AgeRemovals removals{std::chrono::days(8)};
    const auto at = [](int hour) { return AgeRemovals::Steady(hours(1000 + hour)); };
    CHECK(removals.period() == hours(24));
    CHECK_FALSE(removals.begins_to_wait());
    int removed = 0;
    uint64_t bytes = 1000;
    for (; removals.take(10, bytes, at(0)); ++removed) bytes -= 10;
    CHECK(removed == 25);
    CHECK(removals.begins_to_wait());
    CHECK_FALSE(removals.begins_to_wait());  // said once
    CHECK_FALSE(removals.take(10, bytes, at(23)));
    CHECK_FALSE(removals.begins_to_wait());
    // The next period: of what there is then.
    for (removed = 0; removals.take(10, bytes, at(24)); ++removed) bytes -= 10;
    CHECK(removed == 18);
    CHECK(removals.begins_to_wait());
}

TEST_CASE("one segment goes in each period, however large it is") {
    AgeRemovals removals{std::chrono::days(8)};
    const auto at = [](int hour) { return AgeRemovals::Steady(hours(1000 + hour)); };
    CHECK(removals.take(900, 1000, at(0)));
    CHECK_FALSE(removals.take(1, 100, at(1)));
    CHECK(removals.take(100, 100, at(24)));
    CHECK(AgeRemovals{std::chrono::days(1'000'000'000)}.period() > hours(100'000));
}

TEST_CASE("a period goes on after a restart") {
    AgeRemovals before{std::chrono::days(8)};
    const auto at = [](int hour) { return AgeRemovals::Steady(hours(1000 + hour)); };
    CHECK_FALSE(before.state(at(0)).has_value());
    CHECK(before.take(200, 1000, at(0)));
    CHECK_FALSE(before.take(200, 800, at(0)));
    CHECK(before.begins_to_wait());
    const auto state = before.state(at(20));
    REQUIRE(state.has_value());
    CHECK(state->elapsed == hours(20));
    AgeRemovals removals{std::chrono::days(8)};
    removals.resume(*state, at(100));
    CHECK(removals.take(50, 800, at(100)));  // a quarter of 1000
    CHECK_FALSE(removals.take(1, 750, at(103)));
    CHECK_FALSE(removals.begins_to_wait());  // the run before has said it
    CHECK(removals.take(1, 750, at(104)));

    AgeRemovals unknown{std::chrono::days(8)};
    unknown.begin_with_nothing_left(at(0));
    CHECK_FALSE(unknown.take(1, 1000, at(23)));
    CHECK(unknown.take(1, 1000, at(24)));
}
