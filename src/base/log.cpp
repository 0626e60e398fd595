#include "base/log.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>

#include "base/utf8.hpp"

namespace base {
namespace {

constexpr char text_pattern[] = "%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v";
constexpr char json_pattern[] = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})";

std::atomic<LogFormat> format = LogFormat::text;
thread_local const std::string* request_id = nullptr;

spdlog::logger& logger() {
    static const auto instance = [] {
        auto made = spdlog::stderr_color_mt("trainwarden");
        made->set_pattern(text_pattern, spdlog::pattern_time_type::utc);
        made->flush_on(spdlog::level::info);
        return made;
    }();
    return *instance;
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return spdlog::level::debug;
        case LogLevel::info:
            return spdlog::level::info;
        case LogLevel::warn:
            return spdlog::level::warn;
        case LogLevel::error:
            return spdlog::level::err;
    }
    return spdlog::level::err;
}

// As a JSON string. What is printable has no control characters and is UTF-8, so nothing but these two is left to escape.
void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : printable(text)) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    out += '"';
}

// Bare where it can be told from the next field.
void append_value(std::string& out, std::string_view text) {
    const bool is_bare = !text.empty() && text.find_first_of(" \"=\\") == std::string_view::npos;
    if (is_bare)
        out += printable(text);
    else
        append_quoted(out, text);
}

void append_field(std::string& out, LogFormat as, const LogField& field) {
    if (as == LogFormat::json) {
        out += ",\"";
        out += field.name;
        out += "\":";
    } else {
        out += ' ';
        out += field.name;
        out += '=';
    }
    if (const auto* number = std::get_if<int64_t>(&field.value))
        out += std::to_string(*number);
    else if (as == LogFormat::json)
        append_quoted(out, std::get<std::string_view>(field.value));
    else
        append_value(out, std::get<std::string_view>(field.value));
}

}  // namespace

bool logs(LogLevel level) { return logger().should_log(to_spdlog(level)); }
void set_log_level(LogLevel least) { logger().set_level(to_spdlog(least)); }

void set_log_format(LogFormat wanted) {
    format = wanted;
    logger().set_pattern(wanted == LogFormat::json ? json_pattern : text_pattern, spdlog::pattern_time_type::utc);
}

void log(LogLevel level, std::string_view message, std::span<const LogField> fields) {
    if (!logs(level)) return;
    const LogFormat as = format;
    std::string line;
    if (as == LogFormat::json) {
        line = "\"message\":";
        append_quoted(line, message);
    } else {
        // Fields are what has an equals sign: a message with one is quoted, so that nobody's text is taken for a field.
        if (message.find('=') == std::string_view::npos)
            line = printable(message);
        else
            append_quoted(line, message);
    }
    for (const LogField& field : fields) append_field(line, as, field);
    if (request_id != nullptr && !request_id->empty()) append_field(line, as, {"request_id", *request_id});
    logger().log(to_spdlog(level), "{}", line);
}

LoggedRequest::LoggedRequest(const std::string& id) : outer_(request_id) { request_id = &id; }
LoggedRequest::~LoggedRequest() { request_id = outer_; }

}  // namespace base
