// JSON values that remember where they stood.
//
// Source: RFC 8259. Parsing is strict (simdjson): UTF-8, no comments, no trailing commas, one value, at most
// `depth_max` levels. Objects keep their members in document order; a duplicate key is an error, because two readers that
// pick different duplicates is how policies are smuggled. Numbers keep their text, so 64-bit integers and the
// decimals of Numeric conditions survive unchanged.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace text {

// 1-based line and column (in bytes) of a value in the text it was parsed from; {0,0} for values made by code.
struct Position {
    uint32_t line = 0;
    uint32_t column = 0;
};

class Json {
public:
    enum class Type : uint8_t { null, boolean, number, string, array, object };
    using Member = std::pair<std::string, Json>;
    using Array = std::vector<Json>;
    using Object = std::vector<Member>;

    Json() = default;  // null
    Json(std::nullptr_t) {}
    Json(bool value) : type_(Type::boolean), flag_(value) {}
    Json(int value) : Json(static_cast<int64_t>(value)) {}
    Json(int64_t value) : type_(Type::number), text_(std::to_string(value)) {}
    Json(uint64_t value) : type_(Type::number), text_(std::to_string(value)) {}
    Json(double value);
    Json(const char* value) : type_(Type::string), text_(value) {}
    Json(std::string value) : type_(Type::string), text_(std::move(value)) {}
    Json(std::string_view value) : type_(Type::string), text_(value) {}

    [[nodiscard]] static Json array(std::vector<Json> items = {});
    [[nodiscard]] static Json object(std::initializer_list<Member> members = {});
    // A number by its JSON text; the caller vouches that it is one.
    [[nodiscard]] static Json number(std::string text);

    [[nodiscard]] Type type() const { return type_; }
    [[nodiscard]] bool is_null() const { return type_ == Type::null; }
    [[nodiscard]] bool is_bool() const { return type_ == Type::boolean; }
    [[nodiscard]] bool is_number() const { return type_ == Type::number; }
    [[nodiscard]] bool is_string() const { return type_ == Type::string; }
    [[nodiscard]] bool is_array() const { return type_ == Type::array; }
    [[nodiscard]] bool is_object() const { return type_ == Type::object; }

    // Lenient readers: the fallback when the value is absent or of another type.
    [[nodiscard]] bool as_bool(bool fallback = false) const { return is_bool() ? flag_ : fallback; }
    [[nodiscard]] int64_t as_int(int64_t fallback = 0) const;  // numbers without fraction or exponent that fit
    [[nodiscard]] double as_double(double fallback = 0) const;
    // The string's content, or a number's text; empty for anything else.
    [[nodiscard]] const std::string& as_string() const;
    [[nodiscard]] std::string as_string_or(std::string_view fallback) const;

    [[nodiscard]] const Array& items() const;     // empty unless an array
    [[nodiscard]] const Object& members() const;  // empty unless an object
    [[nodiscard]] Array& items();                 // REQUIRES: is_array()
    [[nodiscard]] Object& members();              // REQUIRES: is_object()
    [[nodiscard]] size_t size() const { return is_array() ? items_.size() : members_.size(); }

    // The member, or nullptr / a null value.
    [[nodiscard]] const Json* find(std::string_view key) const;
    [[nodiscard]] Json* find(std::string_view key);
    [[nodiscard]] const Json& operator[](std::string_view key) const;
    [[nodiscard]] bool contains(std::string_view key) const { return find(key) != nullptr; }
    // Adds or replaces. A null value turns into an object first.
    Json& set(std::string_view key, Json value);
    bool erase(std::string_view key);
    // A null value turns into an array first.
    Json& push(Json value);

    [[nodiscard]] Position position() const { return position_; }

    // Compact; `pretty` indents by four spaces. Strings escape only what JSON requires. Order is kept.
    [[nodiscard]] std::string dump() const;
    [[nodiscard]] std::string pretty() const;
    // Compact with members sorted by key at every level: equal values, equal bytes.
    [[nodiscard]] std::string canonical() const;

    // Order of members does not matter; positions do not matter; numbers compare by text.
    [[nodiscard]] bool operator==(const Json& other) const;

private:
    friend class JsonReader;
    Type type_ = Type::null;
    bool flag_ = false;
    Position position_;
    std::string text_;
    Array items_;
    Object members_;
};

constexpr int json_depth_max = 128;

// Errors: code `InvalidJson`; the message names line and column.
[[nodiscard]] base::Result<Json> parse_json(std::string_view document);

// `"…"` with the escapes that JSON requires. A byte that is not UTF-8 becomes U+FFFD: what is written can be read.
[[nodiscard]] std::string quote_json(std::string_view content);

}  // namespace text
