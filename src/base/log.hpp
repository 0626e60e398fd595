// The operator's log (stderr of `trainwarden serve`): what the process does, never who may do what (that is `audit`). One line an event, as text or
// as JSON.
// Secrets never go in; control characters are spelt out in either form: an event is one line and steers no terminal. spdlog stays inside
// log.cpp.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace base {

enum class LogLevel { debug, info, warn, error };
enum class LogFormat { text, json };

void set_log_level(LogLevel least);
// Before other threads log.
void set_log_format(LogFormat format);
// Is what is said at this level written? For messages that cost something to make.
[[nodiscard]] bool logs(LogLevel level);

// What an event says beside its message, by name: ` name=value` in text, a member in JSON. Names are ours, values may be anybody's.
struct LogField {
    std::string_view name;
    std::variant<std::string_view, int64_t> value;
};
void log(LogLevel level, std::string_view message, std::span<const LogField> fields = {});
inline void log_debug(std::string_view m) { log(LogLevel::debug, m); }
inline void log_info(std::string_view m) { log(LogLevel::info, m); }
inline void log_warn(std::string_view m) { log(LogLevel::warn, m); }
inline void log_error(std::string_view m) { log(LogLevel::error, m); }

// While one lives, what this thread logs is of that request: the field `request_id`. The id is read when something is logged, and may change until
// then.
class LoggedRequest {
public:
    explicit LoggedRequest(const std::string& id);
    ~LoggedRequest();
    LoggedRequest(const LoggedRequest&) = delete;
    LoggedRequest& operator=(const LoggedRequest&) = delete;

private:
    const std::string* const outer_;
};

}  // namespace base
