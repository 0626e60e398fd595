#include "net/process.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <csignal>

using namespace std::chrono_literals;
using net::SpawnOptions;
using net::Stdio;

namespace {
SpawnOptions shell(const std::string& script) { return {.arguments = {"/bin/sh", "-c", script}}; }
}  // namespace

TEST_CASE("output and exit code come back") {
    auto ran = net::run(shell("printf hello; exit 3"), 10s);
    REQUIRE(ran);
    CHECK(ran->output == "hello");
    CHECK(ran->status.code == 3);
    CHECK(ran->status.signal == 0);
    CHECK_FALSE(ran->status.success());
    CHECK(ran->status.describe() == "exit code 3");
}

TEST_CASE("environment and directory are the ones given") {
    auto options = shell("printf '%s %s' \"$PWD\" \"$A$HOME\"");
    options.environment = net::Environment{{"A", "b"}};
    options.directory = "/usr";
    auto ran = net::run(options, 10s);
    REQUIRE(ran);
    CHECK(ran->output == "/usr b");
}

TEST_CASE("standard error can follow standard output") {
    auto options = shell("echo one; echo two >&2");
    options.error_to_output = true;
    auto ran = net::run(options, 10s);
    REQUIRE(ran);
    CHECK(ran->output == "one\ntwo\n");
}

TEST_CASE("the child inherits no descriptor above 2") {
    int both[2];
    REQUIRE(::pipe(both) == 0);  // not close-on-exec
    auto ran = net::run(shell("ls /proc/self/fd | wc -l"), 10s);
    ::close(both[0]);
    ::close(both[1]);
    REQUIRE(ran);
    CHECK(std::stoi(ran->output) == 4);  // 0, 1, 2 and the one ls reads the folder with
}

TEST_CASE("a missing program is an error with its name") {
    auto ran = net::run({.arguments = {"no-such-program-here"}}, 1s);
    REQUIRE_FALSE(ran);
    CHECK(ran.error().code == "CommandNotFound");
    CHECK(ran.error().message.find("no-such-program-here") != std::string::npos);
    CHECK_FALSE(net::Process::spawn({}).has_value());
}

TEST_CASE("a pipe feeds the child") {
    auto options = shell("cat");
    options.input = Stdio::pipe();
    options.output = Stdio::pipe();
    auto process = net::Process::spawn(std::move(options));
    REQUIRE(process);
    REQUIRE(::write((*process)->input().number(), "ping", 4) == 4);
    (*process)->input().close();
    char buffer[8];
    CHECK(::read((*process)->output().number(), buffer, sizeof buffer) == 4);
    CHECK((*process)->wait().success());
}

TEST_CASE("terminate ends the whole group, stubborn members too") {
    // The grandchild would hold the pipe open for a minute if it survived.
    auto options = shell("trap '' TERM; sleep 60 & echo ready; wait; sleep 60");
    options.output = Stdio::pipe();
    auto process = net::Process::spawn(std::move(options));
    REQUIRE(process);
    char buffer[16];
    REQUIRE(::read((*process)->output().number(), buffer, sizeof buffer) == 6);
    CHECK_FALSE((*process)->wait_for(0ms));
    const auto status = (*process)->terminate(50ms);
    CHECK(status.signal == SIGKILL);
    CHECK(::read((*process)->output().number(), buffer, sizeof buffer) == 0);  // every holder of the pipe is gone
    CHECK((*process)->wait().signal == SIGKILL);                               // may be asked again
}

TEST_CASE("a command that does not end in time is an error, and is killed") {
    auto ran = net::run(shell("sleep 60"), 50ms);
    REQUIRE_FALSE(ran);
    CHECK(ran.error().code == "CommandTimeout");
}
