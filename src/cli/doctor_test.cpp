#include <doctest/doctest.h>

#include "cli/doctor_report.hpp"

using cli::Finding;

TEST_CASE("how much space is little depends on the disk, up to a point") {
    constexpr uint64_t mib = 1 << 20, gib = 1 << 30;
    CHECK(cli::judge_space(100 * mib, 10 * gib) == Finding::problem);
    CHECK(cli::judge_space(256 * mib - 1, 1 * gib) == Finding::problem);
    CHECK(cli::judge_space(256 * mib, 1 * gib) == Finding::ok);
    CHECK(cli::judge_space(400 * mib, 10 * gib) == Finding::warning);
    CHECK(cli::judge_space(600 * mib, 10 * gib) == Finding::ok);
    CHECK(cli::judge_space(2 * gib - 1, 4096 * gib) == Finding::warning);
    CHECK(cli::judge_space(2 * gib, 4096 * gib) == Finding::ok);
}

TEST_CASE("clocks that differ are worth a look before signatures are refused") {
    for (const int64_t sign : {-1, 1}) {
        CHECK(cli::judge_skew(sign * 5) == Finding::ok);
        CHECK(cli::judge_skew(sign * 6) == Finding::warning);
        CHECK(cli::judge_skew(sign * 899) == Finding::warning);
        CHECK(cli::judge_skew(sign * 900) == Finding::problem);
    }
}
