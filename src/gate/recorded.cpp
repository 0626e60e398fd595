#include "gate/recorded.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace gate {
namespace {

using text::Json;

// Values that are often credentials, though no model says so.
constexpr std::array<std::string_view, 4> confidential_members = {"Environment", "HyperParameters", "SecretAccessKey",
                                                                  "SessionToken"};

constexpr std::string_view before_path = " at '";
constexpr std::string_view after_path = "' failed to satisfy constraint: ";
constexpr size_t value_bytes_min = 3;  // shorter ones are in every text

bool is_path(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    });
}

// The places that `Value 'V' at 'PLACE' failed to satisfy constraint: …` names, whatever V and the constraint say.
std::vector<std::string> places_in(std::string_view message) {
    std::vector<std::string> out;
    for (size_t end = message.find(after_path); end != std::string_view::npos; end = message.find(after_path, end + 1)) {
        const size_t begin = message.rfind(before_path, end);
        if (begin == std::string_view::npos) continue;
        const std::string_view place = message.substr(begin + before_path.size(), end - begin - before_path.size());
        if (is_path(place) && std::ranges::find(out, place) == out.end()) out.emplace_back(place);
    }
    return out;
}

void collect(const Json& value, const wire::Shape* shape, bool confidential, std::set<std::string>& out) {
    confidential = confidential || (shape != nullptr && shape->sensitive);
    if (value.is_array()) {
        for (const Json& item : value.items()) collect(item, shape != nullptr ? shape->item : nullptr, confidential, out);
        return;
    }
    if (!value.is_object()) {
        if (confidential && value.as_string().size() >= value_bytes_min) out.insert(value.as_string());
        return;
    }
    for (const auto& [name, member] : value.members()) {
        const wire::Shape* inner = shape != nullptr ? shape->item : nullptr;  // of a map
        if (shape != nullptr)
            for (const wire::Member& known : shape->members)
                if (known.name == name) inner = known.shape;
        collect(member, inner, confidential || std::ranges::find(confidential_members, name) != confidential_members.end(), out);
    }
}

std::string without(std::string message, const std::string& value) {
    for (size_t at = message.find(value); at != std::string::npos; at = message.find(value, at))
        message.replace(at, value.size(), "…");
    return message;
}

}  // namespace

std::string recorded_message(const base::Error& error, const wire::Shape* shape, const Json& input) {
    if (error.message.find(after_path) != std::string::npos) {
        std::string out = "values fail to satisfy their constraints";
        const std::vector<std::string> places = places_in(error.message);
        for (size_t i = 0; i < places.size(); ++i) out += (i == 0 ? " at " : ", ") + places[i];
        return out;
    }
    std::set<std::string> values;
    collect(input, shape, false, values);
    // Longer ones first: a value may be part of another.
    std::vector<std::string> longest_first(values.begin(), values.end());
    std::ranges::sort(longest_first, [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
    std::string message = error.message;
    for (const std::string& value : longest_first) message = without(std::move(message), value);
    return message;
}

}  // namespace gate
