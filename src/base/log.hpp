// The operator's log (stderr of `trainwarden serve`): what the process does, never who may do what (that is `audit`).
// Secrets never go in; control characters are spelt out: a message is one line and steers no terminal. spdlog stays inside
// log.cpp.
#pragma once

#include <string_view>

namespace base {

enum class LogLevel { debug, info, warn, error };

void set_log_level(LogLevel least);
// Is what is said at this level written? For messages that cost something to make.
[[nodiscard]] bool logs(LogLevel level);
void log(LogLevel level, std::string_view message);
inline void log_debug(std::string_view m) { log(LogLevel::debug, m); }
inline void log_info(std::string_view m) { log(LogLevel::info, m); }
inline void log_warn(std::string_view m) { log(LogLevel::warn, m); }
inline void log_error(std::string_view m) { log(LogLevel::error, m); }

}  // namespace base
