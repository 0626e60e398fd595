// Carries bytes between two connections, both ways, each until its sender is done.
#pragma once

#include "net/socket.hpp"

namespace slurm {

// Until both directions have ended, or one is broken; then both are shut down. An end that was not said (a TLS connection that was cut off)
// is no end: `plain` is then left open, and resets its client when it is closed.
void relay(net::Stream& plain, net::Stream& secured);

}  // namespace slurm
