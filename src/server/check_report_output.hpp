// What `trainwarden admin check` prints, and `admin restore` of what it has restored.
#pragma once

#include <cstdint>
#include <string>

#include "admin/check.hpp"

namespace server {

// 1536: "1.5 KiB".
[[nodiscard]] std::string size_of(uint64_t bytes);

// On stdout. The exit status that it stands for.
int show(const admin::CheckReport& report, bool json);

}  // namespace server
