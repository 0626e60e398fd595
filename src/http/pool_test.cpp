#include "http/pool.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <latch>
#include <mutex>
#include <thread>
#include <vector>

using http::Pool;
using Kind = http::Pool::Kind;

namespace {

// What ran, in order. `mark` is work that writes a name down.
struct Ran {
    std::mutex mutex;
    std::string names;
    Pool::Work mark(char name) {
        return [this, name](bool) {
            const std::lock_guard lock(mutex);
            names += name;
        };
    }
};

}  // namespace

TEST_CASE("one thread: peers take turns, however much one of them has sent") {
    Ran ran;
    std::latch begun(1), leave(1);
    Pool pool({.requests_max = 1, .requests_per_peer_max = 1, .uploads_max = 1, .uploads_per_peer_max = 1});
    REQUIRE(pool.submit("first", Kind::whole, [&](bool) {
        begun.count_down();
        leave.wait();
    }));
    begun.wait();
    for (int i = 0; i < 4; ++i) REQUIRE(pool.submit("a", Kind::whole, ran.mark('a')));
    REQUIRE(pool.submit("b", Kind::whole, ran.mark('b')));
    REQUIRE(pool.submit("c", Kind::upload, ran.mark('c')));
    CHECK(pool.queued() == 6);
    leave.count_down();
    pool.finish();
    // Kinds take turns as well.
    CHECK(ran.names == "cabaaa");
}

TEST_CASE("no peer has all threads, and uploads leave some to what came whole") {
    Ran ran;
    std::latch leave(1);
    std::atomic<int> inside = 0;
    const auto stay = [&](bool) {
        ++inside;
        leave.wait();
    };
    Pool pool({.requests_max = 4, .requests_per_peer_max = 3, .uploads_max = 3, .uploads_per_peer_max = 2});
    for (int i = 0; i < 5; ++i) REQUIRE(pool.submit("a", Kind::upload, stay));
    while (inside < 2) std::this_thread::yield();
    CHECK(pool.queued() == 3);  // a has two uploads and no more
    std::latch third(1);
    REQUIRE(pool.submit("a", Kind::whole, [&](bool) { third.count_down(); }));
    third.wait();
    REQUIRE(pool.submit("b", Kind::upload, stay));
    while (inside < 3) std::this_thread::yield();
    REQUIRE(pool.submit("c", Kind::upload, stay));
    std::latch fourth(1);
    REQUIRE(pool.submit("c", Kind::whole, [&](bool) { fourth.count_down(); }));
    fourth.wait();
    CHECK(inside == 3);
    CHECK(pool.queued() == 4);
    leave.count_down();
    pool.finish();
    CHECK(inside == 7);  // a limit delays, it drops nothing
}

TEST_CASE("queues have an end, for each peer and for all; what has begun goes on; what waited too long is told so") {
    std::latch begun(1), leave(1);
    std::atomic<int> late = 0, went_on = 0;
    Pool pool({.requests_max = 1,
               .requests_per_peer_max = 1,
               .uploads_max = 1,
               .uploads_per_peer_max = 1,
               .queue_max = 3,
               .queue_per_peer_max = 2,
               .queue_seconds_max = 0});
    REQUIRE(pool.submit("first", Kind::whole, [&](bool) {
        begun.count_down();
        leave.wait();
    }));
    begun.wait();
    const auto count = [&](bool waited_too_long) { late += waited_too_long ? 1 : 0; };
    CHECK(pool.submit("a", Kind::whole, count));
    CHECK(pool.submit("a", Kind::upload, count));
    CHECK_FALSE(pool.submit("a", Kind::whole, count));
    CHECK(pool.submit("b", Kind::whole, count));
    CHECK_FALSE(pool.submit("c", Kind::whole, count));
    CHECK(pool.go_on("a", [&](bool waited_too_long) { went_on += waited_too_long ? 0 : 1; }));
    leave.count_down();
    pool.finish();
    CHECK(late == 3);
    CHECK(went_on == 1);
}

TEST_CASE("an upload that has waited too long is refused, also while no other ends") {
    std::latch begun(1), leave(1), refused(2);
    Pool pool(
        {.requests_max = 4, .requests_per_peer_max = 4, .uploads_max = 1, .uploads_per_peer_max = 1, .queue_seconds_max = 0});
    REQUIRE(pool.submit("slow", Kind::upload, [&](bool) {
        begun.count_down();
        leave.wait();
    }));
    begun.wait();
    CHECK_FALSE(pool.uploads_wait());
    const auto count = [&](bool waited_too_long) {
        if (waited_too_long) refused.count_down();
    };
    REQUIRE(pool.submit("slow", Kind::upload, count));
    CHECK_FALSE(pool.uploads_wait());  // behind its own
    REQUIRE(pool.submit("other", Kind::upload, count));
    CHECK(pool.uploads_wait());
    pool.refuse_late();
    refused.wait();
    CHECK_FALSE(pool.uploads_wait());
    leave.count_down();
    pool.finish();
}

TEST_CASE("threads that nobody needs end, and come again when they are needed") {
    Pool pool({.requests_max = 8, .requests_per_peer_max = 8, .idle_most = std::chrono::milliseconds(10), .threads_kept = 1});
    for (int round = 0; round < 3; ++round) {
        std::latch all(8);
        for (int i = 0; i < 8; ++i) REQUIRE(pool.submit("a", Kind::whole, [&](bool) { all.arrive_and_wait(); }));
        all.wait();
        while (pool.load().threads > 1) std::this_thread::yield();
        CHECK(pool.load().threads == 1);
    }
    pool.finish();
}

namespace {

// Work that comes from outside: `lead` waits for it and submits what has come.
struct Outside {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Pool::Work> come;
    std::vector<std::thread::id> leaders;
    Pool* pool = nullptr;

    void bring(Pool::Work work) {
        const std::lock_guard lock(mutex);
        come.push_back(std::move(work));
        changed.notify_all();
    }
    bool lead(std::chrono::milliseconds most) {
        std::deque<Pool::Work> here;
        {
            std::unique_lock lock(mutex);
            const auto there = [this] { return !come.empty() || is_over; };
            most.count() < 0 ? changed.wait(lock, there) : (void)changed.wait_for(lock, most, there);
            here.swap(come);
            leaders.push_back(std::this_thread::get_id());
        }
        for (auto& work : here) CHECK(pool->submit("peer", Kind::whole, std::move(work)));
        return !here.empty();
    }
    void end() {
        const std::lock_guard lock(mutex);
        is_over = true;
        changed.notify_all();
    }
    bool is_over = false;
};

}  // namespace

TEST_CASE("who has run something looks for what comes next, and runs it") {
    Outside outside;
    Pool pool({.requests_max = 4}, [&](std::chrono::milliseconds most) { return outside.lead(most); });
    outside.pool = &pool;
    std::thread stands_by([&] { pool.stand_by(); });
    std::atomic<int> ran = 0;
    // One after the other, as a client does that waits for its answers.
    std::function<void(bool)> next = [&](bool) {
        if (++ran < 1000) outside.bring(next);
    };
    outside.bring(next);
    while (ran < 1000) std::this_thread::yield();
    pool.end_leading();
    outside.end();
    stands_by.join();
    const auto by_others =
        std::ranges::count_if(outside.leaders, [&](std::thread::id one) { return one != outside.leaders.front(); });
    CHECK(by_others > 0);  // the first was the one that stands by: nothing was running
}

TEST_CASE("while those who run wait for something, who stands by looks, and calls others") {
    Outside outside;
    Pool pool({.requests_max = 8, .requests_per_peer_max = 8},
              [&](std::chrono::milliseconds most) { return outside.lead(most); });
    outside.pool = &pool;
    std::thread stands_by([&] { pool.stand_by(); });
    std::latch all(8), leave(1);
    const auto wait = [&](bool) {
        all.count_down();
        leave.wait();
    };
    for (int i = 0; i < 8; ++i) outside.bring(wait);
    all.wait();  // more than there are processors, perhaps, and each in a thread of its own
    leave.count_down();
    pool.end_leading();
    outside.end();
    stands_by.join();
    pool.finish();
}

TEST_CASE("those who compute for long leave turns to others") {
    Outside outside;
    Pool pool({.requests_max = 64, .requests_per_peer_max = 64},
              [&](std::chrono::milliseconds most) { return outside.lead(most); });
    outside.pool = &pool;
    std::thread stands_by([&] { pool.stand_by(); });
    std::atomic<bool> enough = false;
    std::atomic<size_t> computing = 0;
    const size_t processors = std::max(1u, std::thread::hardware_concurrency());
    for (size_t i = 0; i < processors + 2; ++i)
        outside.bring([&](bool) {
            ++computing;
            while (!enough) continue;
        });
    while (computing < processors + 2) std::this_thread::yield();
    std::latch ran(1);
    outside.bring([&](bool) { ran.count_down(); });
    ran.wait();
    enough = true;
    pool.end_leading();
    outside.end();
    stands_by.join();
    pool.finish();
}

TEST_CASE("what another thread submits while one leads is run at once") {
    Outside outside;
    Pool pool({.requests_max = 2}, [&](std::chrono::milliseconds most) { return outside.lead(most); });
    outside.pool = &pool;
    std::thread stands_by([&] { pool.stand_by(); });
    std::latch ran(1);
    REQUIRE(pool.submit("peer", Kind::whole, [&](bool) { ran.count_down(); }));
    ran.wait();
    pool.end_leading();
    outside.end();
    stands_by.join();
}
