// Requests that the HTTP server answered itself, for it could not read them, are in the record, too: who probes a server sends those.
#pragma once

#include "base/clock.hpp"
#include "crypto/random.hpp"
#include "http/unread.hpp"

namespace audit {
class Log;
}

namespace gate {

// As refused and unauthenticated, without an operation. What cannot be recorded is in the server's log.
void record_unread(audit::Log& log, const base::Clock& clock, crypto::Random& random, const http::UnreadRequest& request);

}  // namespace gate
