#include "slurm/message.hpp"

#include <doctest/doctest.h>

#include "crypto/agreement.hpp"

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
    task.siblings = {{"10.0.0.1", 4000}, {"10.0.0.2", 4001}};
    task.mtu = 8926;
    task.overlay_key = std::string("\0\1\2\3", 4) + std::string(28, 'k');
    task.server = Task::Server{"127.0.0.1", 4566, 40'000, std::string(16, 'i'), std::string(32, 's')};
    return task;
}

}  // namespace

TEST_CASE("a task arrives as it was sent, and only with the key") {
    const crypto::KeyAgreement server, agent;
    const auto key = server.agree(agent.public_key(), task_purpose), same = agent.agree(server.public_key(), task_purpose);
    REQUIRE(key);
    CHECK(key == same);
    CHECK(server.agree(agent.public_key(), "another purpose") != key);
    CHECK_FALSE(server.agree("short", task_purpose));
    CHECK_FALSE(server.agree(std::string(32, '\0'), task_purpose));  // of small order: no secret at all

    const std::string line = seal_task(task(), *key, server.public_key());
    CHECK(line.find("hello") == std::string::npos);
    CHECK(line.find('\n') == line.size() - 1);
    const auto sealed = parse_sealed_task(line);
    REQUIRE(sealed);
    CHECK(sealed->public_key == server.public_key());
    const auto opened = open_task(*sealed, *same);
    REQUIRE(opened);
    CHECK(to_json(*opened) == to_json(task()));
    CHECK(opened->overlay_key == task().overlay_key);
    CHECK(opened->server->key == task().server->key);

    CHECK_FALSE(open_task(*sealed, std::string(32, 'x')));
    auto changed = *sealed;
    changed.sealed.back() ^= 1;
    CHECK_FALSE(open_task(changed, *same));
}

TEST_CASE("a task without a way to the server has none") {
    auto isolated = task();
    isolated.server.reset();
    const auto parsed = parse_task(to_json(isolated));
    REQUIRE(parsed);
    CHECK_FALSE(parsed->server);
}

TEST_CASE("greetings arrive as they were sent") {
    const Hello hello{"n1", "boot", "10.0.0.1", 4000, 9000, std::string("\0key", 4), "no\nroom"};
    const std::string line = to_line(hello);
    CHECK(line.find('\n') == line.size() - 1);
    const auto parsed = parse_hello(line);
    REQUIRE(parsed);
    CHECK(to_line(*parsed) == line);
    CHECK(parse_started(to_line(Started{"why"}))->problem == "why");
}

TEST_CASE("what is no message says so, and what to do") {
    for (const char* line : {"", "srun: error", "{}", "[]", R"({"Format":"trainwarden-slurm-0","Problem":""})",
                             R"({"Format":"trainwarden-slurm-1"})"}) {
        const auto parsed = parse_started(line);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().code == "InvalidMessage");
        CHECK(parsed.error().describe().find("the same trainwarden program") != std::string::npos);
    }
    std::string json = to_json(task());
    CHECK_FALSE(parse_task(json.replace(json.find("\"Index\":1"), 9, "\"Index\":2")));  // not among its siblings
    json = to_json(task());
    CHECK_FALSE(parse_task(json.replace(json.find("4001"), 4, "70000")));
    json = to_json(task());
    CHECK_FALSE(parse_task(json.replace(json.find("\"Cpus\":4"), 8, "\"Cpus\":-1")));
}
