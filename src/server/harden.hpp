// What `trainwarden serve` gives up before anything else (os/hardening.hpp), and what it must not give up.
#pragma once

#include "server/serve.hpp"

namespace server {

// REQUIRES: no other thread runs. Logs what holds, and why what does not hold does not.
void harden(const Settings& settings);

}  // namespace server
