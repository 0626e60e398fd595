#include "slurm/route.hpp"

namespace slurm {
namespace {

uint32_t number_at(std::string_view packet, size_t at) {
    uint32_t value = 0;
    for (const char c : packet.substr(at, 4)) value = value << 8 | static_cast<unsigned char>(c);
    return value;
}

}  // namespace

std::optional<Route> route_of(std::string_view packet) {
    if (packet.size() < 20 || static_cast<unsigned char>(packet[0]) >> 4 != 4) return std::nullopt;
    return Route{number_at(packet, 12), number_at(packet, 16)};
}

}  // namespace slurm
