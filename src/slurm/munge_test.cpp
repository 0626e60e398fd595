// Credentials themselves are tried with a cluster's munged: tests/conformance/test_slurm.py.
#include "slurm/munge.hpp"

#include <doctest/doctest.h>

using namespace slurm;

TEST_CASE("a cluster's configuration says whether it has munge, and where") {
    const auto named = read_configuration(
        "Configuration data as of 2026-01-01T00:00:00\nAuthAltTypes            = (null)\n"
        "AuthInfo                = cred_expire=30,socket=/run/cluster/munge,ttl=60\n"
        "AuthType                = auth/munge\n");
    REQUIRE(named);
    CHECK(named->socket() == "/run/cluster/munge");
    const auto usual = read_configuration("AuthInfo = (null)\nAuthType = auth/munge");
    REQUIRE(usual);
    CHECK(usual->socket().empty());
    CHECK_FALSE(read_configuration("AuthInfo = socket=/run/munge\nAuthType = auth/slurm\n"));
    CHECK_FALSE(read_configuration(""));
}

TEST_CASE("an agent is told by an argument, and nothing else passes for one") {
    for (const char* socket : {"", "/run/munge/munge.socket.2"}) {
        const auto parsed = parse_argument(to_argument(Munge(socket)));
        REQUIRE(parsed);
        REQUIRE(*parsed);
        CHECK((*parsed)->socket() == socket);
    }
    const auto without = parse_argument(to_argument(std::nullopt));
    REQUIRE(without);
    CHECK_FALSE(*without);
    for (const char* other : {"", "None", "munge", "/run/munge"}) CHECK_FALSE(parse_argument(other));
}

TEST_CASE("what is said to one agent of one attempt is for no other") {
    const std::string one(32, 'a'), other(32, 'b');
    CHECK(purpose_of_ready("run", one) != purpose_of_ready("run", other));
    CHECK(purpose_of_ready("run", one) != purpose_of_ready("run2", one));
    CHECK(purpose_of_hello("run") != purpose_of_hello("run2"));
    CHECK(purpose_of_hello("run").find('\n') == std::string::npos);
}

TEST_CASE("without munged there is no credential, and an error that says what to try") {
    const Munge munge("/nonexistent/socket");
    const auto made = munge.encode("purpose", "text");
    REQUIRE_FALSE(made);
    CHECK(made.error().code == "SlurmUnavailable");
    CHECK(made.error().describe().find("munge -n | unmunge") != std::string::npos);
    CHECK_FALSE(munge.decode("purpose", "MUNGE:abc:\n"));
}
