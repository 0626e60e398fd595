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

std::string valid_utf8(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size());
    for (size_t i = 0; i < bytes.size();) {
        auto lead = static_cast<unsigned char>(bytes[i]);
        size_t length = lead < 0x80                   ? 1
                        : lead >= 0xC2 && lead < 0xE0 ? 2
                        : lead >= 0xE0 && lead < 0xF0 ? 3
                        : lead >= 0xF0 && lead < 0xF5 ? 4
                                                      : 0;
        bool good = length > 0 && i + length <= bytes.size();
        for (size_t k = 1; good && k < length; ++k) good = (static_cast<unsigned char>(bytes[i + k]) & 0xC0) == 0x80;
        if (good && length > 2) {
            auto second = static_cast<unsigned char>(bytes[i + 1]);
            // Overlong forms, surrogates and values past U+10FFFF.
            good = !(lead == 0xE0 && second < 0xA0) && !(lead == 0xED && second >= 0xA0) && !(lead == 0xF0 && second < 0x90) &&
                   !(lead == 0xF4 && second >= 0x90);
        }
        if (good) {
            out.append(bytes.substr(i, length));
            i += length;
        } else {
            out += "\xEF\xBF\xBD";
            ++i;
        }
    }
    return out;
}

}  // namespace logs
