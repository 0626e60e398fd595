// The server that has a data folder, as the kernel shows it to anybody: who it is and what it gave up (os/hardening.hpp).
#pragma once

#include <optional>
#include <string>

namespace cli {

struct RunningServer {
    int process = 0;
    bool may_be_dumped = true;     // and traced: serve --allow-core-dumps
    bool new_privileges = true;    // set-user-ID programs work for it and for what it starts
    bool all_capabilities = true;  // it could load kernel modules
};

// Nothing: none has the folder, or it cannot be seen from here (another container).
[[nodiscard]] std::optional<RunningServer> running_server(const std::string& data);

}  // namespace cli
