// What each kind of data may take of this server, so that none takes it from the others: `serve --limit NAME=NUMBER`, docs/limits.md.
// (Of connections and requests: front_door.hpp. Of the audit log: --audit-keep-bytes.)
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "logs/quota.hpp"
#include "store/bounded.hpp"
#include "training/limits.hpp"

namespace server {

struct Quotas {
    training::Limits jobs;
    logs::Limits logs;
    store::Bounds objects{.disk_free_bytes_min = uint64_t{2} << 30};
    store::Bounds metadata{.disk_free_bytes_min = uint64_t{2} << 30};
};

// Takes those that are quotas out of the texts, each NAME=NUMBER. Error `InvalidConfiguration`: a number that is none, or too small
// or large.
[[nodiscard]] base::Result<Quotas> take_quotas(std::vector<std::string>& texts);
[[nodiscard]] std::vector<std::string> quota_names();

}  // namespace server
