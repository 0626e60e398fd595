#include "server/credentials_endpoint.hpp"

#include "base/log.hpp"
#include "text/time.hpp"
#include "wire/container_credentials.hpp"

namespace server {

http::Response answer_credentials(training::Training& training, const http::Request& request, const std::string& token) {
    if (request.head.path != training::credentials_path)
        return wire::container_refusal(404, "NotFound", "there is only GET /v2/credentials here");
    if (request.head.method != "GET")
        return wire::container_refusal(405, "MethodNotAllowed", "there is only GET /v2/credentials here");
    auto vended = training.credentials_for(token);
    if (!vended) {
        base::log_warn("the credentials endpoint refused a request: " + vended.error().message);
        return wire::container_refusal(403, "AccessDenied", vended.error().message);
    }
    const auto& credentials = vended->credentials;
    return wire::container_credentials({.role_arn = vended->role_arn,
                                        .access_key_id = credentials.access_key_id,
                                        .secret_access_key = credentials.secret_access_key,
                                        .session_token = credentials.session_token,
                                        .expiration = credentials.expiration ? text::iso8601(*credentials.expiration) : ""});
}

base::Result<std::unique_ptr<CredentialsEndpoint>> CredentialsEndpoint::start(training::Training& training,
                                                                              std::shared_ptr<http::Front> front) {
    std::unique_ptr<CredentialsEndpoint> endpoint(new CredentialsEndpoint);
    const http::ServerOptions options{.peer_group = "credentials"};
    auto listener = TRY(net::Listener::open(options.address, 0));
    endpoint->server_ =
        TRY(http::Server::start(std::move(front), options, std::move(listener), [&training](http::Request& request) {
            return answer_credentials(training, request, request.head.headers.get("authorization"));
        }));
    return endpoint;
}

std::string CredentialsEndpoint::uri() const {
    return "http://127.0.0.1:" + std::to_string(server_->port()) + std::string(training::credentials_path);
}

}  // namespace server
