#include "slurm/keep_alive.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace slurm {

void keep_alive(const net::Stream& stream) {
    const int on = 1, idle = 60, interval = 15, probes = 4;
    ::setsockopt(stream.number(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    ::setsockopt(stream.number(), IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    ::setsockopt(stream.number(), IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    ::setsockopt(stream.number(), IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

}  // namespace slurm
