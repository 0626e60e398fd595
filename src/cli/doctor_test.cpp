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

TEST_CASE("what a TLS library says of a failed connection leads to what is to be done, or to nothing") {
    const auto leads_to = [](const char* said, const char* words) {
        return cli::remedy_for_tls(said).find(words) != std::string::npos;
    };
    CHECK(leads_to("SSL certificate problem: certificate has expired", "this machine's clock says 20"));
    CHECK(leads_to("SSL certificate problem: certificate is not yet valid", "this machine's clock says 20"));
    CHECK(leads_to("getpeername() failed with errno 107: Transport endpoint is not connected", "client certificate"));
    CHECK(leads_to("error:0A00045C:SSL routines::tlsv13 alert certificate required, errno 0", "client certificate"));
    CHECK(cli::remedy_for_tls("SSL certificate problem: unable to get local issuer certificate").empty());
    CHECK(cli::remedy_for_tls("Could not resolve host: s3.example.com").empty());
}
