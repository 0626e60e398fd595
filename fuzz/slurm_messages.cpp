// What an agent and its server read from each other: packets of siblings, frames' contents, messages. Nothing that comes over the
// wire may crash either, and what is taken must say the same when it is said again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "slurm/allocation.hpp"
#include "slurm/message.hpp"
#include "slurm/packet.hpp"

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
    (void)slurm::parse_started(input);
    if (const auto sealed = slurm::parse_sealed_task(input)) {
        if (slurm::open_task(*sealed, std::string(32, 'k'))) std::abort();  // it was not sealed with this key
    }
    (void)slurm::read_salloc(input);
    (void)slurm::split_options(input);
    (void)slurm::route_of(input);
    slurm::PacketOpener opener(std::string(32, 'k'), 1, 3);
    std::string plain;
    if (opener.open(input, plain)) std::abort();
    // A sealed one opens once, whatever is in it.
    slurm::PacketSealer sealer(std::string(32, 'k'), 0);
    std::string packet;
    sealer.seal(1, input, packet);
    if (opener.open(packet, plain) != 0 || plain != input || opener.open(packet, plain)) std::abort();
    return 0;
}
