// Spans, and their form on the wire: an ExportTraceServiceRequest in JSON.
//
// Source: OpenTelemetry Protocol 1.x, "OTLP/HTTP, JSON Protobuf Encoding": ids are hexadecimal, 64-bit integers are strings, enumerations are numbers.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace traces {

constexpr size_t attribute_bytes_max = 1024;  // of a text; what is more is cut

enum class Kind : uint8_t { internal = 1, server = 2 };
using Value = std::variant<std::string, int64_t>;

struct Span {
    std::string trace_id, span_id;
    std::string parent_id;  // empty: it is the first of its trace
    std::string name;
    Kind kind = Kind::internal;
    uint64_t began = 0, ended = 0;  // nanoseconds of Unix time
    bool failed = false;            // of the server's own fault
    std::vector<std::pair<std::string_view, Value>> attributes;
};

struct Resource {
    std::string service = "trainwarden";
    std::string version;
    std::string instance;
};

[[nodiscard]] std::string encode(const Resource& resource, std::span<const Span> spans);

}  // namespace traces
