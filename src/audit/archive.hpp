// The log of a data folder that no server may be using, or that is a copy: read only.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "text/json.hpp"

namespace audit {

// Every record of a stream in the folder, oldest first, as ListRequests shows them, until `visit` says false.
// Error `AuditUnavailable`.
[[nodiscard]] base::Result<void> each_record(const std::string& directory, std::string_view stream,
                                             const std::function<bool(const text::Json&)>& visit);

}  // namespace audit
