// Where an IP packet comes from and goes to. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace slurm {

// Of an IPv4 packet: nullopt for anything else.
struct Route {
    uint32_t source = 0, destination = 0;  // host byte order
};
[[nodiscard]] std::optional<Route> route_of(std::string_view ip_packet);

}  // namespace slurm
