// Requests that no handler sees.
#pragma once

#include <string>

namespace http {

// The head could not be read, or did not come: the server answered with this status and message itself.
struct UnreadRequest {
    std::string peer_address;
    int status = 400;
    std::string message;
};

}  // namespace http
