#include "server/credentials_endpoint.hpp"

#include "base/log.hpp"
#include "text/json.hpp"
#include "text/time.hpp"

namespace server {
namespace {

http::Response json_answer(int status, const text::Json& body) {
    http::Response response;
    response.status = status;
    response.headers.add("Content-Type", "application/json");
    response.headers.add("Cache-Control", "no-store");
    response.body = body.dump();
    return response;
}

http::Response refusal(int status, const std::string& code, const std::string& message) {
    return json_answer(status, text::Json::object({{"code", code}, {"message", message}}));
}

}  // namespace

http::Response answer_credentials(training::Training& training, const http::Request& request, const std::string& token) {
    if (request.head.path != training::credentials_path)
        return refusal(404, "NotFound", "there is only GET /v2/credentials here");
    if (request.head.method != "GET") return refusal(405, "MethodNotAllowed", "there is only GET /v2/credentials here");
    auto vended = training.credentials_for(token);
    if (!vended) {
        base::log_warn("the credentials endpoint refused a request: " + vended.error().message);
        return refusal(403, "AccessDenied", vended.error().message);
    }
    const auto& credentials = vended->credentials;
    auto body = text::Json::object({{"RoleArn", vended->role_arn},
                                    {"AccessKeyId", credentials.access_key_id},
                                    {"SecretAccessKey", credentials.secret_access_key},
                                    {"Token", credentials.session_token}});
    if (credentials.expiration) body.set("Expiration", text::iso8601(*credentials.expiration));
    return json_answer(200, body);
}

base::Result<std::unique_ptr<CredentialsEndpoint>> CredentialsEndpoint::start(training::Training& training) {
    std::unique_ptr<CredentialsEndpoint> endpoint(new CredentialsEndpoint);
    http::ServerOptions options;
    endpoint->server_ = TRY(http::Server::start(options, [&training](http::Request& request) {
        return answer_credentials(training, request, request.head.headers.get("authorization"));
    }));
    return endpoint;
}

std::string CredentialsEndpoint::uri() const {
    return "http://127.0.0.1:" + std::to_string(server_->port()) + std::string(training::credentials_path);
}

}  // namespace server
