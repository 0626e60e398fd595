// The container credentials endpoint of training workers: a listener of its own on the loopback.
//
//     GET /v2/credentials            AWS_CONTAINER_CREDENTIALS_FULL_URI
//     Authorization: TOKEN           AWS_CONTAINER_AUTHORIZATION_TOKEN
//     → {"RoleArn", "AccessKeyId", "SecretAccessKey", "Token", "Expiration"}
//
// Source: AWS SDKs and Tools Reference Guide, "Container credential provider"; Amazon ECS Developer Guide, "Task IAM role".
// No SigV4 here, hence not on the port of the AWS APIs: who holds a worker's token is that worker. Any other token: 403.
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "http/server.hpp"
#include "training/training.hpp"

namespace server {

class CredentialsEndpoint {
public:
    // On any free port of 127.0.0.1. `training` outlives the endpoint.
    [[nodiscard]] static base::Result<std::unique_ptr<CredentialsEndpoint>> start(training::Training& training);
    [[nodiscard]] std::string uri() const;
    void stop() { server_->stop(); }

private:
    CredentialsEndpoint() = default;
    std::unique_ptr<http::Server> server_;
};

// The answer to one request; for tests.
[[nodiscard]] http::Response answer_credentials(training::Training& training, const http::Request& request);

}  // namespace server
