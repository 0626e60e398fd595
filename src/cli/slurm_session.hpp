// The role's credentials on a machine of a Slurm cluster, for as long as one job of a user's own runs there: a process that
// answers on the loopback as AWS's container credentials endpoint does (server/credentials_endpoint.hpp), to processes that have the
// job's token.
#pragma once

#include <string>

#include "base/result.hpp"

namespace cli {

struct SlurmJobHere {
    std::string id, user, role_arn;
};

// What the job is told.
struct SlurmSessionHere {
    std::string session;  // the server's id of it
    std::string credentials_uri, token;
    int process = 0;
};

// Opens a session with the server that the environment names, and leaves a process behind that renews and serves it: a session
// leader with no descriptor of ours. It holds a lock on `lock_file` while it lives, which has its process id.
// REQUIRES: this process has one thread. Errors: the server's.
[[nodiscard]] base::Result<SlurmSessionHere> leave_slurm_session(const SlurmJobHere& job, const std::string& lock_file);

// Ends the process that holds the lock, if it still does.
[[nodiscard]] base::Result<void> end_slurm_session(const std::string& lock_file);

}  // namespace cli
