// What an agent and its server read from each other: messages, what has been decrypted of siblings' packets, and the heads of datagrams
// before that. Nothing that comes over the wire may crash either, and what is taken must say the same when it is said again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "net/dtls.hpp"
#include "slurm/allocation.hpp"
#include "slurm/link.hpp"
#include "slurm/message.hpp"
#include "slurm/route.hpp"

namespace {

// A sibling that is open, one that greets and one that waits for a greeting, for datagrams of strangers.
struct Siblings {
    std::unique_ptr<net::PeerIdentity> identity = *net::PeerIdentity::make();
    std::unique_ptr<net::DtlsContext> context = *net::DtlsContext::open(*identity);
    std::vector<std::string> to_first, to_second, packets;
    slurm::Link first{end(true, to_second), {}}, second{end(false, to_first), {}};
    slurm::Link::Time now{std::chrono::hours(1)};

    slurm::Link::End end(bool begins, std::vector<std::string>& to) {
        return {.context = context.get(),
                .begins = begins,
                .address = "a sibling",
                .fingerprint = identity->fingerprint(),
                .send = [&to](std::string_view datagram) { to.emplace_back(datagram); }};
    }
    Siblings() {
        first.tick(now);
        while (!to_first.empty() || !to_second.empty()) {
            const auto there = std::move(to_second), back = std::move(to_first);
            to_second.clear();
            to_first.clear();
            for (const auto& one : there) second.take(one, now, packets);
            for (const auto& one : back) first.take(one, now, packets);
        }
        if (!first.is_open() || !second.is_open()) std::abort();
    }
};

void read_datagram(std::string_view datagram) {
    static Siblings siblings;
    for (slurm::Link* link : {&siblings.first, &siblings.second}) {
        link->take(datagram, siblings.now, siblings.packets);
        if (!siblings.packets.empty() || !link->is_open()) std::abort();  // it was not sealed by the other
    }
    siblings.to_first.clear();
    siblings.to_second.clear();
    slurm::Link waiting(siblings.end(false, siblings.to_first), {});
    waiting.take(datagram, siblings.now, siblings.packets);
    if (!siblings.packets.empty() || waiting.is_open()) std::abort();
    siblings.to_first.clear();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    if (const auto task = slurm::parse_task(input)) {
        const auto again = slurm::parse_task(slurm::to_json(*task));
        if (!again || slurm::to_json(*again) != slurm::to_json(*task)) std::abort();
    }
    if (const auto hello = slurm::parse_hello(input)) {
        const auto again = slurm::parse_hello(slurm::to_line(*hello));
        if (!again || slurm::to_line(*again) != slurm::to_line(*hello)) std::abort();
    }
    if (const auto ready = slurm::parse_ready(input)) {
        const auto again = slurm::parse_ready(slurm::to_line(*ready));
        if (!again || slurm::to_line(*again) != slurm::to_line(*ready)) std::abort();
    }
    (void)slurm::parse_started(input);
    (void)slurm::read_salloc(input);
    (void)slurm::split_options(input);
    (void)slurm::route_of(input);
    read_datagram(input);
    return 0;
}
