// YAML documents with the line that each value stands on, for messages that name it. yaml-cpp stays inside yaml.cpp.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "provider/property.hpp"

namespace deploy {

struct Yaml {
    Yaml();
    Yaml(const Yaml&);
    Yaml(Yaml&&) noexcept;
    Yaml& operator=(const Yaml&);
    Yaml& operator=(Yaml&&) noexcept;
    ~Yaml();

    enum class Kind { null, scalar, sequence, map };
    Kind kind = Kind::null;
    std::string text;     // a scalar's
    bool quoted = false;  // a quoted or block scalar is a string, whatever it looks like
    int line = 0;         // 1-based
    std::vector<Yaml> items;
    std::vector<std::pair<std::string, Yaml>> members;  // in document order

    [[nodiscard]] bool is_null() const { return kind == Kind::null; }
    [[nodiscard]] bool is_scalar() const { return kind == Kind::scalar; }
    [[nodiscard]] bool is_sequence() const { return kind == Kind::sequence; }
    [[nodiscard]] bool is_map() const { return kind == Kind::map; }
    // The member, or nullptr / a null value.
    [[nodiscard]] const Yaml* find(std::string_view key) const;
    [[nodiscard]] const Yaml& operator[](std::string_view key) const;
    // Plain `true`, `12`, `1.5` and `null` are what they look like (YAML's core schema), other scalars are strings.
    [[nodiscard]] provider::Property to_property() const;
};

// Errors: code `InvalidYaml`; the message names the line. Duplicate keys are errors. At most `yaml_depth_max` levels and `yaml_values_max` values.
constexpr int yaml_depth_max = 100;
constexpr size_t yaml_values_max = 1'000'000;
[[nodiscard]] base::Result<Yaml> parse_yaml(std::string_view document);

// The scalar as YAML writes it: plain if that reads back as the same string, else double-quoted.
[[nodiscard]] std::string quote_yaml(std::string_view text);

}  // namespace deploy
