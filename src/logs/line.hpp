// How an event stands in a stream's file:
//
//     line := <epoch-ms of the event> ' ' <epoch-ms of its arrival> ' ' <message> '\n'
//
// The message is valid UTF-8; its backslashes, line feeds and carriage returns are `\\`, `\n` and `\r`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace logs {

struct Event {
    int64_t timestamp = 0;  // epoch milliseconds
    int64_t ingestion = 0;
    std::string message;
    uint64_t offset = 0;  // where its line starts
};

[[nodiscard]] std::string to_line(const Event& event);  // with its end
[[nodiscard]] std::optional<Event> parse_line(std::string_view line, uint64_t offset);

}  // namespace logs
