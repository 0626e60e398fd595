#include "logs/line.hpp"

#include <charconv>

namespace logs {

std::string to_line(const Event& event) {
    std::string out = std::to_string(event.timestamp) + ' ' + std::to_string(event.ingestion) + ' ';
    for (char c : event.message) {
        switch (c) {
            case '\\':
                out += "\\\\";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            default:
                out += c;
        }
    }
    return out += '\n';
}

std::optional<Event> parse_line(std::string_view line, uint64_t offset) {
    Event event;
    const char* at = line.data();
    const char* end = line.data() + line.size();
    for (int64_t* number : {&event.timestamp, &event.ingestion}) {
        auto [after, error] = std::from_chars(at, end, *number);
        if (error != std::errc() || after == end || *after != ' ') return std::nullopt;
        at = after + 1;
    }
    event.message.reserve(static_cast<size_t>(end - at));
    for (; at < end; ++at) {
        if (*at == '\\' && at + 1 < end) {
            ++at;
            event.message += *at == 'n' ? '\n' : *at == 'r' ? '\r' : *at;
        } else {
            event.message += *at;
        }
    }
    event.offset = offset;
    return event;
}

}  // namespace logs
