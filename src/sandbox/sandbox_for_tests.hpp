// One job's worth of sandboxes, for the tests of this room. A machine that permits none is for NEEDS("sandboxes") to find.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

#include "sandbox/launch.hpp"
#include "sandbox/mounts.hpp"
#include "sandbox/network.hpp"
#include "sandbox/sandboxes.hpp"

namespace sandbox {

struct Folder {
    Folder() {
        char name[] = "/tmp/sandbox-test-XXXXXX";
        REQUIRE(::mkdtemp(name) != nullptr);
        path = name;
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::string path;
};

struct Ended {
    int exit_code = -1;
    std::string output;
};

inline Ended finish(Launched& launched) {
    ::fcntl(launched.output.number(), F_SETFL, 0);
    Ended ended;
    char buffer[4096];
    for (ssize_t got; (got = ::read(launched.output.number(), buffer, sizeof buffer)) > 0;)
        ended.output.append(buffer, static_cast<size_t>(got));
    int status = 0;
    ::waitpid(launched.process, &status, 0);
    ended.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return ended;
}

// One job of `workers` workers, made anew for every test.
struct SandboxFixture {
    Folder folder;
    std::unique_ptr<Sandboxes> sandboxes;
    Owner owner;
    std::unique_ptr<Network> network;

    explicit SandboxFixture(size_t workers = 1) {
        auto opened = Sandboxes::open({.server = "sandbox-test", .scratch = folder.path, .images = folder.path + "/images"});
        REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error().message));
        sandboxes = std::move(*opened);
        owner = *sandboxes->take_owner();
        auto made = Network::make(workers, {"169.254.169.254"});
        REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().message));
        network = std::move(*made);
    }

    Task task(size_t worker, const std::string& script) {
        std::string name = "algo-" + std::to_string(worker + 1), mine = folder.path + "/" + name, hosts = "127.0.0.1 localhost\n";
        for (const char* part : {"/ml", "/home", "/tmp"}) std::filesystem::create_directories(mine + part);
        for (size_t i = 0; i < 2; ++i) hosts += network->address_of(i) + " algo-" + std::to_string(i + 1) + "\n";
        REQUIRE(write_settings(mine, name, hosts).has_value());
        REQUIRE(give_folder(mine, owner.user()).has_value());
        Task wanted;
        wanted.command = {"/bin/sh", "-c", script};
        wanted.environment = {{"PATH", "/usr/bin:/bin"}, {"HOME", worker_home}, {"ONLY", "this"}};
        wanted.working_directory = "/opt/ml";
        wanted.host_name = name;
        wanted.worker_folder = mine;
        wanted.owner = owner.user();
        wanted.user_namespace = network->user_namespace();
        wanted.network = network->namespace_of(worker);
        return wanted;
    }
    Launched start(const Task& wanted) {
        auto launched = launch(wanted);
        REQUIRE_MESSAGE(launched.has_value(), (launched ? "" : launched.error().message));
        return std::move(*launched);
    }
    Ended run(const std::string& script) {
        auto launched = start(task(0, script));
        return finish(launched);
    }
};

}  // namespace sandbox
