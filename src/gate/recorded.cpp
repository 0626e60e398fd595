#include "gate/recorded.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "audit/record.hpp"
#include "audit/value.hpp"
#include "model/broken_places.hpp"
#include "model/services.hpp"

namespace gate {
namespace {

using text::Json;

// Values that are often credentials, though no model says so.
constexpr std::array<std::string_view, 6> confidential_members = {
    "Environment", "HyperParameters", "SecretAccessKey", "SessionToken", "SSECustomerKeyMD5", "CopySourceSSECustomerKeyMD5"};
// More of what no record has: codes and ids that open something, and data.
constexpr std::array<std::string_view, 6> unrecorded_members = {"MetricData", "SessionId",   "TokenCode",
                                                                "logEvents",  "MessageBody", "Request"};
// Keys that stand among the accesses. Source: CloudTrail's events of DeleteObjects have no keys in `delete` either.
constexpr std::array<std::string_view, 2> members_of_accesses = {"Delete", "Deleted"};
// With which a client that polls goes on.
constexpr std::array<std::string_view, 4> moving_members = {"NextToken", "nextToken", "Newer", "WaitSeconds"};
constexpr size_t items_recorded_max = 50;  // of one list or structure
constexpr int recorded_depth_max = 6;
// Reads that make credentials.
constexpr std::array<std::string_view, 2> makes_credentials = {"AssumeRole", "GetSessionToken"};
constexpr std::array<std::string_view, 4> recorded_headers = {"ETag", "Location", "x-amz-version-id",
                                                              "x-amz-server-side-encryption"};

constexpr size_t value_bytes_min = 3;  // shorter ones are in every text

bool contains(const auto& names, std::string_view name) { return std::ranges::find(names, name) != names.end(); }

const model::Shape* member_shape(const model::Shape* shape, std::string_view name) {
    if (shape == nullptr) return nullptr;
    for (const model::Field& known : shape->fields)
        if (known.name == name) return known.shape;
    return shape->item;  // of a map
}

void collect(const Json& value, const model::Shape* shape, bool confidential, std::set<std::string>& out) {
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

void append_value(std::string& out, const Json& value, const model::Shape* shape, int depth);

bool is_hidden(std::string_view name, const model::Shape* shape) {
    return contains(confidential_members, name) || contains(unrecorded_members, name) || contains(members_of_accesses, name) ||
           (shape != nullptr && shape->sensitive);
}

// The longest policy that AWS takes is a bucket's, of 20 KB; white space between words does not count there, and here neither.
// Source: "Policies and Permissions in Amazon S3" (20 KB), "IAM and AWS STS quotas" (10,240 characters without white space).
constexpr size_t policy_bytes_max = 24u << 10;

// A JSON object without the white space between its words, which may be as long as whoever sends it likes; any other text: nothing.
std::optional<std::string> minified(std::string_view text) {
    const size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos || text[begin] != '{') return std::nullopt;
    if (auto json = text::parse_json(text); !json) return std::nullopt;
    std::string out;
    bool quoted = false;
    for (size_t at = begin; at < text.size(); ++at) {
        const char c = text[at];
        if (!quoted && (c == ' ' || c == '\t' || c == '\r' || c == '\n')) continue;
        out += c;
        if (c == '"') quoted = !quoted;
        if (quoted && c == '\\' && at + 1 < text.size()) out += text[++at];
    }
    return out;
}

void append_text(std::string& out, const std::string& text) {
    if (const auto json = minified(text)) return audit::append_quoted(out, *json, policy_bytes_max);
    audit::append_quoted(out, text);
}

std::string left_out(const std::string& what) { return std::string(audit::cut_marker) + what + "]"; }

// Each member's name and value as JSON.
using Members = std::vector<std::pair<std::string, std::string>>;

Members members_of(const Json& value, const model::Shape* shape, int depth, bool is_polled = false) {
    Members out;
    for (const auto& [name, member] : value.members()) {
        const model::Shape* inner = member_shape(shape, name);
        if (is_hidden(name, inner) || member.is_null() || (is_polled && contains(moving_members, name))) continue;
        if (out.size() == items_recorded_max) {
            std::string said;
            audit::append_own(said, left_out("of " + std::to_string(value.members().size()) + " members"));
            out.emplace_back("", std::move(said));
            break;
        }
        std::string text;
        append_value(text, member, inner, depth + 1);
        out.emplace_back(audit::capped(name), std::move(text));
    }
    return out;
}

std::string object_of(const Members& members) {
    std::string out = "{";
    for (const auto& [name, text] : members) audit::append_raw_member(out, name, text);
    return out + "}";
}

void append_value(std::string& out, const Json& value, const model::Shape* shape, int depth) {
    if (value.is_string()) return append_text(out, value.as_string());
    if (depth > recorded_depth_max) return audit::append_own(out, left_out("too deep"));
    if (value.is_object()) {
        out += object_of(members_of(value, shape, depth));
        return;
    }
    if (!value.is_array()) {
        out += value.dump();
        return;
    }
    out += '[';
    const model::Shape* item = shape != nullptr ? shape->item : nullptr;
    for (size_t i = 0; i < value.size() && i < items_recorded_max; ++i) {
        if (i > 0) out += ',';
        if (item != nullptr && item->sensitive)
            audit::append_own(out, "…");
        else
            append_value(out, value.items()[i], item, depth + 1);
    }
    if (value.size() > items_recorded_max) {
        out += ',';
        audit::append_own(out, left_out("of " + std::to_string(value.size()) + " items"));
    }
    out += ']';
}

std::string object_or_nothing(std::string text) { return text == "{}" ? std::string() : text; }

std::string recorded_members(const Json& value, const model::Shape* shape, size_t most, bool is_polled) {
    if (!value.is_object()) return {};
    Members members = members_of(value, shape, 0, is_polled);
    std::string out = object_of(members);
    // The longest first: what names the request is short.
    while (out.size() > most) {
        const auto longest = std::ranges::max_element(members, {}, [](const auto& member) { return member.second.size(); });
        std::string said;
        audit::append_own(said, audit::cut_text(longest->second));
        if (said.size() >= longest->second.size()) return object_of({{"", "\"" + audit::cut_text(out) + "\""}});
        longest->second = std::move(said);
        out = object_of(members);
    }
    return object_or_nothing(std::move(out));
}

}  // namespace

std::string recorded_parameters(std::string_view service, std::string_view operation, const Json& input, size_t most) {
    if (!input.is_object()) return {};  // most reads of objects
    const model::Operation* model = model::find_operation(service, operation);
    return recorded_members(input, model != nullptr ? model->input : nullptr, most, audit::is_polled(service, operation));
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
    const model::Operation* model = model::find_operation(service, operation);
    return recorded_members(made, model != nullptr ? model->output : nullptr, audit::parameters_bytes_max, false);
}

std::string recorded_message(const base::Error& error, const model::Operation* operation, const Json& input) {
    const model::Shape* const shape = operation != nullptr ? operation->input : nullptr;
    if (shape != nullptr && error.code == operation->service->validation_error) {
        std::string out = "values fail to satisfy their constraints";
        const std::vector<std::string> places = model::broken_places(*shape, input);
        for (size_t i = 0; i < places.size(); ++i) out += (i == 0 ? " at " : ", ") + audit::capped(places[i]);
        if (!places.empty()) return out;
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
