#include "slurm/link.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <thread>

using namespace std::chrono_literals;
using slurm::Link;
using slurm::LinkLimits;

namespace {

using Packets = std::vector<std::string>;

// Two agents and what is on its way between them. Time goes on as the test says; OpenSSL's own timers are real.
struct Wire {
    std::unique_ptr<net::PeerIdentity> first_identity = *net::PeerIdentity::make(), second_identity = *net::PeerIdentity::make();
    std::unique_ptr<net::DtlsContext> first_context = *net::DtlsContext::open(*first_identity),
                                      second_context = *net::DtlsContext::open(*second_identity);
    std::vector<std::string> to_first, to_second;
    LinkLimits limits;
    std::unique_ptr<Link> first, second;
    Link::Time now{1h};
    Packets got_first, got_second;

    explicit Wire(const LinkLimits& with = {}) : limits(with) {
        first = make_first();
        second = make_second();
    }
    std::unique_ptr<Link> make_first() {
        return std::make_unique<Link>(Link::End{.context = first_context.get(),
                                                .begins = true,
                                                .address = "second",
                                                .fingerprint = second_identity->fingerprint(),
                                                .send = [this](std::string_view one) { to_second.emplace_back(one); }},
                                      limits);
    }
    std::unique_ptr<Link> make_second() {
        return std::make_unique<Link>(Link::End{.context = second_context.get(),
                                                .begins = false,
                                                .address = "first",
                                                .fingerprint = first_identity->fingerprint(),
                                                .send = [this](std::string_view one) { to_first.emplace_back(one); }},
                                      limits);
    }
    void settle() {
        Packets packets;
        while (!to_first.empty() || !to_second.empty()) {
            const auto there = std::move(to_second), back = std::move(to_first);
            to_first.clear();
            to_second.clear();
            for (const auto& one : there) {
                second->take(one, now, packets);
                got_second.insert(got_second.end(), packets.begin(), packets.end());
            }
            for (const auto& one : back) {
                first->take(one, now, packets);
                got_first.insert(got_first.end(), packets.begin(), packets.end());
            }
        }
    }
    void pass(std::chrono::milliseconds time) {
        now += time;
        first->tick(now);
        second->tick(now);
        settle();
    }
    void open() {
        pass(0ms);
        REQUIRE(first->is_open());
        REQUIRE(second->is_open());
    }
};

}  // namespace

TEST_CASE("the first sibling begins, and what waits meanwhile arrives, as much as may wait") {
    Wire wire;
    for (int i = 0; i < 40; ++i) wire.second->send(std::to_string(i), wire.now);
    wire.second->tick(wire.now);
    CHECK(wire.to_first.empty());
    wire.open();
    CHECK(wire.got_first.size() == wire.limits.waiting_packets);
    CHECK(wire.got_first.front() == "0");
    wire.first->send("answer", wire.now);
    wire.settle();
    CHECK(wire.got_second == Packets{"answer"});
    CHECK_FALSE(wire.first->is_busy());
    CHECK_FALSE(wire.second->is_busy());
}

TEST_CASE("a session that has carried much, or is old, is replaced, and nothing is lost meanwhile") {
    LinkLimits limits;
    limits.records_fresh = 100;
    limits.silence = 10h;  // only what this test is about
    Wire wire(limits);
    wire.open();
    SUBCASE("by what was sent") {
        for (int i = 0; i < 100; ++i) wire.first->send("x", wire.now);
    }
    SUBCASE("by what came") {
        for (int i = 0; i < 100; ++i) wire.second->send("x", wire.now);
    }
    SUBCASE("by its age") { wire.now += limits.age_fresh; }
    wire.settle();
    CHECK(wire.first->sessions() == 1);
    // Sealed before the change, opened after it.
    wire.first->send("before", wire.now);
    wire.first->send("too late", wire.now);
    const Packets late = std::move(wire.to_second);
    wire.to_second.clear();
    wire.got_second.clear();
    wire.pass(50ms);
    CHECK(wire.first->sessions() == 2);
    CHECK(wire.second->sessions() == 2);
    wire.to_second = {late[0]};
    wire.settle();
    CHECK(wire.got_second == Packets{"before"});
    wire.first->send("after", wire.now);
    wire.settle();
    CHECK(wire.got_second == Packets{"before", "after"});
    // Once: the old session does not stay.
    wire.pass(limits.overlap);
    wire.to_second = late;
    wire.settle();
    CHECK(wire.got_second == Packets{"before", "after"});
}

TEST_CASE("a session seals a limited number of packets") {
    LinkLimits limits;
    limits.records_fresh = limits.records_max = 10;
    Wire wire(limits);
    wire.open();
    for (int i = 0; i < 20; ++i) wire.second->send("x", wire.now);
    wire.settle();
    CHECK(wire.got_first.size() == 10);
    wire.pass(50ms);
    wire.second->send("x", wire.now);
    wire.settle();
    CHECK(wire.got_first.size() == 11);
}

TEST_CASE("a sibling that has lost its session gets another") {
    Wire wire;
    wire.open();
    SUBCASE("the one that answers") {
        wire.second = wire.make_second();
        wire.first->send("lost", wire.now);
        wire.settle();
        CHECK(wire.got_second.empty());
        wire.pass(wire.limits.silence);
    }
    SUBCASE("the one that begins") {
        wire.first = wire.make_first();
        wire.pass(50ms);
    }
    REQUIRE(wire.first->is_open());
    wire.got_first.clear();
    wire.first->send("there", wire.now);
    wire.second->send("back", wire.now);
    wire.settle();
    CHECK(wire.got_second == Packets{"there"});
    CHECK(wire.got_first == Packets{"back"});
}

TEST_CASE("who is gone is asked again only when there is something to say") {
    Wire wire;
    wire.open();
    wire.first->send("anybody?", wire.now);
    wire.to_second.clear();
    size_t sent = 0;
    for (int second = 0; second < 120; ++second) {
        wire.now += 1s;
        wire.first->tick(wire.now);
        sent += wire.to_second.size();
        wire.to_second.clear();
    }
    CHECK(sent >= 1);
    CHECK(sent < 12);
    CHECK_FALSE(wire.first->is_busy());
}

TEST_CASE("a sibling that is not there yet is greeted until it is") {
    Wire wire;
    for (int second = 0; second < 40; ++second) {
        wire.now += 1s;
        wire.first->tick(wire.now);
        wire.to_second.clear();
    }
    wire.now += wire.limits.handshake + wire.limits.pause;
    wire.first->tick(wire.now);
    wire.to_second.clear();
    wire.pass(wire.limits.handshake);
    wire.pass(wire.limits.pause);
    CHECK(wire.first->is_open());
}

TEST_CASE("a wire that loses, repeats and reorders delivers what it delivers once and as it was, through changes of sessions") {
    LinkLimits limits;
    limits.records_fresh = 200;
    Wire wire(limits);
    uint64_t random = 1;
    const auto chance = [&](uint64_t percent) {
        random = random * 6364136223846793005ULL + 1442695040888963407ULL;
        return (random >> 33) % 100 < percent;
    };
    const auto pass = [&](std::vector<std::string>& queue, Link& to, Packets& got) {
        const auto arriving = std::move(queue);
        queue.clear();
        std::vector<std::string> order;
        for (const auto& one : arriving) {
            if (chance(10)) continue;
            order.insert(chance(20) && !order.empty() ? order.end() - 1 : order.end(), one);
            if (chance(10)) order.push_back(one);
        }
        Packets packets;
        for (const auto& one : order) {
            to.take(one, wire.now, packets);
            got.insert(got.end(), packets.begin(), packets.end());
        }
    };
    constexpr int count = 1'000;
    int sent = 0;
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (sent < count || wire.first->sessions() < 4) {
        REQUIRE(std::chrono::steady_clock::now() < deadline);
        std::this_thread::sleep_for(5ms);
        wire.now += 50ms;
        wire.first->tick(wire.now);
        wire.second->tick(wire.now);
        for (int i = 0; i < 10 && wire.first->is_open() && wire.second->is_open(); ++i, ++sent) {
            wire.first->send("there " + std::to_string(sent), wire.now);
            wire.second->send("back " + std::to_string(sent), wire.now);
        }
        pass(wire.to_second, *wire.second, wire.got_second);
        pass(wire.to_first, *wire.first, wire.got_first);
    }
    for (auto* got : {&wire.got_first, &wire.got_second}) {
        CHECK(got->size() > static_cast<size_t>(sent) * 7 / 10);
        std::ranges::sort(*got);
        CHECK(std::ranges::adjacent_find(*got) == got->end());
        CHECK(std::ranges::all_of(*got, [](const auto& one) { return one.starts_with("there ") || one.starts_with("back "); }));
    }
}

TEST_CASE("strangers' datagrams disturb neither a session nor a handshake") {
    Wire wire, other;
    other.first->tick(other.now);
    REQUIRE(other.to_second.size() == 1);
    const std::string greeting = other.to_second.front();
    const auto noise = [&] {
        Packets packets;
        for (const std::string& one :
             {std::string(), std::string(100, '\x17'), greeting, std::string("\x17\xfe\xfd\0\1\0\0\0\0\0\1\0\5hello", 18),
              std::string("\x14\xfe\xfd\0\0\0\0\0\0\0\1\0\1\1", 14)}) {
            wire.second->take(one, wire.now, packets);
            CHECK(packets.empty());
            wire.first->take(one, wire.now, packets);
            CHECK(packets.empty());
        }
        wire.to_first.clear();
    };
    noise();
    wire.open();
    noise();
    wire.first->send("there", wire.now);
    wire.second->send("back", wire.now);
    wire.settle();
    CHECK(wire.got_second == Packets{"there"});
    CHECK(wire.got_first == Packets{"back"});
    CHECK(wire.first->sessions() == 1);
    CHECK_FALSE(wire.second->is_busy());  // nothing is kept of a greeting without a cookie
}

TEST_CASE("greetings are answered at a pace, whoever sends them") {
    Wire wire;
    std::vector<std::string> greetings;
    for (int i = 0; i < 100; ++i) {
        const auto session = wire.first_context->connect(wire.second_identity->fingerprint(),
                                                         [&](std::string_view datagram) { greetings.emplace_back(datagram); });
        REQUIRE(session);
    }
    REQUIRE(greetings.size() == 100);
    Packets packets;
    for (const auto& greeting : greetings) wire.second->take(greeting, wire.now, packets);
    CHECK(wire.to_first.size() == static_cast<size_t>(wire.limits.greetings_at_once));
    wire.now += 1s;
    wire.to_first.clear();
    for (const auto& greeting : greetings) wire.second->take(greeting, wire.now, packets);
    CHECK(wire.to_first.size() == static_cast<size_t>(wire.limits.greetings_per_second));
    wire.to_first.clear();
    wire.now += 1s;
    wire.open();  // the sibling's own come through
}

TEST_CASE("another agent is nobody's sibling") {
    Wire wire;
    const auto stranger = *net::PeerIdentity::make();
    const auto strangers = *net::DtlsContext::open(*stranger);
    wire.first = std::make_unique<Link>(Link::End{.context = strangers.get(),
                                                  .begins = true,
                                                  .address = "second",
                                                  .fingerprint = wire.second_identity->fingerprint(),
                                                  .send = [&](std::string_view one) { wire.to_second.emplace_back(one); }},
                                        wire.limits);
    wire.pass(0ms);
    wire.pass(50ms);
    CHECK_FALSE(wire.first->is_open());
    CHECK_FALSE(wire.second->is_open());
}
