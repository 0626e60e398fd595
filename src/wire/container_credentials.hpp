// The answers of AWS's container credentials protocol, which the SDKs ask when AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or
// …_FULL_URI is set: no SigV4, JSON of no service's model. Pure.
//
// Source: AWS SDKs and Tools Reference Guide, "Container credential provider"; Amazon ECS Developer Guide, "Task IAM role".
#pragma once

#include <string>

#include "http/message.hpp"

namespace wire {

struct ContainerCredentials {
    std::string role_arn;
    std::string access_key_id, secret_access_key, session_token;
    std::string expiration;  // ISO 8601; empty: they do not expire
};
[[nodiscard]] http::Response container_credentials(const ContainerCredentials& credentials);
[[nodiscard]] http::Response container_refusal(int status, const std::string& code, const std::string& message);

}  // namespace wire
