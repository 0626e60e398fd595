// The log of a data folder that no server may be using, or that is a copy: read only.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "text/json.hpp"

namespace audit {

// Every record of the streams in the folder, oldest first by their time, as ListRequests shows them, until `visit` says false. What a
// server removes meanwhile is not among them. Error `AuditUnavailable`.
[[nodiscard]] base::Result<void> each_record(const std::string& directory, const std::vector<std::string_view>& streams,
                                             const std::function<bool(const text::Json&)>& visit);

}  // namespace audit
