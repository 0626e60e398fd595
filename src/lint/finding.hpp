// What is found in a policy document, in the shape of Access Analyzer's ValidatePolicy.
//
// Source: IAM Access Analyzer API Reference, "ValidatePolicyFinding", "Location", "PathElement", "Span", "Position".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lint {

// Lines count from 1, columns and offsets from 0; columns and offsets are in characters. LF, CR and CRLF each end a line.
struct Position {
    uint32_t line = 1;
    uint32_t column = 0;
    uint32_t offset = 0;
    bool operator==(const Position&) const = default;
};

struct Span {
    Position start, end;  // the end is behind the last character; a string's quotes belong to it
    bool operator==(const Span&) const = default;
};

struct PathElement {
    // value: the value of this member; key: the member's name itself; index: this item of a list.
    enum class Kind : uint8_t { value, key, index };
    Kind kind = Kind::value;
    std::string name;    // value, key
    uint32_t index = 0;  // index: from 0
    bool operator==(const PathElement&) const = default;
};

struct Location {
    std::vector<PathElement> path;  // empty: the document
    Span span;
    bool operator==(const Location&) const = default;
};

struct Finding {
    // From the gravest: what does not work, what allows more than is safe, what probably is not meant so, what could be written better.
    enum class Kind : uint8_t { error, security_warning, warning, suggestion };
    Kind kind = Kind::error;
    std::string code;  // AWS's issue code, MISSING_VERSION; ours begin with TRAINWARDEN_
    std::string details;
    std::string learn_more;  // a link
    std::vector<Location> locations;
};

// `ERROR`, `SECURITY_WARNING`, `WARNING`, `SUGGESTION`: AWS's findingType.
[[nodiscard]] std::string_view name_of(Finding::Kind kind);

}  // namespace lint
