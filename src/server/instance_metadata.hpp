// The instance metadata service of a sandboxed worker, version 2 only:
//
//     PUT /latest/api/token      X-aws-ec2-metadata-token-ttl-seconds: 1 … 21600      → a token
//     GET /latest/meta-data/…    X-aws-ec2-metadata-token: TOKEN
//
//         iam/security-credentials/          the role's name        iam/security-credentials/ROLE    its credentials
//         iam/info                           the role's ARN         placement/region, placement/availability-zone
//
//     GET /latest/dynamic/instance-identity/document
//
// A request without a token (version 1) is refused with 401: tricking a worker into fetching a URL reveals nothing. A token is
// good for this worker alone and for its time; it is a MAC, so that a thousand processes asking at once cost no memory. Forwarded
// requests (X-Forwarded-For) get no token.
//
// Source: Amazon EC2 User Guide, "Use the Instance Metadata Service to access instance metadata", "Retrieve security
// credentials".
#pragma once

#include <optional>
#include <string>

#include "base/clock.hpp"
#include "crypto/random.hpp"
#include "http/message.hpp"
#include "training/training.hpp"

namespace server {

class InstanceMetadata {
public:
    InstanceMetadata(training::Training& training, const base::Clock& clock, crypto::Random& random, std::string worker_token)
        : training_(training), clock_(clock), key_(random.bytes(32)), worker_(std::move(worker_token)) {}

    [[nodiscard]] http::Response answer(const http::Request& request) const;

private:
    [[nodiscard]] http::Response give_token(const http::Request& request) const;
    [[nodiscard]] bool is_good(const std::string& token) const;
    [[nodiscard]] http::Response look_up(const std::string& path) const;
    [[nodiscard]] std::string mac(const std::string& expiry) const;

    training::Training& training_;
    const base::Clock& clock_;
    std::string key_;
    std::string worker_;  // its token in Training::credentials_for
};

}  // namespace server
