#include "objects/lock.hpp"

#include <doctest/doctest.h>

#include <string>

using base::Time;
using objects::LockAnswer;
using objects::ObjectLock;
using objects::Retention;
using objects::RetentionMode;

namespace {

constexpr Time now{std::chrono::milliseconds(1'700'000'000'000)};
constexpr auto governance = RetentionMode::governance, compliance = RetentionMode::compliance;
constexpr auto hour = std::chrono::hours(1);

using Kept = std::optional<Retention>;
constexpr Kept none;
constexpr Kept kept(RetentionMode mode, std::chrono::hours left) { return Retention{mode, now + left}; }

}  // namespace

// Of every pair: nothing, passed, and both modes; longer, as long, shorter, taken away.
TEST_CASE("what may become of a retention") {
    struct Row {
        Kept current, wanted;
        LockAnswer answer;
    };
    using enum LockAnswer;
    const Row rows[] = {
        {none, none, yes},
        {none, kept(governance, hour), yes},
        {none, kept(compliance, hour), yes},
        {kept(governance, -hour), none, yes},
        {kept(governance, -hour), kept(compliance, hour), yes},
        {kept(compliance, -hour), none, yes},
        {kept(compliance, -hour), kept(governance, hour), yes},
        {kept(governance, hour), kept(governance, 2 * hour), yes},
        {kept(governance, hour), kept(governance, hour), yes},
        {kept(governance, 2 * hour), kept(governance, hour), with_bypass},
        {kept(governance, hour), none, with_bypass},
        {kept(governance, hour), kept(compliance, hour), with_bypass},
        {kept(governance, hour), kept(compliance, 2 * hour), with_bypass},
        {kept(governance, 2 * hour), kept(compliance, hour), with_bypass},
        {kept(compliance, hour), kept(compliance, 2 * hour), yes},
        {kept(compliance, hour), kept(compliance, hour), yes},
        {kept(compliance, 2 * hour), kept(compliance, hour), no},
        {kept(compliance, hour), none, no},
        {kept(compliance, hour), kept(governance, hour), no},      // Ceph's bug 1989752
        {kept(compliance, hour), kept(governance, 2 * hour), no},  // …
        {kept(compliance, 2 * hour), kept(governance, hour), no},
    };
    for (const auto& row : rows) {
        CAPTURE(&row - rows);
        CHECK(objects::may_retain(row.current, row.wanted, now) == row.answer);
    }
}

TEST_CASE("what may be deleted") {
    const auto answer = [](Kept retention, std::optional<bool> hold) {
        return objects::may_delete(ObjectLock{retention, hold}, now);
    };
    CHECK(answer(none, std::nullopt) == LockAnswer::yes);
    CHECK(answer(none, false) == LockAnswer::yes);
    CHECK(answer(none, true) == LockAnswer::no);
    CHECK(answer(kept(governance, hour), std::nullopt) == LockAnswer::with_bypass);
    CHECK(answer(kept(governance, hour), true) == LockAnswer::no);  // a hold is not bypassed
    CHECK(answer(kept(governance, -hour), false) == LockAnswer::yes);
    CHECK(answer(kept(governance, -hour), true) == LockAnswer::no);
    CHECK(answer(kept(compliance, hour), false) == LockAnswer::no);
    CHECK(answer(kept(compliance, -hour), false) == LockAnswer::yes);
    // Its last moment is the end of it.
    CHECK(answer(Retention{compliance, now}, {}) == LockAnswer::yes);
    CHECK(answer(Retention{compliance, now + std::chrono::milliseconds(1)}, {}) == LockAnswer::no);
}

TEST_CASE("a bypass opens what it may") {
    for (const bool bypasses : {false, true}) {
        CHECK(objects::allow(LockAnswer::yes, bypasses).has_value());
        CHECK(objects::allow(LockAnswer::with_bypass, bypasses).has_value() == bypasses);
        REQUIRE(!objects::allow(LockAnswer::no, bypasses).has_value());
        CHECK(objects::allow(LockAnswer::no, bypasses).error().code == "AccessDenied");
    }
}

TEST_CASE("a default retention ends days or years from now") {
    CHECK(objects::DefaultRetention{.days = 3}.until(now) == now + std::chrono::days(3));
    const auto leap = Time(std::chrono::sys_days(std::chrono::February / 29 / 2024)) + hour;
    CHECK(objects::DefaultRetention{.years = 4}.until(leap) ==
          Time(std::chrono::sys_days(std::chrono::February / 29 / 2028)) + hour);
    CHECK(objects::DefaultRetention{.years = 1}.until(leap) == Time(std::chrono::sys_days(std::chrono::March / 1 / 2025)) + hour);
}

TEST_CASE("modes are what AWS calls them") {
    CHECK(objects::retention_mode("GOVERNANCE") == governance);
    CHECK(objects::retention_mode("COMPLIANCE") == compliance);
    CHECK(!objects::retention_mode("compliance"));
    CHECK(!objects::retention_mode(""));
    CHECK(objects::name_of(compliance) == "COMPLIANCE");
    CHECK(objects::name_of(governance) == "GOVERNANCE");
}
