// Sources: CloudWatch Logs API Reference (DescribeLogGroups, DescribeLogStreams, GetLogEvents, FilterLogEvents); Service
// Authorization Reference, "Actions, resources, and condition keys for Amazon CloudWatch Logs".
//
// Tokens: GetLogEvents `f/<offset>` and `b/<offset>`, byte offsets in the stream; DescribeLogGroups and
// DescribeLogStreams the last name of the page before; FilterLogEvents how many events were given so far, in an order that does
// not change: by time, then stream.
#include "services/logs/operations.hpp"

#include <algorithm>
#include <charconv>
#include <tuple>

#include "base/strings.hpp"
#include "services/logs/filter.hpp"
#include "services/logs/request.hpp"
#include "text/base64.hpp"

namespace services::logs {

using ::logs::Event;
using ::logs::Owner;
using ::logs::Range;
using ::logs::Stream;
using text::Json;

std::unexpected<base::Error> invalid(std::string message) { return base::fail("InvalidParameterException", std::move(message)); }

wire::Answer answer(Json output) {
    wire::Answer result;
    result.output = std::move(output);
    return result;
}

Owner owner_of(const gate::Permit& permit, const wire::Call& call) { return {permit.account(), call.region}; }

base::Result<std::string> group_of(const wire::Call& call) {
    std::string name = call.input["logGroupName"].as_string();
    std::string identifier = call.input["logGroupIdentifier"].as_string();
    if (name.empty() == identifier.empty())
        return invalid("Exactly one of logGroupName and logGroupIdentifier must be specified.");
    if (name.empty()) name = identifier;
    auto parts = base::split(identifier, ':');
    return parts.size() >= 7 && parts[0] == "arn" ? std::string(parts[6]) : name;
}

std::string group_arn(const std::string& account, const std::string& region, std::string_view group) {
    return "arn:aws:logs:" + region + ":" + account + ":log-group:" + std::string(group);
}

namespace {

constexpr size_t groups_default = 50;
constexpr size_t streams_default = 50;
constexpr size_t events_default = 10'000;
constexpr size_t token_digits = 56;  // AWS's tokens are as long

// Group and stream as policies name them; what asks about no one stream has an empty one, as in AWS.
base::Result<std::vector<gate::Access>> classify(const identity::Caller& caller, const wire::Call& call) {
    // DescribeLogGroups asks about every group; AWS writes that as a group without a name.
    std::string group = call.operation == "DescribeLogGroups" ? "" : TRY(group_of(call));
    gate::Access access;
    access.action = "logs:" + call.operation;
    access.resource =
        group_arn(caller.principal.account, call.region, group) + ":log-stream:" + call.input["logStreamName"].as_string();
    return std::vector<gate::Access>{access};
}

Answered describe_groups(const Parts& parts, const gate::Permit& permit, wire::Call& call) {
    const Json& input = call.input;
    for (std::string_view member : {"accountIdentifiers", "includeLinkedAccounts", "logGroupIdentifiers"}) {
        if (input.contains(member)) return invalid(std::string(member) + " is not supported by this server");
    }
    if (input.contains("logGroupNamePrefix") && input.contains("logGroupNamePattern"))
        return invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.");
    auto groups = TRY(parts.store->groups(owner_of(permit, call), input["logGroupNamePrefix"].as_string()));
    const std::string pattern = base::lower(input["logGroupNamePattern"].as_string());
    std::erase_if(groups, [&](const auto& group) { return base::lower(group.name).find(pattern) == std::string::npos; });
    auto at = groups.begin();
    if (const std::string& token = input["nextToken"].as_string(); !token.empty()) {
        auto last = text::decode_base64url(token);
        if (!last) return invalid("The specified nextToken is invalid.");
        at = std::find_if(groups.begin(), groups.end(), [&](const auto& group) { return group.name > *last; });
    }
    auto limit = static_cast<size_t>(input["limit"].as_int(groups_default));
    auto page = Json::array();
    for (; at != groups.end() && page.size() < limit; ++at) {
        std::string arn = group_arn(permit.account(), call.region, at->name);
        page.push(Json::object({{"logGroupName", at->name},
                                {"creationTime", at->creation_time},
                                {"metricFilterCount", 0},
                                {"arn", arn + ":*"},
                                {"logGroupArn", arn},
                                {"logGroupClass", "STANDARD"},
                                {"storedBytes", at->stored_bytes}}));
    }
    auto output = Json::object({{"logGroups", std::move(page)}});
    if (at != groups.end()) output.set("nextToken", text::encode_base64url(std::prev(at)->name));
    return answer(std::move(output));
}

Json stream_json(const Stream& stream, const std::string& group) {
    auto json = Json::object({{"logStreamName", stream.name},
                              {"creationTime", stream.creation_time},
                              {"arn", group + ":log-stream:" + stream.name},
                              {"storedBytes", stream.stored_bytes}});
    if (stream.first_event) json.set("firstEventTimestamp", *stream.first_event);
    if (stream.last_event) json.set("lastEventTimestamp", *stream.last_event);
    if (stream.last_ingestion) json.set("lastIngestionTime", *stream.last_ingestion);
    json.set("uploadSequenceToken", "49640000000000000000000000000000000000000000000000000002");
    return json;
}

Answered describe_streams(const Parts& parts, const gate::Permit& permit, wire::Call& call) {
    const std::string name = TRY(group_of(call));
    const Json& input = call.input;
    bool by_time = input["orderBy"].as_string() == "LastEventTime";
    const std::string& prefix = input["logStreamNamePrefix"].as_string();
    if (by_time && !prefix.empty()) return invalid("Cannot order by LastEventTime with a logStreamNamePrefix.");
    auto streams = TRY(parts.store->streams(owner_of(permit, call), name, prefix));
    if (by_time) {
        std::sort(streams.begin(), streams.end(), [](const Stream& a, const Stream& b) {
            return std::tuple(a.last_event.value_or(0), a.name) < std::tuple(b.last_event.value_or(0), b.name);
        });
    }
    if (input["descending"].as_bool()) std::reverse(streams.begin(), streams.end());
    auto at = streams.begin();
    if (const std::string& token = input["nextToken"].as_string(); !token.empty()) {
        auto last = text::decode_base64url(token);
        at = std::find_if(streams.begin(), streams.end(), [&](const Stream& stream) { return last && stream.name == *last; });
        if (at == streams.end()) return invalid("The specified nextToken is invalid.");
        ++at;
    }
    auto limit = static_cast<size_t>(input["limit"].as_int(streams_default));
    auto page = Json::array();
    std::string group = group_arn(permit.account(), call.region, name);
    for (; at != streams.end() && page.size() < limit; ++at) page.push(stream_json(*at, group));
    auto output = Json::object({{"logStreams", std::move(page)}});
    if (at != streams.end()) output.set("nextToken", text::encode_base64url(std::prev(at)->name));
    return answer(std::move(output));
}

std::string event_token(char direction, uint64_t offset) {
    std::string digits = std::to_string(offset);
    return std::string(1, direction) + "/" + std::string(token_digits - std::min(token_digits, digits.size()), '0') + digits +
           "/s";
}

struct Position {
    bool forward = true;
    uint64_t offset = 0;
};

base::Result<Position> parse_event_token(std::string_view token) {
    Position position;
    auto parts = base::split(token, '/');
    if (parts.size() != 3 || (parts[0] != "f" && parts[0] != "b") || parts[2] != "s")
        return invalid("The specified nextToken is invalid.");
    auto [end, error] = std::from_chars(parts[1].data(), parts[1].data() + parts[1].size(), position.offset);
    if (error != std::errc() || end != parts[1].data() + parts[1].size()) return invalid("The specified nextToken is invalid.");
    position.forward = parts[0] == "f";
    return position;
}

Range range_of(const Json& input) {
    Range range;
    if (input.contains("startTime")) range.start = input["startTime"].as_int();
    if (input.contains("endTime")) range.end = input["endTime"].as_int();
    return range;
}

Answered get_events(const Parts& parts, const gate::Permit& permit, wire::Call& call) {
    const std::string group = TRY(group_of(call));
    const Owner owner = owner_of(permit, call);
    const Json& input = call.input;
    const std::string& name = input["logStreamName"].as_string();
    auto stream = TRY(parts.store->stream(owner, group, name));
    bool from_head = input["startFromHead"].as_bool();
    Position position{from_head, from_head ? 0 : stream.stored_bytes};
    if (const std::string& token = input["nextToken"].as_string(); !token.empty()) position = TRY(parse_event_token(token));
    auto limit = static_cast<size_t>(input["limit"].as_int(events_default));
    auto page = TRY(parts.store->read(owner, group, name, position.offset, position.forward, range_of(input), limit));
    auto events = Json::array();
    for (const auto& event : page.events) {
        // AWS has no empty events; a blank line of output stays visible as one space.
        events.push(Json::object({{"timestamp", event.timestamp},
                                  {"message", event.message.empty() ? std::string(" ") : event.message},
                                  {"ingestionTime", event.ingestion}}));
    }
    return answer(Json::object({{"events", std::move(events)},
                                {"nextForwardToken", event_token('f', page.end)},
                                {"nextBackwardToken", event_token('b', page.begin)}}));
}

struct Found {
    std::string stream;
    Event event;
};

base::Result<std::vector<Found>> matching_events(const Parts& parts, const Owner& owner, const wire::Call& call) {
    const Json& input = call.input;
    const std::string group = TRY(group_of(call));
    Filter filter = TRY(Filter::parse(input["filterPattern"].as_string()));
    std::vector<std::string> names;
    for (const auto& name : input["logStreamNames"].items()) {
        TRY(parts.store->stream(owner, group, name.as_string()));
        names.push_back(name.as_string());
    }
    if (!names.empty() && input.contains("logStreamNamePrefix"))
        return invalid("logStreamNames and logStreamNamePrefix cannot be used together.");
    if (names.empty()) {
        for (const auto& stream : TRY(parts.store->streams(owner, group, input["logStreamNamePrefix"].as_string())))
            names.push_back(stream.name);
    }
    std::vector<Found> found;
    for (const auto& name : names) {
        for (uint64_t offset = 0;;) {
            auto page = TRY(parts.store->read(owner, group, name, offset, true, range_of(input), events_default));
            for (auto& event : page.events) {
                if (filter.matches(event.message)) found.push_back({name, std::move(event)});
            }
            if (page.end == offset) break;
            offset = page.end;
        }
    }
    std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
        return std::tie(a.event.timestamp, a.stream, a.event.offset) < std::tie(b.event.timestamp, b.stream, b.event.offset);
    });
    return found;
}

Answered filter_events(const Parts& parts, const gate::Permit& permit, wire::Call& call) {
    auto found = TRY(matching_events(parts, owner_of(permit, call), call));
    size_t start = 0;
    if (const std::string& token = call.input["nextToken"].as_string(); !token.empty()) {
        auto position = TRY(parse_event_token(token));
        start = static_cast<size_t>(std::min<uint64_t>(position.offset, found.size()));
    }
    auto limit = static_cast<size_t>(call.input["limit"].as_int(events_default));
    size_t end = std::min(found.size(), start + limit);
    auto events = Json::array();
    for (size_t i = start; i < end; ++i) {
        const auto& [stream, event] = found[i];
        events.push(Json::object({{"logStreamName", stream},
                                  {"timestamp", event.timestamp},
                                  {"message", event.message.empty() ? std::string(" ") : event.message},
                                  {"ingestionTime", event.ingestion},
                                  {"eventId", stream + "@" + std::to_string(event.offset)}}));
    }
    auto output = Json::object({{"events", std::move(events)}, {"searchedLogStreams", Json::array()}});
    if (end < found.size()) output.set("nextToken", event_token('f', end));
    return answer(std::move(output));
}

}  // namespace

void add_operations(gate::Registry& registry, ::logs::Store& store, const base::Clock& clock) {
    const std::pair<const char*, Handler> operations[] = {
        {"CreateLogGroup", create_group},         {"DeleteLogGroup", delete_group}, {"CreateLogStream", create_stream},
        {"DeleteLogStream", delete_stream},       {"PutLogEvents", put_events},     {"DescribeLogGroups", describe_groups},
        {"DescribeLogStreams", describe_streams}, {"GetLogEvents", get_events},     {"FilterLogEvents", filter_events}};
    for (const auto& [name, handler] : operations) {
        registry.add({.service = "logs",
                      .name = name,
                      .classify = [](const identity::Caller& caller, wire::Call& call) { return classify(caller, call); },
                      .handle = [parts = Parts{&store, &clock}, act = handler](
                                    const gate::Permit& permit, wire::Call& call) { return act(parts, permit, call); }});
    }
}

}  // namespace services::logs
