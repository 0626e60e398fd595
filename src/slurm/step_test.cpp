#include "slurm/step.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using slurm::Step;

namespace {

base::Result<std::string> line_of(Step& step) {
    return step.read_line(std::chrono::steady_clock::now() + 20s, [] { return false; });
}

}  // namespace

TEST_CASE("a step's lines, and what it complained of") {
    auto step = *Step::start({"/bin/sh", "-c", "echo complaint >&2; read word; echo \"got $word\""});
    REQUIRE(step->write("hello\n"));
    CHECK(line_of(*step) == "got hello");
    CHECK(step->errors() == "complaint\n");
    const auto after = line_of(*step);
    REQUIRE_FALSE(after);
    CHECK(after.error().message.find("Slurm could not start a worker") != std::string::npos);
    CHECK(after.error().message.find("complaint") != std::string::npos);
}

TEST_CASE("of endless complaints the server keeps the beginning, and of an endless line nothing") {
    auto step = *Step::start({"/bin/sh", "-c", "echo first >&2; head -c 1000000 /dev/zero | tr '\\0' x >&2; echo done"});
    CHECK(line_of(*step) == "done");
    CHECK(step->errors().size() == 64 * 1024);
    CHECK(step->errors().starts_with("first\nxxx"));
    auto endless = *Step::start({"/bin/sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x"});
    const auto line = line_of(*endless);
    REQUIRE_FALSE(line);
    CHECK(line.error().message.size() < 1000);
}
