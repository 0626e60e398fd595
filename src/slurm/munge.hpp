// Munge credentials: how the machines of a cluster know which user has said something (MUNGE Uid 'N' Gid Emporium, munge(1)).
//
// Slurm's messages carry such credentials; the bytes of a step's input and output, by which server and agent tell each other their
// fingerprints, are neither encrypted nor signed. So each side says its first line as a credential: who has not the cluster's munge key and
// is not this user can neither make nor change one. Munge knows the machine's key, decodes a credential once, and for five minutes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace slurm {

class Munge {
public:
    // `socket`: of munged; empty: where munge(1) looks.
    explicit Munge(std::string socket) : socket_(std::move(socket)) {}

    // One line of `text`, for `purpose` alone (a word for what is said to whom; no line end). Errors: `SlurmUnavailable`.
    [[nodiscard]] base::Result<std::string> encode(std::string_view purpose, std::string_view text) const;
    // The text of a credential that this user made for `purpose`. Errors: `SlurmUnavailable`, `InvalidMessage`.
    [[nodiscard]] base::Result<std::string> decode(std::string_view purpose, std::string_view credential) const;
    [[nodiscard]] const std::string& socket() const { return socket_; }

private:
    std::string socket_;
};

// The cluster's, as `scontrol show config` says it (AuthType, AuthInfo). Nothing: it has another AuthType.
[[nodiscard]] std::optional<Munge> read_configuration(std::string_view scontrol_says);

// As an agent gets it on its command line, which Slurm's signed messages carry.
[[nodiscard]] std::string to_argument(const std::optional<Munge>& munge);
// Errors: `InvalidMessage`.
[[nodiscard]] base::Result<std::optional<Munge>> parse_argument(std::string_view argument);

// What the two lines are for: of one attempt at a job, and, of the server's answer, to the agent with this fingerprint.
[[nodiscard]] std::string purpose_of_hello(std::string_view run);
[[nodiscard]] std::string purpose_of_ready(std::string_view run, std::string_view agent_fingerprint);

}  // namespace slurm
