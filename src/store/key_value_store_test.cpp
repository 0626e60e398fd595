// One suite, every implementation of KeyValueStore.
#include "store/key_value_store.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "temporary_folder.hpp"

namespace {

using Folder = TemporaryFolder;

void both(const std::function<void(store::KeyValueStore&)>& test) {
    SUBCASE("memory") { test(*store::make_memory_store()); }
    SUBCASE("rocks") {
        const Folder folder;
        auto keys = store::open_rocks_store(folder.path);
        REQUIRE(keys.has_value());
        test(**keys);
    }
}

std::vector<std::string> names(const store::KeyValueStore& keys, store::Scan scan) {
    const auto entries = keys.scan(scan);
    REQUIRE(entries.has_value());
    std::vector<std::string> out;
    for (const auto& entry : *entries) out.push_back(entry.key + "=" + entry.value);
    return out;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("get, put, erase; any byte in keys and values") {
    both([](store::KeyValueStore& keys) {
        const std::string odd("\0\xff/\n", 4);
        REQUIRE(keys.commit(store::Batch().put("a", "1").put(odd, odd).put("empty", "")).has_value());
        CHECK(keys.get("a").value() == "1");
        CHECK(keys.get(odd).value() == odd);
        CHECK(keys.get("empty").value() == "");
        CHECK(keys.get("b").value() == std::nullopt);
        REQUIRE(keys.commit(store::Batch().erase("a").erase("never there")).has_value());
        CHECK(keys.get("a").value() == std::nullopt);
    });
}

TEST_CASE("within a batch the last write of a key wins") {
    both([](store::KeyValueStore& keys) {
        REQUIRE(keys.commit(store::Batch().put("a", "1").put("a", "2").put("b", "1").erase("b")).has_value());
        CHECK(keys.get("a").value() == "2");
        CHECK(keys.get("b").value() == std::nullopt);
    });
}

TEST_CASE("scan: order, prefix, from, limit") {
    both([](store::KeyValueStore& keys) {
        REQUIRE(keys.commit(store::Batch().put("p/b", "2").put("p/a", "1").put("p/\xff", "3").put("q/a", "4").put("o", "0"))
                    .has_value());
        CHECK(names(keys, {.prefix = "p/"}) == Names{"p/a=1", "p/b=2", "p/\xff=3"});
        CHECK(names(keys, {.prefix = "p/", .from = "p/aa"}) == Names{"p/b=2", "p/\xff=3"});
        CHECK(names(keys, {.prefix = "p/", .from = "a"}) == Names{"p/a=1", "p/b=2", "p/\xff=3"});
        CHECK(names(keys, {.prefix = "p/", .from = "q"}) == Names{});
        CHECK(names(keys, {.prefix = "p/", .limit = 1}) == Names{"p/a=1"});
        CHECK(names(keys, {.limit = 2}) == Names{"o=0", "p/a=1"});
        CHECK(names(keys, {.prefix = "r"}) == Names{});
    });
}

TEST_CASE("expectations: all hold or nothing is written") {
    both([](store::KeyValueStore& keys) {
        REQUIRE(keys.commit(store::Batch().expect("a", std::nullopt).put("a", "1")).has_value());
        const auto again = keys.commit(store::Batch().expect("a", std::nullopt).put("a", "2").put("b", "2"));
        REQUIRE_FALSE(again.has_value());
        CHECK(again.error().code == "Conflict");
        CHECK(keys.get("a").value() == "1");
        CHECK(keys.get("b").value() == std::nullopt);
        CHECK(keys.commit(store::Batch().expect("a", "1").expect("b", std::nullopt).put("a", "2")).has_value());
        CHECK_FALSE(keys.commit(store::Batch().expect("a", "1").erase("a")).has_value());
        CHECK(keys.get("a").value() == "2");
        CHECK(keys.commit(store::Batch().expect("a", "2")).has_value());
        CHECK_FALSE(keys.commit(store::Batch().expect("a", "1")).has_value());
    });
}

TEST_CASE("a snapshot does not move") {
    both([](store::KeyValueStore& keys) {
        REQUIRE(keys.commit(store::Batch().put("a", "1")).has_value());
        const auto before = keys.snapshot();
        REQUIRE(keys.commit(store::Batch().put("a", "2").put("b", "2")).has_value());
        CHECK(before->get("a").value() == "1");
        CHECK(before->get("b").value() == std::nullopt);
        CHECK(before->scan({}).value().size() == 1);
        CHECK(keys.snapshot()->get("a").value() == "2");
    });
}

TEST_CASE("concurrent increments by expectation lose nothing") {
    both([](store::KeyValueStore& keys) {
        constexpr int threads = 4, rounds = 25;
        REQUIRE(keys.commit(store::Batch().put("n", "0")).has_value());
        std::atomic<int> failures = 0;
        std::vector<std::jthread> running;
        for (int t = 0; t < threads; ++t) {
            running.emplace_back([&keys, &failures, t] {
                for (int done = 0; done < rounds;) {
                    const auto now = *keys.get("n").value();
                    const auto next = std::to_string(std::stoi(now) + 1);
                    const auto mine = "t" + std::to_string(t) + "/" + std::to_string(done);
                    const auto result = keys.commit(store::Batch().expect("n", now).put("n", next).put(mine, next));
                    if (result)
                        ++done;
                    else if (result.error().code != "Conflict")
                        ++failures, ++done;
                }
            });
        }
        running.clear();
        CHECK(failures == 0);
        CHECK(keys.get("n").value() == std::to_string(threads * rounds));
        CHECK(keys.scan({.prefix = "t"}).value().size() == threads * rounds);
    });
}

TEST_CASE("rocks: commits survive reopening, a second process is refused") {
    const Folder folder;
    {
        auto keys = store::open_rocks_store(folder.path + "/deep/inside");
        REQUIRE(keys.has_value());
        REQUIRE((*keys)->commit(store::Batch().put("a", "1")).has_value());
        const auto second = store::open_rocks_store(folder.path + "/deep/inside");
        REQUIRE_FALSE(second.has_value());
        CHECK(second.error().code == "StoreBusy");
        CHECK(second.error().message.find(folder.path) != std::string::npos);
    }
    auto keys = store::open_rocks_store(folder.path + "/deep/inside");
    REQUIRE(keys.has_value());
    CHECK((*keys)->get("a").value() == "1");
}

TEST_CASE("rocks: a log that is damaged in its middle is not skipped over") {
    const Folder folder;
    {
        auto keys = store::open_rocks_store(folder.path);
        REQUIRE(keys.has_value());
        for (int i = 0; i < 20; ++i)
            REQUIRE((*keys)->commit(store::Batch().put("key" + std::to_string(i), std::string(5000, 'x'))).has_value());
    }
    for (const auto& entry : std::filesystem::directory_iterator(folder.path)) {
        if (entry.path().extension() != ".log" || entry.file_size() < 50'000) continue;
        std::fstream log(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
        log.seekp(20'000);
        log << std::string(100, '?');
    }
    const auto keys = store::open_rocks_store(folder.path);
    REQUIRE_FALSE(keys.has_value());
    CHECK(keys.error().message.find(folder.path) != std::string::npos);
}

TEST_CASE("rocks: two commits that write one key do not both find it absent") {
    const Folder folder;
    auto keys = store::open_rocks_store(folder.path);
    REQUIRE(keys.has_value());
    for (int round = 0; round < 50; ++round) {
        const std::string key = "k" + std::to_string(round);
        std::atomic<int> waiting = 4, made = 0;
        std::vector<std::jthread> running;
        for (int t = 0; t < 4; ++t) {
            running.emplace_back([&, t] {
                --waiting;
                while (waiting > 0) std::this_thread::yield();
                if ((*keys)->commit(store::Batch().expect(key, std::nullopt).put(key, std::to_string(t)))) ++made;
            });
        }
        running.clear();
        REQUIRE(made == 1);
    }
}

TEST_CASE("a scan that begins before its prefix or in the middle of it gives what it is asked for and no more") {
    both([](store::KeyValueStore& keys) {
        store::Batch batch;
        for (const char* key : {"a/1", "b/1", "b/2", "b/3", "c/1"}) batch.put(key, "v");
        REQUIRE(keys.commit(batch).has_value());
        CHECK(names(keys, {.prefix = "b/", .from = "b/2"}) == Names{"b/2=v", "b/3=v"});
        CHECK(names(keys, {.prefix = "b/", .from = "a/1", .limit = 2}) == Names{"b/1=v", "b/2=v"});
        CHECK(names(keys, {.prefix = "b/", .limit = 0}) == Names{});
        REQUIRE(keys.commit(store::Batch().erase("b/2")).has_value());
        CHECK(names(keys, {.prefix = "b/"}) == Names{"b/1=v", "b/3=v"});
        CHECK(keys.get("b/2").value() == std::nullopt);
    });
}
