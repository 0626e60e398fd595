#include "os/process.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>

using namespace std::chrono_literals;
using os::SpawnOptions;
using os::Stdio;

namespace {
SpawnOptions shell(const std::string& script) { return {.arguments = {"/bin/sh", "-c", script}}; }
}  // namespace

TEST_CASE("output and exit code come back") {
    auto ran = os::run(shell("printf hello; exit 3"), 10s);
    REQUIRE(ran);
    CHECK(ran->output == "hello");
    CHECK(ran->status.code == 3);
    CHECK(ran->status.signal == 0);
    CHECK_FALSE(ran->status.success());
    CHECK(ran->status.describe() == "exit code 3");
}

TEST_CASE("environment and directory are the ones given") {
    auto options = shell("printf '%s %s' \"$PWD\" \"$A$HOME\"");
    options.environment = os::Environment{{"A", "b"}};
    options.directory = "/usr";
    auto ran = os::run(options, 10s);
    REQUIRE(ran);
    CHECK(ran->output == "/usr b");
}

TEST_CASE("standard error can follow standard output") {
    auto options = shell("echo one; echo two >&2");
    options.error_to_output = true;
    auto ran = os::run(options, 10s);
    REQUIRE(ran);
    CHECK(ran->output == "one\ntwo\n");
}

TEST_CASE("the child inherits no descriptor above 2") {
    int both[2];
    REQUIRE(::pipe(both) == 0);  // not close-on-exec
    auto ran = os::run(shell("ls /proc/self/fd | wc -l"), 10s);
    ::close(both[0]);
    ::close(both[1]);
    REQUIRE(ran);
    CHECK(std::stoi(ran->output) == 4);  // 0, 1, 2 and the one ls reads the folder with
}

TEST_CASE("a missing program is an error with its name") {
    auto ran = os::run({.arguments = {"no-such-program-here"}}, 1s);
    REQUIRE_FALSE(ran);
    CHECK(ran.error().code == "CommandNotFound");
    CHECK(ran.error().message.find("no-such-program-here") != std::string::npos);
    CHECK_FALSE(os::Process::spawn({}).has_value());
}

TEST_CASE("a pipe feeds the child") {
    auto options = shell("cat");
    options.input = Stdio::pipe();
    options.output = Stdio::pipe();
    auto process = os::Process::spawn(std::move(options));
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
    auto process = os::Process::spawn(std::move(options));
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
    auto ran = os::run(shell("sleep 60"), 50ms);
    REQUIRE_FALSE(ran);
    CHECK(ran.error().code == "CommandTimeout");
}

TEST_CASE("a child that dies with us: output, folder, environment and failures as of any other") {
    auto options = shell("printf '%s %s' \"$PWD\" \"$A\"; exit 4");
    options.environment = os::Environment{{"A", "b"}};
    options.directory = "/usr";
    options.dies_with_us = true;
    const auto ran = os::run(options, 10s);
    REQUIRE(ran);
    CHECK(ran->output == "/usr b");
    CHECK(ran->status.code == 4);
    const auto missing = os::run({.arguments = {"no-such-program-here"}, .dies_with_us = true}, 1s);
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == "CommandNotFound");
    const auto nowhere = os::run({.arguments = {"true"}, .directory = "/no/such/folder", .dies_with_us = true}, 1s);
    REQUIRE_FALSE(nowhere);
    CHECK(nowhere.error().code == "SpawnFailed");
    CHECK(nowhere.error().message.contains("/no/such/folder"));
    const auto forbidden = os::run({.arguments = {"/etc/passwd"}, .dies_with_us = true}, 1s);
    REQUIRE_FALSE(forbidden);
    CHECK(forbidden.error().code == "SpawnFailed");
    int both[2];
    REQUIRE(::pipe(both) == 0);  // not close-on-exec
    auto listing = shell("ls /proc/self/fd | wc -l");
    listing.dies_with_us = true;
    const auto listed = os::run(listing, 10s);
    ::close(both[0]);
    ::close(both[1]);
    REQUIRE(listed);
    CHECK(std::stoi(listed->output) == 4);
}

TEST_CASE("a child that dies with us ends with the process that made it, however that ends") {
    // Its grandchild tells its number, then holds the pipe until it is killed.
    auto pipe = os::make_pipe();
    REQUIRE(pipe.has_value());
    const pid_t parent = ::fork();
    REQUIRE(parent >= 0);
    if (parent == 0) {
        auto options = shell("echo ready; exec sleep 60");
        options.output = Stdio::descriptor(pipe->write.number());
        options.dies_with_us = true;
        const auto process = os::Process::spawn(std::move(options));
        ::pause();
        ::_exit(1);
    }
    pipe->write.close();
    char buffer[16];
    CHECK(::read(pipe->read.number(), buffer, sizeof buffer) == 6);
    os::kill_and_reap(parent);
    CHECK(::read(pipe->read.number(), buffer, sizeof buffer) == 0);  // every holder of the pipe is gone
}

TEST_CASE("what a forked child finds: default signals, none blocked, a parent to die with; its end is told and taken once") {
    struct sigaction ignored{}, before{};
    ignored.sa_handler = SIG_IGN;
    REQUIRE(::sigaction(SIGUSR1, &ignored, &before) == 0);
    sigset_t one, none;
    sigemptyset(&one);
    sigemptyset(&none);
    sigaddset(&one, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &one, &none);
    const auto become = [] {
        struct sigaction now{};
        sigset_t blocked;
        ::sigaction(SIGUSR1, nullptr, &now);
        ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
        int signal = 0;
        ::prctl(PR_GET_PDEATHSIG, &signal, 0, 0, 0);
        ::_exit(now.sa_handler == SIG_DFL && !sigismember(&blocked, SIGTERM) && signal == SIGKILL ? 7 : 1);
    };
    auto child = os::start_child(become);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
    ::sigaction(SIGUSR1, &before, nullptr);
    REQUIRE(child.has_value());
    pollfd ended{child->ended.number(), POLLIN, 0};
    CHECK(::poll(&ended, 1, 10'000) == 1);
    CHECK(os::reap(child->process).code == 7);
    CHECK(os::reap(child->process).code == 255);  // nobody's any more
    const auto stubborn = [] {
        ::signal(SIGTERM, SIG_IGN);
        for (;;) ::pause();
    };
    auto second = os::start_child(stubborn);
    REQUIRE(second.has_value());
    os::kill_and_reap(second->process);
    CHECK(::kill(second->process, 0) != 0);
}
