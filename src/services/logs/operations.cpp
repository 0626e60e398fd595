// Sources: CloudWatch Logs API Reference (DescribeLogGroups, DescribeLogStreams, GetLogEvents, FilterLogEvents); Service
// Authorization Reference, "Actions, resources, and condition keys for Amazon CloudWatch Logs".
//
// Tokens: GetLogEvents `f/<offset>` and `b/<offset>`, byte offsets in the stream; DescribeLogGroups and
// DescribeLogStreams the last name of the page before; FilterLogEvents where the last event of the page before stands.
#include "services/logs/operations.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <compare>
#include <iterator>
#include <map>
#include <optional>
#include <tuple>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "services/logs/filter.hpp"
#include "services/logs/request.hpp"
#include "services/logs/resources.hpp"
#include "text/base64.hpp"

namespace services::logs {

using gate::operation;
using ::logs::Event;
using ::logs::Range;
using ::logs::Stream;

std::unexpected<base::Error> invalid(std::string message) {
    return base::fail(base::code::InvalidParameterException, std::move(message));
}

std::unexpected<base::Error> unsupported(std::string_view member) {
    return invalid(std::string(member) + " is not supported by this server");
}

namespace {

constexpr int32_t groups_default = 50;
constexpr int32_t streams_default = 50;
constexpr int32_t events_default = 10'000;
constexpr size_t token_digits = 56;  // AWS's tokens are as long

Result<m::DescribeLogGroupsResponse> describe_groups(Logs& logs, const Permit& permit, const m::DescribeLogGroupsRequest& in) {
    const Group every{.owner = {permit.account(), permit.region()}, .name = ""};
    if (in.account_identifiers) return unsupported("accountIdentifiers");
    if (in.include_linked_accounts) return unsupported("includeLinkedAccounts");
    if (in.log_group_identifiers) return unsupported("logGroupIdentifiers");
    if (in.log_group_name_prefix && in.log_group_name_pattern)
        return invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.");
    auto groups = TRY(logs.store.groups(every.owner, model::text(in.log_group_name_prefix)));
    const std::string pattern = base::lower(model::text(in.log_group_name_pattern));
    std::erase_if(groups, [&](const auto& group) { return base::lower(group.name).find(pattern) == std::string::npos; });
    auto at = groups.begin();
    if (in.next_token) {
        auto last = text::decode_base64url(*in.next_token);
        if (!last) return invalid("The specified nextToken is invalid.");
        at = std::find_if(groups.begin(), groups.end(), [&](const auto& group) { return group.name > *last; });
    }
    const auto limit = static_cast<size_t>(in.limit.value_or(groups_default));
    std::vector<m::LogGroup> page;
    for (; at != groups.end() && page.size() < limit; ++at) {
        const std::string arn = every.arn_of(at->name);
        page.push_back({.log_group_name = at->name,
                        .creation_time = at->creation_time,
                        .metric_filter_count = 0,
                        .arn = arn + ":*",
                        .stored_bytes = static_cast<int64_t>(at->stored_bytes),
                        .log_group_class = m::LogGroupClass::standard,
                        .log_group_arn = arn});
    }
    m::DescribeLogGroupsResponse out{.log_groups = std::move(page)};
    if (at != groups.end()) out.next_token = text::encode_base64url(std::prev(at)->name);
    return out;
}

m::LogStream shown(const Stream& stream, const std::string& group_arn) {
    return {.log_stream_name = stream.name,
            .creation_time = stream.creation_time,
            .first_event_timestamp = stream.first_event,
            .last_event_timestamp = stream.last_event,
            .last_ingestion_time = stream.last_ingestion,
            .upload_sequence_token = "49640000000000000000000000000000000000000000000000000002",
            .arn = group_arn + ":log-stream:" + stream.name,
            .stored_bytes = static_cast<int64_t>(stream.stored_bytes)};
}

Result<m::DescribeLogStreamsResponse> describe_streams(Logs& logs, const Permit&, const m::DescribeLogStreamsRequest& in,
                                                       Group&& group) {
    const bool by_time = in.order_by == m::OrderBy::last_event_time;
    const std::string_view prefix = model::text(in.log_stream_name_prefix);
    if (by_time && !prefix.empty()) return invalid("Cannot order by LastEventTime with a logStreamNamePrefix.");
    auto streams = TRY(logs.store.streams(group.owner, group.name, prefix));
    if (by_time) {
        std::sort(streams.begin(), streams.end(), [](const Stream& a, const Stream& b) {
            return std::tuple(a.last_event.value_or(0), a.name) < std::tuple(b.last_event.value_or(0), b.name);
        });
    }
    if (in.descending.value_or(false)) std::reverse(streams.begin(), streams.end());
    auto at = streams.begin();
    if (in.next_token) {
        auto last = text::decode_base64url(*in.next_token);
        at = std::find_if(streams.begin(), streams.end(), [&](const Stream& stream) { return last && stream.name == *last; });
        if (at == streams.end()) return invalid("The specified nextToken is invalid.");
        ++at;
    }
    const auto limit = static_cast<size_t>(in.limit.value_or(streams_default));
    std::vector<m::LogStream> page;
    const std::string arn = group.arn();
    for (; at != streams.end() && page.size() < limit; ++at) page.push_back(shown(*at, arn));
    m::DescribeLogStreamsResponse out{.log_streams = std::move(page)};
    if (at != streams.end()) out.next_token = text::encode_base64url(std::prev(at)->name);
    return out;
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

Result<Position> parse_event_token(std::string_view token) {
    Position position;
    auto parts = base::split(token, '/');
    if (parts.size() != 3 || (parts[0] != "f" && parts[0] != "b") || parts[2] != "s")
        return invalid("The specified nextToken is invalid.");
    auto [end, error] = std::from_chars(parts[1].data(), parts[1].data() + parts[1].size(), position.offset);
    if (error != std::errc() || end != parts[1].data() + parts[1].size()) return invalid("The specified nextToken is invalid.");
    position.forward = parts[0] == "f";
    return position;
}

// AWS has no empty events; a blank line of output stays visible as one space.
std::string shown_message(const Event& event) { return event.message.empty() ? " " : event.message; }

Result<m::GetLogEventsResponse> get_events(Logs& logs, const Permit&, const m::GetLogEventsRequest& in, Group&& group) {
    auto stream = TRY(logs.store.stream(group.owner, group.name, in.log_stream_name));
    const bool from_head = in.start_from_head.value_or(false);
    Position position{from_head, from_head ? 0 : stream.stored_bytes};
    if (in.next_token) position = TRY(parse_event_token(*in.next_token));
    const auto limit = static_cast<size_t>(in.limit.value_or(events_default));
    auto page = TRY(logs.store.read(group.owner, group.name, in.log_stream_name, position.offset, position.forward,
                                    Range{in.start_time, in.end_time}, limit));
    std::vector<m::OutputLogEvent> events;
    for (const auto& event : page.events)
        events.push_back({.timestamp = event.timestamp, .message = shown_message(event), .ingestion_time = event.ingestion});
    return m::GetLogEventsResponse{.events = std::move(events),
                                   .next_forward_token = event_token('f', page.end),
                                   .next_backward_token = event_token('b', page.begin)};
}

// Where an event stands among those of a group. The order does not change: by time, then stream, then place in the stream.
struct Place {
    int64_t timestamp = 0;
    std::string stream;
    uint64_t offset = 0;
    auto operator<=>(const Place&) const = default;
};

std::string place_token(const Place& place) {
    return text::encode_base64url(std::to_string(place.timestamp) + " " + std::to_string(place.offset) + " " + place.stream);
}

Result<Place> parse_place_token(std::string_view token) {
    const auto words = text::decode_base64url(token);
    Place place;
    const char* at = words ? words->data() : nullptr;
    const char* end = words ? at + words->size() : nullptr;
    const auto number = [&](auto& value) {
        const auto read = std::from_chars(at, end, value);
        const bool good = read.ec == std::errc() && read.ptr != end && *read.ptr == ' ';
        at = good ? read.ptr + 1 : nullptr;
        return good;
    };
    if (!words || !number(place.timestamp) || !number(place.offset)) return invalid("The specified nextToken is invalid.");
    place.stream.assign(at, end);
    return place;
}

// The first of the events after a place: so many, or as many bytes, as a page holds. However many there are, no more than that are held.
class FirstEvents {
public:
    FirstEvents(std::optional<Place> after, size_t events_max) : after_(std::move(after)), events_max_(events_max) {}

    void add(const std::string& stream, Event&& event) {
        Place place{event.timestamp, stream, event.offset};
        if (after_ && place <= *after_) return;
        if (is_cut_ && place > events_.rbegin()->first) return;
        bytes_ += event.message.size();
        events_.emplace(std::move(place), std::move(event));
        while (events_.size() > events_max_ || (events_.size() > 1 && bytes_ > page_bytes_max)) {
            is_cut_ = true;
            const auto last = std::prev(events_.end());
            bytes_ -= last->second.message.size();
            events_.erase(last);
        }
    }
    [[nodiscard]] const std::map<Place, Event>& events() const { return events_; }
    [[nodiscard]] bool is_cut() const { return is_cut_; }

private:
    static constexpr size_t page_bytes_max = 1 << 20;  // AWS: "up to 1 MB"
    std::optional<Place> after_;
    size_t events_max_;
    std::map<Place, Event> events_;
    size_t bytes_ = 0;
    bool is_cut_ = false;
};

Result<void> find_events(const Logs& logs, const Group& group, const m::FilterLogEventsRequest& in, FirstEvents& found) {
    Filter filter = TRY(Filter::parse(model::text(in.filter_pattern)));
    std::vector<std::string> names;
    for (const auto& name : model::items(in.log_stream_names)) {
        TRY(logs.store.stream(group.owner, group.name, name));
        names.push_back(name);
    }
    if (!names.empty() && in.log_stream_name_prefix)
        return invalid("logStreamNames and logStreamNamePrefix cannot be used together.");
    if (names.empty()) {
        for (const auto& stream : TRY(logs.store.streams(group.owner, group.name, model::text(in.log_stream_name_prefix))))
            names.push_back(stream.name);
    }
    const Range range{in.start_time, in.end_time};
    for (const auto& name : names) {
        for (uint64_t offset = 0;;) {
            auto page = TRY(logs.store.read(group.owner, group.name, name, offset, true, range, events_default));
            for (auto& event : page.events) {
                if (filter.matches(event.message)) found.add(name, std::move(event));
            }
            if (page.end == offset) break;
            offset = page.end;
        }
    }
    return {};
}

Result<m::FilterLogEventsResponse> filter_events(Logs& logs, const Permit&, const m::FilterLogEventsRequest& in, Group&& group) {
    std::optional<Place> after;
    if (in.next_token) after = TRY(parse_place_token(*in.next_token));
    FirstEvents found(std::move(after), static_cast<size_t>(in.limit.value_or(events_default)));
    TRY(find_events(logs, group, in, found));
    std::vector<m::FilteredLogEvent> events;
    for (const auto& [place, event] : found.events()) {
        events.push_back({.log_stream_name = place.stream,
                          .timestamp = event.timestamp,
                          .message = shown_message(event),
                          .ingestion_time = event.ingestion,
                          .event_id = place.stream + "@" + std::to_string(event.offset)});
    }
    m::FilterLogEventsResponse out{.events = std::move(events), .searched_log_streams = std::vector<m::SearchedLogStream>()};
    if (found.is_cut()) out.next_token = place_token(found.events().rbegin()->first);
    return out;
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<Logs>>({
    operation<m::CreateLogGroup, create_group>(),
    operation<m::CreateLogStream, create_stream>(),
    operation<m::DeleteLogGroup, delete_group>(),
    operation<m::DeleteLogStream, delete_stream>(),
    operation<m::DescribeLogGroups, describe_groups>(),
    operation<m::DescribeLogStreams, describe_streams>(),
    operation<m::FilterLogEvents, filter_events>(),
    operation<m::GetLogEvents, get_events>(),
    operation<m::PutLogEvents, put_events>(),
});

}  // namespace

void add_operations(gate::Registry& registry, ::logs::Store& store, const base::Clock& clock) {
    registry.describer().add("logs", std::make_unique<Resources>(store));
    gate::add_operations<Logs>(registry, Logs{store, clock}, operations,
                               {.functions = m::Functions{.log_group = log_group}.list()});
}

}  // namespace services::logs
