// The constraints of the service models, in AWS's words.
//
// AWS names the place of a value by its path in the input with lower first letters: `tags.3.member.value` (Query) and
// `inputDataConfig.1.member.channelName` (JSON) alike. Every violation is listed in one message.
#include <re2/re2.h>

#include <algorithm>
#include <map>
#include <memory>

#include "base/invariant.hpp"
#include "base/mutex.hpp"
#include "text/base64.hpp"
#include "wire/model.hpp"

namespace wire {

using base::fail;
using base::Result;
using text::Json;

namespace {

constexpr size_t shown_bytes_max = 1024;  // of a value, in a message

// Compiling costs tens of microseconds, matching less than one: each pattern is compiled once, at its first use.
const re2::RE2& compiled(std::string_view pattern) {
    static base::Mutex mutex;
    static std::map<std::string_view, std::unique_ptr<re2::RE2>> cache GUARDED_BY(mutex);  // keys are the tables' own memory
    const base::Lock lock(mutex);
    auto& place = cache[pattern];
    if (!place) {
        re2::RE2::Options options(re2::RE2::Quiet);
        options.set_dot_nl(false);
        place = std::make_unique<re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
        INVARIANT(place->ok());
    }
    return *place;
}

size_t code_points(std::string_view text) {
    return static_cast<size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

// As Java's toString shows it.
std::string shown(const Json& value) {
    std::string out;
    switch (value.type()) {
        case Json::Type::array: {
            out = "[";
            for (const auto& item : value.items()) out += (out.size() > 1 ? ", " : "") + shown(item);
            out += "]";
            break;
        }
        case Json::Type::object: {
            out = "{";
            for (const auto& [name, member] : value.members()) out += (out.size() > 1 ? ", " : "") + name + "=" + shown(member);
            out += "}";
            break;
        }
        case Json::Type::boolean:
            out = value.as_bool() ? "true" : "false";
            break;
        case Json::Type::null:
            out = "null";
            break;
        default:
            out = value.as_string();
    }
    if (out.size() > shown_bytes_max) {
        size_t end = shown_bytes_max;
        while ((static_cast<unsigned char>(out[end]) & 0xc0) == 0x80) --end;  // not inside a character
        out = out.substr(0, end) + "...";
    }
    return out;
}

std::string decapitalised(std::string_view name) {
    std::string out(name);
    if (!out.empty() && out[0] >= 'A' && out[0] <= 'Z') out[0] = static_cast<char>(out[0] - 'A' + 'a');
    return out;
}

std::string list_text(std::span<const std::string_view> values) {
    std::string out = "[";
    for (const auto value : values) ((out += out.size() > 1 ? ", " : "") += value);
    return out + "]";
}

void check_size(const Shape& shape, int64_t size, std::string_view what, std::vector<std::string>& out) {
    if (shape.has_max && size > shape.max)
        out.push_back("Member must have " + std::string(what) + " less than or equal to " + std::to_string(shape.max));
    if (shape.has_min && size < shape.min)
        out.push_back("Member must have " + std::string(what) + " greater than or equal to " + std::to_string(shape.min));
}

// The constraints of the shape itself, not of what it holds.
std::vector<std::string> violations(const Shape& shape, const Json& value) {
    std::vector<std::string> out;
    switch (shape.type) {
        case ShapeType::string: {
            const auto& text = value.as_string();
            check_size(shape, static_cast<int64_t>(code_points(text)), "length", out);
            if (!shape.re2_pattern.empty() && !re2::RE2::FullMatch(text, compiled(shape.re2_pattern)))
                out.push_back("Member must satisfy regular expression pattern: " + std::string(shape.pattern));
            if (!shape.enumeration.empty() && std::ranges::find(shape.enumeration, text) == shape.enumeration.end())
                out.push_back("Member must satisfy enum value set: " + list_text(shape.enumeration));
            break;
        }
        case ShapeType::blob:
            if (const auto bytes = text::decode_base64(value.as_string()))
                check_size(shape, static_cast<int64_t>(bytes->size()), "length", out);
            break;
        case ShapeType::list:
        case ShapeType::map:
            check_size(shape, static_cast<int64_t>(value.size()), "length", out);
            break;
        case ShapeType::integer:
            check_size(shape, value.as_int(), "value", out);
            break;
        case ShapeType::floating: {
            const auto number = value.as_double();
            if (shape.has_max && number > static_cast<double>(shape.max))
                out.push_back("Member must have value less than or equal to " + std::to_string(shape.max));
            if (shape.has_min && number < static_cast<double>(shape.min))
                out.push_back("Member must have value greater than or equal to " + std::to_string(shape.min));
            break;
        }
        case ShapeType::structure:
        case ShapeType::boolean:
        case ShapeType::timestamp:
            break;
    }
    return out;
}

bool is_scalar(const Shape& shape) {
    return shape.type != ShapeType::structure && shape.type != ShapeType::list && shape.type != ShapeType::map;
}

// Every constraint of a scalar as AWS lists them for the items of lists and maps, broken or not.
std::vector<std::string> constraints(const Shape& shape) {
    std::vector<std::string> out;
    const std::string what = shape.type == ShapeType::integer || shape.type == ShapeType::floating ? "value" : "length";
    if (shape.has_max) out.push_back("Member must have " + what + " less than or equal to " + std::to_string(shape.max));
    if (shape.has_min) out.push_back("Member must have " + what + " greater than or equal to " + std::to_string(shape.min));
    if (!shape.pattern.empty()) out.push_back("Member must satisfy regular expression pattern: " + std::string(shape.pattern));
    if (!shape.enumeration.empty()) out.push_back("Member must satisfy enum value set: " + list_text(shape.enumeration));
    return out;
}

// A list or map is what it holds.
bool is_sensitive(const Shape& shape) {
    return shape.sensitive || (shape.item != nullptr && shape.item->sensitive) || (shape.key != nullptr && shape.key->sensitive);
}

class Validator {
public:
    void check(const Shape& shape, const Json& value, const std::string& path) {
        for (const auto& violation : violations(shape, value)) add(shape, value, path, violation);
        switch (shape.type) {
            case ShapeType::structure:
                return check_members(shape, value, path);
            case ShapeType::list:
                return check_items(shape, value, path);
            case ShapeType::map:
                return check_map(shape, value, path);
            default:
                return;
        }
    }

    [[nodiscard]] const std::vector<std::string>& found() const { return found_; }

private:
    void add(const Shape& shape, const Json& value, const std::string& path, const std::string& violation) {
        const auto text = value.is_null()       ? std::string("Value null")
                          : is_sensitive(shape) ? "Value"
                                                : "Value '" + shown(value) + "'";
        found_.push_back(text + " at '" + path + "' failed to satisfy constraint: " + violation);
    }

    void check_members(const Shape& shape, const Json& value, const std::string& path) {
        for (const auto& member : shape.members) {
            const auto place = (path.empty() ? "" : path + ".") + decapitalised(member.name);
            const auto* inside = value.find(member.name);
            if (inside && !inside->is_null())
                check(*member.shape, *inside, place);
            else if (member.required)
                add(*member.shape, Json(), place, "Member must not be null");
        }
    }

    void check_items(const Shape& shape, const Json& value, const std::string& path) {
        if (is_scalar(*shape.item)) {
            const bool broken =
                std::ranges::any_of(value.items(), [&](const Json& item) { return !violations(*shape.item, item).empty(); });
            if (broken) add(shape, value, path, "Member must satisfy constraint: [" + joined(constraints(*shape.item)) + "]");
            return;
        }
        size_t number = 0;
        for (const auto& item : value.items()) check(*shape.item, item, path + "." + std::to_string(++number) + ".member");
    }

    void check_map(const Shape& shape, const Json& value, const std::string& path) {
        bool keys_broken = false, values_broken = false;
        for (const auto& [name, item] : value.members()) {
            keys_broken = keys_broken || !violations(*shape.key, Json(name)).empty();
            values_broken = values_broken || !violations(*shape.item, item).empty();
        }
        if (keys_broken) add(shape, value, path, "Map keys must satisfy constraint: [" + joined(constraints(*shape.key)) + "]");
        if (values_broken && is_scalar(*shape.item))
            add(shape, value, path, "Map value must satisfy constraint: [" + joined(constraints(*shape.item)) + "]");
        if (!is_scalar(*shape.item))
            for (const auto& [name, item] : value.members()) check(*shape.item, item, path + "." + name + ".member");
    }

    static std::string joined(const std::vector<std::string>& parts) {
        std::string out;
        for (const auto& part : parts) out += (out.empty() ? "" : ", ") + part;
        return out;
    }

    std::vector<std::string> found_;
};

}  // namespace

Result<void> validate(const ServiceModel& service, const Shape& shape, const Json& value) {
    Validator validator;
    validator.check(shape, value, "");
    const auto& found = validator.found();
    if (found.empty()) return {};
    std::string message =
        std::to_string(found.size()) + (found.size() == 1 ? " validation error" : " validation errors") + " detected: ";
    for (size_t i = 0; i < found.size(); ++i) message += (i > 0 ? "; " : "") + found[i];
    // CloudWatch Logs has an older name for it than the other JSON services.
    const auto* code = service.protocol == Protocol::query ? "ValidationError"
                       : service.signing_name == "logs"    ? "InvalidParameterException"
                                                           : "ValidationException";
    return fail(code, std::move(message));
}

}  // namespace wire
