// Which services there are to be named as principals, so that a policy that names another is refused when it is written, as in
// AWS: it would grant nothing, or deny nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "policy/policy.hpp"

namespace policy {

// `sagemaker.amazonaws.com`; also with a region (`logs.us-east-1.amazonaws.com`) or as part of a service (`logging.s3.…`).
[[nodiscard]] bool service_principal_exists(std::string_view name);

// The first that a Principal or NotPrincipal names and that does not exist.
[[nodiscard]] std::optional<std::string> unknown_service(const Policy& policy);

}  // namespace policy
