#include "training/input_memory.hpp"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

namespace training {
namespace {

struct Kept final : InputMemory::Holder {
    std::atomic<uint64_t> bytes = 0;
    std::atomic<bool> in_use = false;
    uint64_t give_up() override { return in_use ? 0 : bytes.exchange(0); }
};

std::shared_ptr<Kept> keep(InputMemory& memory, uint64_t bytes) {
    const std::atomic<bool> stop{false};
    REQUIRE(memory.take(bytes, stop));
    auto kept = std::make_shared<Kept>();
    kept->bytes = bytes;
    memory.hold(kept);
    return kept;
}

}  // namespace

TEST_CASE("who was used longest ago gives up what others need, and no more of them than needed") {
    InputMemory memory(100, 2);
    const std::atomic<bool> stop{false};
    const auto first = keep(memory, 40), second = keep(memory, 40), third = keep(memory, 20);
    CHECK(memory.bytes() == 100);
    memory.hold(first);  // used again
    REQUIRE(memory.take(30, stop));
    CHECK(second->bytes == 0);
    CHECK(first->bytes == 40);
    CHECK(third->bytes == 20);
    CHECK(memory.bytes() == 90);
    // One that is in use is passed over.
    third->in_use = true;
    REQUIRE(memory.take(20, stop));
    CHECK(third->bytes == 20);
    CHECK(first->bytes == 0);
    CHECK(memory.bytes() == 70);
    memory.forget(*third);
    memory.give_back(20);
    CHECK(memory.bytes() == 50);
}

TEST_CASE("who finds no room waits until there is some, or until it is told to stop") {
    InputMemory memory(100, 1);
    std::atomic<bool> stop{false};
    REQUIRE(memory.take(80, stop));  // on its way: nobody gives that up
    std::atomic<int> done{0};
    std::thread waits([&] {
        CHECK(memory.take(50, stop));
        ++done;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    CHECK(done == 0);
    memory.give_back(80);
    waits.join();
    CHECK(done == 1);
    std::thread stopped([&] { CHECK_FALSE(memory.take(60, stop)); });
    stop = true;
    stopped.join();
    CHECK(memory.bytes() == 50);
}

TEST_CASE("it is never more than it may be, however many take at once") {
    constexpr uint64_t most = 1000;
    InputMemory memory(most, 1);
    const std::atomic<bool> stop{false};
    std::atomic<uint64_t> seen{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&, i] {
            auto mine = std::make_shared<Kept>();
            for (uint64_t round = 0; round < 2000; ++round) {
                const uint64_t bytes = 1 + (round * 37 + static_cast<uint64_t>(i) * 101) % 300;
                mine->in_use = true;
                memory.forget(*mine);
                memory.give_back(mine->bytes.exchange(0));
                CHECK(memory.take(bytes, stop));
                mine->bytes = bytes;
                memory.hold(mine);
                seen = std::max(seen.load(), memory.bytes());
                mine->in_use = false;
                memory.let_go();
            }
            memory.forget(*mine);
            memory.give_back(mine->bytes.exchange(0));
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(seen <= most);
    CHECK(memory.bytes() == 0);
}

TEST_CASE("so many files are open, and no more; with many of them each is read ahead less") {
    InputMemory memory(1000, 2);
    CHECK(memory.open_file());
    CHECK(memory.open_file());
    CHECK_FALSE(memory.open_file());
    memory.close_file();
    CHECK(memory.open_file());
    CHECK(memory.fair_share() == 500);
    const auto one = keep(memory, 1), other = keep(memory, 1), third = keep(memory, 1);
    CHECK(memory.fair_share() == 125);
}

}  // namespace training
