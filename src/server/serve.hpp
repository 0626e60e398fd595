// `trainwarden serve`: settings, wiring, life cycle.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cli/command.hpp"
#include "server/front_door.hpp"
#include "server/server.hpp"
#include "server/tls_files.hpp"
#include "server/training_service.hpp"

namespace server {

struct Settings {
    std::string data;                       // the data folder
    std::string listen = "127.0.0.1:4566";  // address:port; port 0: any free one
    std::vector<std::string> regions;       // that are served, the default first; empty: us-east-1
    std::string master_key_file;            // empty: $XDG_CONFIG_HOME/trainwarden/ID.key
    std::string ready_file;                 // gets the URL once requests are answered
    std::string instance_types_file;        // empty: AWS's types, cut to this machine
    AuditSettings audit;
    TrainingSettings training;  // its instances come from that file
    TlsSettings tls;
    std::vector<std::string> proxies;  // networks of proxies that speak the PROXY protocol
    std::vector<std::string> domains;  // hosts of this server, below which buckets are hosts too
    std::vector<std::string> limits;   // NAME=NUMBER (server/front_door.hpp)
    std::vector<std::string> ways_in;  // vpce-ID=ADDRESS:PORT (server/front_door.hpp)
    bool verbose = false;
    std::string log_level = "info";   // debug, info, warn, error; debug is what verbose means
    std::string log_format = "text";  // text, json
    std::string metrics_listen;       // empty: metrics are on the operator's socket alone
    std::string trace_collector;      // empty: nothing is traced
    std::string trace_sample = "1";
    bool allow_core_dumps = false;  // and debuggers: server/harden.hpp
};

// Runs until SIGTERM or SIGINT; 0 after a clean stop.
[[nodiscard]] base::Result<int> serve(const Settings& settings);

void add_serve(cli::Command& root);

}  // namespace server
