#include "server/readiness.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <latch>

#include "base/error_codes.hpp"

using server::Readiness;
using std::chrono::milliseconds;

TEST_CASE("a probe is made when somebody asks, and what it said is told from then on") {
    std::atomic<int> probes = 0;
    std::atomic<bool> fails = true;
    const auto probe = [&]() -> base::Result<void> {
        const bool now = fails;
        ++probes;
        if (now) return base::fail(base::code::AuditUnavailable, "no disk");
        return {};
    };
    {
        Readiness readiness(probe, {.apart = milliseconds(1), .probe_most = milliseconds(60'000)});
        CHECK(probes == 0);
        CHECK(readiness.is_ready());
        while (readiness.is_ready()) std::this_thread::yield();
        fails = false;
        while (!readiness.is_ready()) std::this_thread::yield();
    }
    CHECK(probes >= 2);
}

TEST_CASE("however many ask, probes are apart") {
    std::atomic<int> probes = 0;
    const auto probe = [&]() -> base::Result<void> {
        ++probes;
        return {};
    };
    Readiness readiness(probe, {.apart = milliseconds(600'000), .probe_most = milliseconds(600'000)});
    while (probes == 0) CHECK(readiness.is_ready());
    for (int i = 0; i < 100'000; ++i) CHECK(readiness.is_ready());
    CHECK(probes == 1);
}

TEST_CASE("a probe that does not come back is a no, and none is made beside it") {
    std::latch leave(1);
    std::atomic<int> probes = 0;
    const auto probe = [&]() -> base::Result<void> {
        ++probes;
        leave.wait();
        return {};
    };
    Readiness readiness(probe, {.apart = milliseconds(1), .probe_most = milliseconds(20)});
    while (readiness.is_ready()) std::this_thread::yield();
    CHECK(probes == 1);
    leave.count_down();
    while (!readiness.is_ready()) std::this_thread::yield();
}
