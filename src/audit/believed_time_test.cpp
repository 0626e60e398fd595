#include "audit/believed_time.hpp"

#include <doctest/doctest.h>

using audit::BelievedTime;
using std::chrono::hours;

namespace {

base::Time at(std::chrono::milliseconds since) { return base::Time(hours(1'000'000) + since); }
BelievedTime::Steady steady(std::chrono::milliseconds since) { return BelievedTime::Steady(hours(100) + since); }

}  // namespace

TEST_CASE("a clock that is ahead for a moment makes nothing old") {
    BelievedTime time{hours(1)};
    CHECK(time.now(at(hours(0)), steady(hours(0))) == at(hours(0)));
    CHECK(time.now(at(hours(1)), steady(hours(1))) == at(hours(1)));
    // 100 days ahead for four seconds.
    CHECK(time.now(at(hours(2401)), steady(hours(1))) == at(hours(1)));
    CHECK(time.now(at(hours(2401)), steady(hours(1) + std::chrono::seconds(4))) == at(hours(1) + std::chrono::seconds(4)));
    CHECK(time.now(at(hours(2)), steady(hours(2))) == at(hours(2)));
    // Ahead again: the time before does not count.
    CHECK(time.now(at(hours(2402)), steady(hours(2))) == at(hours(2)));
    // It keeps to it for an hour: the clock was wrong before.
    CHECK(time.now(at(hours(2403)), steady(hours(3))) == at(hours(2403)));
    CHECK(time.now(at(hours(2404)), steady(hours(4))) == at(hours(2404)));
    // Back: at once.
    CHECK(time.now(at(hours(5)), steady(hours(5))) == at(hours(5)));
}

TEST_CASE("a server that was off believes the clock after a while, too") {
    BelievedTime time{hours(1)};
    time.begin(at(hours(0)), steady(hours(0)));  // the newest record
    CHECK(time.now(at(hours(700)), steady(hours(0))) == at(hours(0)));
    CHECK(time.now(at(hours(701)), steady(hours(1))) == at(hours(701)));
}

TEST_CASE("a clock that was ahead before a restart has been so as long as it was seen to be") {
    BelievedTime before{hours(1)};
    CHECK(before.now(at(hours(0)), steady(hours(0))) == at(hours(0)));
    CHECK_FALSE(before.doubted_for().has_value());
    CHECK(before.now(at(hours(2400)), steady(hours(0))) == at(hours(0)));
    CHECK(before.now(at(hours(2400)), steady(std::chrono::minutes(40))) == at(std::chrono::minutes(40)));
    CHECK(before.doubted_for() == std::chrono::minutes(40));
    BelievedTime time{hours(1)};
    time.resume(*before.last(), before.doubted_for(), steady(hours(30)));
    const auto later = [](int minutes) { return hours(30) + std::chrono::minutes(minutes); };
    CHECK(time.now(at(hours(2430)), steady(later(0))) == at(std::chrono::minutes(40)));
    CHECK(time.now(at(hours(2430)), steady(later(19))) == at(std::chrono::minutes(59)));
    CHECK(time.now(at(hours(2430)), steady(later(20))) == at(hours(2430)));
}
