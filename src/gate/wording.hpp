// How each protocol of AWS words what the gate itself finds out: bad credentials, refusals, operations that are not there.
// Sources: "Common Error Types" of each API reference; Amazon S3 "Error responses".
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"
#include "gate/gate.hpp"

namespace gate {

enum class Dialect { s3, query, json };
[[nodiscard]] Dialect dialect_of(std::string_view service);

// An error of Directory::authenticate (`InvalidClientTokenId`, `ExpiredToken`) as this service words it.
[[nodiscard]] base::Error credentials_error(std::string_view service, base::Error error, bool has_session_token);

// Codes that JSON services spell differently (`AccessDenied` is `AccessDeniedException` there); other errors pass unchanged.
[[nodiscard]] base::Error in_dialect(std::string_view service, base::Error error);

[[nodiscard]] base::Error missing_credentials(std::string_view service);
[[nodiscard]] base::Error unknown_operation(std::string_view service, std::string_view operation);

// The sentence that a refused request is told; of an access with one of its own, that.
[[nodiscard]] std::string refusal_sentence(const policy::Request& request, const policy::Decision& decision);
[[nodiscard]] std::string refusal_sentence(const Access& access, const policy::Request& request,
                                           const policy::Decision& decision);

}  // namespace gate
