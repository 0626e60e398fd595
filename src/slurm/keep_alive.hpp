// A machine that is gone says nothing: who waits for it learns so in minutes.
#pragma once

#include "net/socket.hpp"

namespace slurm {

void keep_alive(const net::Stream& stream);

}  // namespace slurm
