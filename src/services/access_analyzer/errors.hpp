// Access Analyzer's errors, with the members that its model gives them beside the message (wire/errors.hpp). Pure.
//
// Source: IAM Access Analyzer API Reference, ResourceNotFoundException, ConflictException, ServiceQuotaExceededException, ValidationException.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>

#include "base/error.hpp"
#include "base/result.hpp"

namespace services::access_analyzer {

// What an error is about: its resourceType.
enum class Thing : uint8_t { analyzer, archive_rule, finding, access_preview, policy_generation, recommendation, resource };

[[nodiscard]] base::Error no_such(Thing what, const std::string& name);  // ResourceNotFoundException
[[nodiscard]] base::Error conflict(Thing what, const std::string& name, std::string message);
[[nodiscard]] base::Error quota_exceeded(Thing what, const std::string& name, std::string message);
[[nodiscard]] base::Error too_many_rules(const std::string& analyzer, size_t most);

// ValidationException, by its reasons. A field: `configuration.unusedAccess.unusedAccessAge`.
[[nodiscard]] std::unexpected<base::Error> invalid_field(const std::string& field, const std::string& message);
[[nodiscard]] std::unexpected<base::Error> invalid(const std::string& message);  // other
// What AWS has, and this server does not.
[[nodiscard]] std::unexpected<base::Error> not_supported(const std::string& message);

}  // namespace services::access_analyzer
