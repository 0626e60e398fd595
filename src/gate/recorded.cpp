#include "gate/recorded.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "audit/record.hpp"

namespace gate {
namespace {

using text::Json;

// Values that are often credentials, though no model says so.
constexpr std::array<std::string_view, 4> confidential_members = {"Environment", "HyperParameters", "SecretAccessKey",
                                                                  "SessionToken"};
// More of what no record has: codes and ids that open something, and data.
constexpr std::array<std::string_view, 6> unrecorded_members = {"MetricData", "SessionId",   "TokenCode",
                                                                "logEvents",  "MessageBody", "Request"};
constexpr size_t items_recorded_max = 50;  // of one list or structure
constexpr int recorded_depth_max = 6;
// Reads that make credentials.
constexpr std::array<std::string_view, 2> makes_credentials = {"AssumeRole", "GetSessionToken"};
constexpr std::array<std::string_view, 3> recorded_headers = {"ETag", "Location", "x-amz-version-id"};

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

bool contains(const auto& names, std::string_view name) { return std::ranges::find(names, name) != names.end(); }

const wire::Shape* member_shape(const wire::Shape* shape, std::string_view name) {
    if (shape == nullptr) return nullptr;
    for (const wire::Member& known : shape->members)
        if (known.name == name) return known.shape;
    return shape->item;  // of a map
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
    for (const auto& [name, member] : value.members())
        collect(member, member_shape(shape, name), confidential || contains(confidential_members, name), out);
}

std::string without(std::string message, const std::string& value) {
    for (size_t at = message.find(value); at != std::string::npos; at = message.find(value, at))
        message.replace(at, value.size(), "…");
    return message;
}

void append_value(std::string& out, const Json& value, const wire::Shape* shape, int depth);

void append_members(std::string& out, const Json& value, const wire::Shape* shape, int depth) {
    out += '{';
    size_t count = 0;
    for (const auto& [name, member] : value.members()) {
        const wire::Shape* inner = member_shape(shape, name);
        const bool hidden =
            contains(confidential_members, name) || contains(unrecorded_members, name) || (inner != nullptr && inner->sensitive);
        if (hidden || member.is_null()) continue;
        if (++count > items_recorded_max) break;
        std::string text;
        append_value(text, member, inner, depth + 1);
        audit::append_raw_member(out, audit::capped(audit::escaped(name)), text);
    }
    if (value.members().size() > items_recorded_max)
        audit::append_member(out, "…", "of " + std::to_string(value.members().size()) + " members");
    out += '}';
}

void append_value(std::string& out, const Json& value, const wire::Shape* shape, int depth) {
    if (value.is_string()) return audit::append_quoted(out, value.as_string());
    if (depth > recorded_depth_max) return audit::append_quoted(out, "…");
    if (value.is_object()) return append_members(out, value, shape, depth);
    if (!value.is_array()) {
        out += value.dump();
        return;
    }
    out += '[';
    const wire::Shape* item = shape != nullptr ? shape->item : nullptr;
    for (size_t i = 0; i < value.size() && i < items_recorded_max; ++i) {
        if (i > 0) out += ',';
        if (item != nullptr && item->sensitive)
            audit::append_quoted(out, "…");
        else
            append_value(out, value.items()[i], item, depth + 1);
    }
    if (value.size() > items_recorded_max) {
        out += ',';
        audit::append_quoted(out, "… of " + std::to_string(value.size()));
    }
    out += ']';
}

const wire::OperationModel* find_model(std::string_view service, std::string_view operation) {
    const wire::ServiceModel* model = wire::find_service(service);
    return model != nullptr ? model->find(operation) : nullptr;
}

std::string object_or_nothing(std::string text) { return text == "{}" ? std::string() : text; }

std::string recorded_members(const Json& value, const wire::Shape* shape) {
    if (!value.is_object()) return {};
    std::string out;
    append_members(out, value, shape, 0);
    return object_or_nothing(std::move(out));
}

}  // namespace

bool has_recorded_parameters(std::string_view service, std::string_view operation) {
    return !audit::is_polled(service, operation);
}

std::string recorded_parameters(std::string_view service, std::string_view operation, const Json& input) {
    const wire::OperationModel* model = find_model(service, operation);
    return recorded_members(input, model != nullptr ? model->input : nullptr);
}

bool makes_something(std::string_view operation) {
    return !audit::reads_only(operation) || contains(makes_credentials, operation);
}

std::string recorded_answer(std::string_view service, std::string_view operation, const Json& made,
                            const http::Response& answer) {
    if (!made.is_object()) {
        std::string out = "{";
        for (const std::string_view name : recorded_headers)
            if (const std::string* value = answer.headers.find(name)) audit::append_member(out, name, *value);
        return object_or_nothing(out + "}");
    }
    const wire::OperationModel* model = find_model(service, operation);
    return recorded_members(made, model != nullptr ? model->output : nullptr);
}

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
