#include "wire/container_credentials.hpp"

#include "text/json.hpp"

namespace wire {
namespace {

using text::Json;

http::Response json_answer(int status, const Json& body) {
    http::Response response;
    response.status = status;
    response.headers.add("Content-Type", "application/json");
    response.headers.add("Cache-Control", "no-store");
    response.body = body.dump();
    return response;
}

}  // namespace

http::Response container_credentials(const ContainerCredentials& credentials) {
    auto body = Json::object({{"RoleArn", credentials.role_arn},
                              {"AccessKeyId", credentials.access_key_id},
                              {"SecretAccessKey", credentials.secret_access_key},
                              {"Token", credentials.session_token}});
    if (!credentials.expiration.empty()) body.set("Expiration", credentials.expiration);
    return json_answer(200, body);
}

http::Response container_refusal(int status, const std::string& code, const std::string& message) {
    return json_answer(status, Json::object({{"code", code}, {"message", message}}));
}

}  // namespace wire
