#include "slurm/message.hpp"

#include <doctest/doctest.h>

using namespace slurm;

namespace {

Task task() {
    Task task;
    task.command = {"/bin/sh", "-c", "echo \"hello\"\n"};
    task.environment = {{"A", "1"}, {"B", "two words"}};
    task.directory = "/opt/ml";
    task.host = "algo-2";
    task.folder = "/shared/jobs/algo-2";
    task.hosts = "127.0.0.1 localhost\n";
    task.shared = {"/srv"};
    task.mounts = {"/shared/jobs/algo-2/ml/input/data/train"};
    task.gpus = true;
    task.cpus = 4;
    task.memory_bytes = uint64_t{8} << 30;
    task.processes_max = 16'384;
    task.index = 1;
    task.siblings = {{"10.0.0.1", 4000, std::string(net::fingerprint_bytes, 'a')},
                     {"10.0.0.2", 4001, std::string(net::fingerprint_bytes, 'b')}};
    task.mtu = 8926;
    task.server = Task::Server{"127.0.0.1", 4566};
    return task;
}

}  // namespace

TEST_CASE("a task arrives as it was sent") {
    const auto parsed = parse_task(to_json(task()));
    REQUIRE(parsed);
    CHECK(to_json(*parsed) == to_json(task()));
    CHECK(parsed->siblings[1].address == "10.0.0.2");
    CHECK(parsed->siblings[1].fingerprint == std::string(net::fingerprint_bytes, 'b'));
    CHECK(parsed->server->port == 4566);
}

TEST_CASE("a task without a way to the server has none") {
    auto isolated = task();
    isolated.server.reset();
    const auto parsed = parse_task(to_json(isolated));
    REQUIRE(parsed);
    CHECK_FALSE(parsed->server);
}

TEST_CASE("greetings arrive as they were sent") {
    const Hello hello{"n1", "boot", "10.0.0.1", 4000, 9000, std::string("\0key", 4) + std::string(28, 'k'), "no\nroom"};
    const std::string line = to_line(hello);
    CHECK(line.find('\n') == line.size() - 1);
    const auto parsed = parse_hello(line);
    REQUIRE(parsed);
    CHECK(to_line(*parsed) == line);
    CHECK(parse_started(to_line(Started{"why"}))->problem == "why");
    const auto ready = parse_ready(to_line(Ready{40'000, std::string(net::fingerprint_bytes, '\0')}));
    REQUIRE(ready);
    CHECK(ready->gateway == 40'000);
    CHECK(ready->fingerprint == std::string(net::fingerprint_bytes, '\0'));
    for (const size_t size : {size_t{0}, net::fingerprint_bytes - 1, net::fingerprint_bytes + 1})
        CHECK_FALSE(parse_ready(to_line(Ready{40'000, std::string(size, 'f')})));
}

TEST_CASE("what is no message says so, and what to do") {
    for (const char* line : {"", "srun: error", "{}", "[]", R"({"Format":"trainwarden-slurm-1","Problem":""})",
                             R"({"Format":"trainwarden-slurm-2"})"}) {
        const auto parsed = parse_started(line);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().code == "InvalidMessage");
        CHECK(parsed.error().describe().find("the same trainwarden program") != std::string::npos);
    }
    std::string json = to_json(task());
    CHECK_FALSE(parse_task(json.replace(json.find("\"Index\":1"), 9, "\"Index\":2")));  // not among its siblings
    json = to_json(task());
    CHECK_FALSE(parse_task(json.replace(json.find("4001"), 4, "70000")));
    auto nobody = task();
    nobody.siblings[0].fingerprint.pop_back();
    CHECK_FALSE(parse_task(to_json(nobody)));
    json = to_json(task());
    CHECK_FALSE(parse_task(json.replace(json.find("\"Cpus\":4"), 8, "\"Cpus\":-1")));
}
