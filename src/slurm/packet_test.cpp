#include "slurm/packet.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "slurm/overlay.hpp"

using slurm::PacketOpener;
using slurm::PacketSealer;
using slurm::ReplayWindow;

namespace {

const std::string key(32, 'k'), other_key(32, 'o');

std::string sealed(PacketSealer& sealer, uint16_t receiver, std::string_view plain) {
    std::string packet;
    sealer.seal(receiver, plain, packet);
    return packet;
}

}  // namespace

TEST_CASE("a packet reaches whom it is for, once") {
    PacketSealer sealer(key, 0);
    PacketOpener opener(key, 1, 3);
    std::string plain;
    const std::string packet = sealed(sealer, 1, "gradients");
    CHECK(packet.find("gradients") == std::string::npos);
    CHECK(packet.size() == std::string_view("gradients").size() + slurm::packet_overhead);
    CHECK(opener.open(packet, plain) == 0);
    CHECK(plain == "gradients");
    CHECK_FALSE(opener.open(packet, plain));  // again
    CHECK(plain.empty());
    CHECK(opener.open(sealed(sealer, 1, ""), plain) == 0);  // an empty one is one, too
}

TEST_CASE("nothing else opens") {
    PacketSealer sealer(key, 0);
    std::string plain;
    const std::string packet = sealed(sealer, 1, "gradients");
    SUBCASE("another job's key") { CHECK_FALSE(PacketOpener(other_key, 1, 3).open(packet, plain)); }
    SUBCASE("a packet for another sibling") { CHECK_FALSE(PacketOpener(key, 2, 3).open(packet, plain)); }
    SUBCASE("one's own packet, sent back") { CHECK_FALSE(PacketOpener(key, 0, 3).open(packet, plain)); }
    SUBCASE("one's own packet to oneself") { CHECK_FALSE(PacketOpener(key, 0, 3).open(sealed(sealer, 0, "x"), plain)); }
    SUBCASE("any changed bit") {
        PacketOpener opener(key, 1, 3);
        for (size_t bit = 0; bit < packet.size() * 8; ++bit) {
            std::string changed = packet;
            changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
            CHECK_FALSE(opener.open(changed, plain));
        }
        CHECK(opener.open(packet, plain) == 0);  // none of them has closed the window for the true one
    }
    SUBCASE("a part of it") {
        PacketOpener opener(key, 1, 3);
        for (size_t size = 0; size < packet.size(); ++size) CHECK_FALSE(opener.open(packet.substr(0, size), plain));
    }
    SUBCASE("a sender that is not of the job") {
        PacketSealer stranger(key, 7);
        CHECK_FALSE(PacketOpener(key, 1, 3).open(sealed(stranger, 1, "x"), plain));
    }
}

TEST_CASE("two siblings do not encrypt alike") {
    PacketSealer one(key, 0), other(key, 2);
    const auto encrypted = [](const std::string& packet) { return packet.substr(slurm::packet_head_bytes, 9); };
    CHECK(encrypted(sealed(one, 1, "gradients")) != encrypted(sealed(other, 1, "gradients")));
}

TEST_CASE("packets may overtake each other within the window") {
    PacketSealer sealer(key, 2);
    PacketOpener opener(key, 0, 3);
    std::vector<std::string> packets;
    for (int i = 0; i < 5000; ++i) packets.push_back(sealed(sealer, 0, std::to_string(i)));
    std::string plain;
    CHECK(opener.open(packets[4000], plain) == 2);
    CHECK(opener.open(packets[4000 - ReplayWindow::size + 1], plain) == 2);
    CHECK_FALSE(opener.open(packets[4000 - ReplayWindow::size], plain));
    CHECK(opener.open(packets[3999], plain) == 2);
    CHECK_FALSE(opener.open(packets[3999], plain));
    CHECK(opener.open(packets[4999], plain) == 2);
    CHECK_FALSE(opener.open(packets[4000], plain));
}

TEST_CASE("the window, step by step, is a set of the last counters") {
    ReplayWindow window;
    std::vector<bool> seen(100'000, false);
    uint64_t highest = 0, random = 1;
    for (int step = 0; step < 20'000; ++step) {
        random = random * 6364136223846793005ULL + 1442695040888963407ULL;
        uint64_t jump = (random >> 33) % 200 == 0 ? (random >> 40) % 3000 : (random >> 40) % 3;
        const uint64_t counter = (random >> 20) % 2 == 0 ? highest + jump : (highest > jump ? highest - jump : 1);
        if (counter >= seen.size()) break;
        const bool expected = counter != 0 && !seen[counter] && (counter > highest || highest - counter < ReplayWindow::size);
        REQUIRE(window.is_new(counter) == expected);
        if (!expected) continue;
        window.mark(counter);
        seen[counter] = true;
        highest = std::max(highest, counter);
    }
    CHECK(highest > ReplayWindow::size * 2);
    CHECK_FALSE(ReplayWindow().is_new(0));
}

TEST_CASE("the route of an IP packet") {
    std::string packet(20, '\0');
    packet[0] = 0x45;
    packet.replace(12, 8, std::string("\x0a\x4d\x00\x01\x0a\x4d\x00\x02", 8));
    const auto route = slurm::route_of(packet);
    REQUIRE(route);
    CHECK(route->source == 0x0a4d0001);
    CHECK(route->destination == 0x0a4d0002);
    CHECK_FALSE(slurm::route_of(packet.substr(0, 19)));
    packet[0] = 0x60;
    CHECK_FALSE(slurm::route_of(packet));
}

TEST_CASE("what fits through a wire") {
    CHECK(slurm::overlay_mtu(1500) == 1500 - 40 - 8 - slurm::packet_overhead);
    CHECK(slurm::overlay_mtu(9000) == 9000 - 40 - 8 - slurm::packet_overhead);
    CHECK(slurm::overlay_mtu(65536) == 65000);
    CHECK(slurm::overlay_mtu(0) == 1280);
    CHECK(slurm::overlay_mtu(1'000'000) == 65000);
    const auto loopback = slurm::towards("127.0.0.1");
    REQUIRE(loopback);
    CHECK(loopback->address == "127.0.0.1");
    CHECK(loopback->mtu >= 1280);
    CHECK_FALSE(slurm::towards("n1"));
}
