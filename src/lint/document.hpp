// A JSON document whose every value and every member's name keeps its place. Unlike text::Json it also has the ends of values and the places of names,
// and keeps repeated names, so that what is wrong can be pointed at.
//
// Source: RFC 8259; strict, at most text::json_depth_max levels.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace lint {

// Bytes of the document: [begin, end).
struct Range {
    size_t begin = 0, end = 0;
};

struct Member;

struct Node {
    enum class Type : unsigned char { null, boolean, number, string, array, object };
    Type type = Type::null;
    bool flag = false;  // boolean
    std::string text;   // string: its content; number: as written
    Range range;        // a string's quotes belong to it
    std::vector<Node> items;
    std::vector<Member> members;

    [[nodiscard]] bool is_string() const { return type == Type::string; }
    [[nodiscard]] bool is_array() const { return type == Type::array; }
    [[nodiscard]] bool is_object() const { return type == Type::object; }
    // The first member of this name, or nullptr.
    [[nodiscard]] const Member* find(std::string_view name) const;
};

struct Member {
    std::string name;
    Range name_range;
    Node value;
};

// `string`, `number`, …: JSON's own word.
[[nodiscard]] std::string_view name_of(Node::Type type);

struct SyntaxError {
    size_t at = 0;  // byte
    std::string what;
};

[[nodiscard]] std::expected<Node, SyntaxError> read_document(std::string_view document);

}  // namespace lint
