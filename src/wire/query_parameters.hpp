// Whether the parameters of a Query request have the places that their names say, for both readers of Query: what this lets pass
// is read to the last parameter, and nothing that a client sends for a member is left out. Only parameters that are no member's
// at all are passed over, as in AWS.
//
// Items of lists and maps stand in the order of their numbers, whatever numbers are left out: what has a number is an item.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error_codes.hpp"
#include "base/result.hpp"

namespace wire::query {

constexpr size_t list_items_max = 10'000;
constexpr size_t item_number_digits_max = 9;

// 1, 2, …, as the clients write it: `01` beside `1` would be the same item twice.
[[nodiscard]] inline std::optional<uint32_t> item_number(std::string_view text) {
    uint32_t number = 0;
    if (text.empty() || text.front() == '0' || text.size() > item_number_digits_max) return std::nullopt;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

// Of the shapes of documents (wire/model.hpp) and of types (model/shape.hpp).
template <class ShapeKind>
[[nodiscard]] const auto& members_of(const ShapeKind& shape) {
    if constexpr (requires { shape.fields; })
        return shape.fields;
    else
        return shape.members;
}
template <class ShapeKind>
[[nodiscard]] std::string_view describe(const ShapeKind& shape) {
    if constexpr (requires { description_of(shape.type); })
        return description_of(shape.type);
    else
        return name_of(shape.type);
}

// One parameter's walk down its name.
template <class ShapeKind>
class Place {
public:
    Place(std::string_view name, std::string_view value) : name_(name), value_(value), rest_(name) {}

    [[nodiscard]] base::Result<void> check(const ShapeKind& input) {
        const auto* shape = member_of(input, next());
        return shape ? below(*shape) : base::Result<void>();
    }

private:
    using Type = decltype(ShapeKind::type);

    [[nodiscard]] bool at_end() const { return rest_.data() == nullptr; }

    std::string_view next() {
        const auto end = rest_.find('.');
        const auto part = rest_.substr(0, end);
        rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
        return part;
    }

    [[nodiscard]] std::string_view reached() const { return at_end() ? name_ : name_.substr(0, name_.size() - rest_.size() - 1); }

    [[nodiscard]] static const ShapeKind* member_of(const ShapeKind& structure, std::string_view wire_name) {
        const auto& members = members_of(structure);
        const auto found = std::ranges::find_if(members, [&](const auto& member) { return member.wire_name == wire_name; });
        return found == std::ranges::end(members) ? nullptr : found->shape;
    }

    [[nodiscard]] std::unexpected<base::Error> misplaced(std::string_view path, std::string_view where) const {
        return base::fail(base::code::MalformedInput, "The parameter " + std::string(name_) + " is not part of " +
                                                          std::string(path) + ", whose parameters are named " +
                                                          std::string(path) + std::string(where));
    }

    [[nodiscard]] base::Result<void> below(const ShapeKind& shape) {
        const auto path = reached();
        const bool scalar = shape.type != Type::structure && shape.type != Type::list && shape.type != Type::map;
        // By its name alone, a list or a structure is there and empty.
        if (scalar ? !at_end() : at_end() && !value_.empty())
            return base::fail(base::code::MalformedInput,
                              "The value of " + std::string(path) + " is not " + std::string(describe(shape)));
        if (at_end()) return {};
        if (shape.type == Type::structure) {
            const auto* inside = member_of(shape, next());
            if (!inside) {
                std::string names;
                for (const auto& member : members_of(shape)) (names += names.empty() ? "." : " or .") += member.wire_name;
                return misplaced(path, names);
            }
            return below(*inside);
        }
        const bool map = shape.type == Type::map;
        const auto around = shape.flattened ? std::string_view() : map ? std::string_view("entry") : shape.item_name;
        const bool around_matches = around.empty() || next() == around;
        const auto no_item = [&] {
            return misplaced(path, (around.empty() ? "" : "." + std::string(around)) + ".N, with N from 1 on");
        };
        if (!around_matches || at_end() || !item_number(next())) return no_item();
        if (!map) return below(*shape.item);
        if (at_end()) return no_item();
        const auto part = next();
        if (part == shape.value_name) return below(*shape.item);
        if (part == shape.item_name && at_end()) return {};
        return no_item();
    }

    std::string_view name_, value_, rest_;
};

// `MalformedInput`: it belongs to a member of the input, but is not a value of it.
template <class ShapeKind>
[[nodiscard]] base::Result<void> check_place(const ShapeKind& input, std::string_view name, std::string_view value) {
    return Place<ShapeKind>(name, value).check(input);
}

}  // namespace wire::query
