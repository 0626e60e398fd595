// The walk that decodes and validates: through the members in the model's order, each looked up in the source.
//
// A value of a wrong type ends the walk at once, with the source's error. Broken constraints are collected, in the model's order,
// and are one error at its end. What passes is valid: every required member is there, every constraint holds.
//
// AWS names the place of a value by its path in the input with lower first letters: `tags.3.member.value` (Query) and
// `inputDataConfig.1.member.channelName` (JSON) alike.
//
// A source is a document in a protocol's form (json.cpp, wire/query_types.cpp):
//   using Node = …                             where a value stands; small, copied
//   is_structure(Node)
//   child(Node structure, const Field&)        std::optional<Node>; nullopt: absent
//   each_item(shape, Node, place, stopped, visit), each_entry(…)
//                                              in order, until `visit(Node item)`, `visit(std::string_view key, Node value)` says
//                                              false; false with `stopped` if the node is neither a list nor a map
//   scalar(const Shape&, Node)                 std::optional<Scalar>; nullopt: not of the shape's type
//   wrong_type(const Shape&, Node, place)      the base::Error that says so
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/invariant.hpp"
#include "base/result.hpp"
#include "model/constraints.hpp"
#include "model/scalar.hpp"
#include "model/shape.hpp"

namespace model {

// Where the walk is: a member, an item of a list (from 1), an entry of a map, below another place. The request has no name.
struct Place {
    const Place* above = nullptr;
    std::string_view name;  // of a member; of an entry, its key
    size_t number = 0;      // of an item
    bool is_member = false;
};
[[nodiscard]] std::string path_of(const Place& place);        // Tags.3.Value, as type errors name it
[[nodiscard]] std::string lower_path_of(const Place& place);  // tags.3.member.value, as AWS's constraints do
[[nodiscard]] std::string shortened(std::string shown);       // what a message shows of a long value

// All violations in one message: `2 validation errors detected: …; …`.
[[nodiscard]] base::Error validation_error(const Service& service, const std::vector<std::string>& found);

template <class Source>
class Reader {
public:
    using Node = typename Source::Node;
    explicit Reader(Source& source) : source_(source) {}

    // An answer, of whose constraints its server knows: types alone are checked. An enum value that the model does not have is
    // `unknown`, a required member that is absent is as it was made. `into`: an empty struct of the shape's type.
    [[nodiscard]] base::Result<void> read_answer(const Shape& shape, Node root, void* into) {
        checks_constraints_ = false;
        if (!read_value(shape, root, into, Place{})) return stopped();
        return {};
    }

    // `into`: an empty struct of the operation's input.
    [[nodiscard]] base::Result<void> read(const Operation& operation, Node root, void* into) {
        if (!read_value(*operation.input, root, into, Place{})) return stopped();
        if (!found_.empty()) return base::fail(validation_error(*operation.service, found_));
        return {};
    }

private:
    // After a read that gave false.
    std::unexpected<base::Error> stopped() {
        INVARIANT(stopped_);
        return base::fail(std::move(*stopped_));
    }

    bool read_value(const Shape& shape, Node node, void* into, const Place& place) {
        switch (shape.type) {
            case Type::structure:
                return read_structure(shape, node, into, place);
            case Type::list:
                return read_list(shape, node, into, place);
            case Type::map:
                return read_map(shape, node, into, place);
            default: {
                bool broken = false;
                if (!read_scalar(shape, node, into, place, broken)) return false;
                if (!broken) return true;
                const auto scalar = source_.scalar(shape, node);
                for (const auto& violation : violations(shape, *scalar)) add(quoted(shape, node), place, violation);
                return true;
            }
        }
    }

    bool read_scalar(const Shape& shape, Node node, void* into, const Place& place, bool& broken) {
        const auto scalar = source_.scalar(shape, node);
        if (!scalar) {
            stopped_ = source_.wrong_type(shape, node, place);
            return false;
        }
        broken = checks_constraints_ && is_broken(shape, *scalar);
        store(shape, *scalar, into);
        return true;
    }

    bool read_structure(const Shape& shape, Node node, void* into, const Place& place) {
        if (!source_.is_structure(node)) {
            stopped_ = source_.wrong_type(shape, node, place);
            return false;
        }
        for (const auto& field : shape.fields) {
            if (field.shape->type == Type::stream) continue;  // stands in no document
            const Place here{&place, field.name, 0, true};
            if (const auto inside = source_.child(node, field)) {
                if (!read_value(*field.shape, *inside, field.make(into), here)) return false;
            } else if (field.is_required()) {
                add("Value null", here, "Member must not be null");
            }
        }
        return true;
    }

    bool read_list(const Shape& shape, Node node, void* into, const Place& place) {
        const size_t before = found_.size();
        size_t count = 0;
        bool any_broken = false;
        const bool whole = source_.each_item(shape, node, place, stopped_, [&](Node item) {
            const Place here{&place, {}, ++count};
            void* const value = shape.list->append(into);
            if (!shape.item->is_scalar()) return read_value(*shape.item, item, value, here);
            bool broken = false;
            const bool read = read_scalar(*shape.item, item, value, here, broken);
            any_broken = any_broken || broken;
            return read;
        });
        if (!whole) return false;
        insert(before, size_violations(shape, count), shape, node, place);
        if (any_broken) add(quoted(shape, node), place, "Member must satisfy constraint: " + constraints_of(*shape.item));
        return true;
    }

    bool read_map(const Shape& shape, Node node, void* into, const Place& place) {
        const size_t before = found_.size();
        size_t count = 0;
        bool keys_broken = false, values_broken = false;
        const bool whole = source_.each_entry(shape, node, place, stopped_, [&](std::string_view key, Node value) {
            ++count;
            keys_broken = keys_broken || (checks_constraints_ && is_broken(*shape.key, Scalar{.text = key}));
            const Place here{&place, key};
            void* const item = shape.map->append(into, std::string(key));
            if (!shape.item->is_scalar()) return read_value(*shape.item, value, item, here);
            bool broken = false;
            const bool read = read_scalar(*shape.item, value, item, here, broken);
            values_broken = values_broken || broken;
            return read;
        });
        if (!whole) return false;
        // A map's own come before those of what it holds.
        auto own = size_violations(shape, count);
        if (keys_broken) own.push_back("Map keys must satisfy constraint: " + constraints_of(*shape.key));
        if (values_broken) own.push_back("Map value must satisfy constraint: " + constraints_of(*shape.item));
        insert(before, own, shape, node, place);
        return true;
    }

    void add(const std::string& value, const Place& place, const std::string& violation) {
        if (!checks_constraints_) return;
        found_.push_back(value + " at '" + lower_path_of(place) + "' failed to satisfy constraint: " + violation);
    }

    void insert(size_t before, const std::vector<std::string>& own, const Shape& shape, Node node, const Place& place) {
        if (own.empty() || !checks_constraints_) return;
        const std::vector<std::string> inside(found_.begin() + static_cast<ptrdiff_t>(before), found_.end());
        found_.resize(before);
        const auto value = quoted(shape, node);
        for (const auto& violation : own) add(value, place, violation);
        found_.insert(found_.end(), inside.begin(), inside.end());
    }

    std::string quoted(const Shape& shape, Node node) {
        return is_sensitive(shape) ? "Value" : "Value '" + shown(shape, node) + "'";
    }

    // As Java's toString shows it. Only of what was read before, so that nothing has a wrong type.
    std::string shown(const Shape& shape, Node node) {
        std::string out;
        std::optional<base::Error> none;
        switch (shape.type) {
            case Type::structure:
                out = "{";
                for (const auto& field : shape.fields)
                    if (const auto inside = source_.child(node, field))
                        out += (out.size() > 1 ? ", " : "") + std::string(field.name) + "=" + shown(*field.shape, *inside);
                out += "}";
                break;
            case Type::list:
                out = "[";
                (void)source_.each_item(shape, node, Place{}, none, [&](Node item) {
                    out += (out.size() > 1 ? ", " : "") + shown(*shape.item, item);
                    return true;
                });
                out += "]";
                break;
            case Type::map:
                out = "{";
                (void)source_.each_entry(shape, node, Place{}, none, [&](std::string_view key, Node value) {
                    out += (out.size() > 1 ? ", " : "") + std::string(key) + "=" + shown(*shape.item, value);
                    return true;
                });
                out += "}";
                break;
            default: {
                const auto scalar = source_.scalar(shape, node);
                INVARIANT(scalar);
                out = shown_scalar(shape, *scalar);
            }
        }
        return shortened(std::move(out));
    }

    Source& source_;
    bool checks_constraints_ = true;
    std::optional<base::Error> stopped_;
    std::vector<std::string> found_;
};

}  // namespace model
