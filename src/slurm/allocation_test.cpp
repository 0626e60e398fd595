#include "slurm/allocation.hpp"

#include <doctest/doctest.h>

#include <cstdlib>

using namespace slurm;
using Words = std::vector<std::string>;

TEST_CASE("options are cut as a shell would cut them") {
    CHECK(split_options("") == Words{});
    CHECK(*split_options("  --partition=gpu\t-Alab\n") == Words{"--partition=gpu", "-Alab"});
    CHECK(*split_options(R"(--constraint="a&b" '--comment=it is "so"')") == Words{"--constraint=a&b", "--comment=it is \"so\""});
    CHECK(*split_options("--comment=''") == Words{"--comment="});
    // Nothing of a shell's: no variables, no commands, no second program.
    CHECK(*split_options("--comment=$HOME;`id`") == Words{"--comment=$HOME;`id`"});
    for (const char* bad : {"--comment='x", "\"", "bash", "-- bash", "-", "--partition gpu", "''"}) {
        const auto split = split_options(bad);
        REQUIRE_FALSE(split);
        CHECK(split.error().code == "InvalidOptions");
    }
}

TEST_CASE("what salloc says") {
    CHECK(read_salloc("").id.empty());
    CHECK(read_salloc("salloc: Granted job allocation 9\nsalloc: Nodes n[1-2] are ready for job\n").id == "9");
    const auto waits = read_salloc("salloc: Pending job allocation 14\nsalloc: job 14 queued and waiting for resources\n");
    CHECK(waits.id == "14");
    CHECK(waits.last_error.empty());
    const auto refused = read_salloc(
        "salloc: error: Memory specification can not be satisfied\n"
        "salloc: error: Job submit/allocate failed: Requested node configuration is not available\n");
    CHECK(refused.id.empty());
    CHECK(refused.last_error ==
          "Memory specification can not be satisfied; Job submit/allocate failed: Requested node configuration is "
          "not available");
}

TEST_CASE("Slurm's programs get nothing of our environment but where Slurm is") {
    ::setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    ::setenv("SALLOC_PARTITION", "elsewhere", 1);
    ::setenv("SLURM_CONF", "/etc/slurm/other.conf", 1);
    bool found = false;
    for (const auto& [name, value] : slurm_environment()) {
        CHECK((name == "LC_ALL" || name == "PATH" || name == "HOME" || name == "SLURM_CONF"));
        found = found || value == "/etc/slurm/other.conf";
    }
    CHECK(found);
}
