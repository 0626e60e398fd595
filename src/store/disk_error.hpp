// What a call about a file of the store failed with. The path is for the log: messages travel to clients.
#pragma once

#include <string>

#include "base/result.hpp"

namespace store {

// `what` completes "cannot ". `InsufficientStorage` where there is no space, else `InternalError`.
[[nodiscard]] base::Error disk_error(const std::string& what, const std::string& path, int number);

}  // namespace store
