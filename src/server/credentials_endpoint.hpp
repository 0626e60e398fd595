// The container credentials endpoint of training workers.
//
//     GET /v2/credentials
//     → {"RoleArn", "AccessKeyId", "SecretAccessKey", "Token", "Expiration"}
//
// A sandboxed worker finds it at 169.254.170.2 in its own network (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, see worker_endpoints.hpp):
// the socket says who it is. For workers that are plain processes there is a listener on the loopback, and who holds a worker's
// token is that worker:
//
//     GET /v2/credentials            AWS_CONTAINER_CREDENTIALS_FULL_URI
//     Authorization: TOKEN           AWS_CONTAINER_AUTHORIZATION_TOKEN; any other: 403
//
// Source: AWS SDKs and Tools Reference Guide, "Container credential provider"; Amazon ECS Developer Guide, "Task IAM role".
// No SigV4 here, hence not on the port of the AWS APIs.
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
    [[nodiscard]] static base::Result<std::unique_ptr<CredentialsEndpoint>> start(training::Training& training,
                                                                                  std::shared_ptr<http::Front> front);
    [[nodiscard]] std::string uri() const;
    void stop() { server_->stop(); }

private:
    CredentialsEndpoint() = default;
    std::unique_ptr<http::Server> server_;
};

// The answer to one request of the worker that has this token.
[[nodiscard]] http::Response answer_credentials(training::Training& training, const http::Request& request,
                                                const std::string& token);

}  // namespace server
