#include "http/pool.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <latch>
#include <mutex>

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
