// Source: CloudWatch Logs API Reference, PutLogEvents: what a batch may hold.
#include <algorithm>

#include "services/logs/request.hpp"

namespace services::logs {
namespace {

using text::Json;

constexpr size_t batch_bytes_max = 1'048'576;
constexpr size_t event_overhead_bytes = 26;
constexpr size_t event_bytes_max = 262'144;  // overhead included
constexpr int64_t day = 24 * 3600 * 1000LL;
constexpr int64_t past_max = 14 * day;
constexpr int64_t future_max = 2 * 3600 * 1000LL;
// What a token says does not matter any more; that there is one does, to clients of before.
constexpr const char* next_sequence_token = "49640000000000000000000000000000000000000000000000000002";

base::Result<std::vector<::logs::Event>> read_batch(const Json& list) {
    std::vector<::logs::Event> events;
    size_t bytes = 0;
    for (const auto& item : list.items()) {
        ::logs::Event event;
        event.timestamp = item["timestamp"].as_int();
        event.message = item["message"].as_string();
        size_t size = event.message.size() + event_overhead_bytes;
        if (size > event_bytes_max) {
            return invalid("Log event too large: " + std::to_string(size) + " bytes exceeds limit of " +
                           std::to_string(event_bytes_max));
        }
        bytes += size;
        if (!events.empty() && event.timestamp < events.back().timestamp)
            return invalid("Log events in a single PutLogEvents request must be in chronological order.");
        events.push_back(std::move(event));
    }
    if (bytes > batch_bytes_max)
        return invalid("Upload too large: " + std::to_string(bytes) + " bytes exceeds limit of " +
                       std::to_string(batch_bytes_max));
    if (events.back().timestamp - events.front().timestamp > day)
        return invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.");
    return events;
}

}  // namespace

Answered create_group(const Parts& parts, const gate::Permit& permit, wire::Call& call) {
    const Json& input = call.input;
    for (std::string_view member : {"kmsKeyId", "tags"}) {
        if (input.contains(member)) return invalid(std::string(member) + " is not supported by this server");
    }
    if (input["logGroupClass"].as_string_or("STANDARD") != "STANDARD" || input["deletionProtectionEnabled"].as_bool())
        return invalid("Only log groups of the class STANDARD without deletion protection are supported by this server");
    TRY(parts.store->create_group(owner_of(permit, call), input["logGroupName"].as_string()));
    return answer(Json::object());
}

Answered delete_group(const Parts& parts, const gate::Permit& permit, wire::Call& call) {
    TRY(parts.store->delete_group(owner_of(permit, call), call.input["logGroupName"].as_string()));
    return answer(Json::object());
}

Answered create_stream(const Parts& parts, const gate::Permit& permit, wire::Call& call) {
    TRY(parts.store->create_stream(owner_of(permit, call), call.input["logGroupName"].as_string(),
                                   call.input["logStreamName"].as_string()));
    return answer(Json::object());
}

Answered delete_stream(const Parts& parts, const gate::Permit& permit, wire::Call& call) {
    TRY(parts.store->delete_stream(owner_of(permit, call), call.input["logGroupName"].as_string(),
                                   call.input["logStreamName"].as_string()));
    return answer(Json::object());
}

Answered put_events(const Parts& parts, const gate::Permit& permit, wire::Call& call) {
    const Json& input = call.input;
    auto events = TRY(read_batch(input["logEvents"]));
    int64_t now = parts.clock->now().time_since_epoch().count();
    // Sorted by time: what is too old stands in front, what is too new at the end.
    auto first = std::find_if(events.begin(), events.end(), [&](const auto& event) { return event.timestamp >= now - past_max; });
    auto last = std::find_if(first, events.end(), [&](const auto& event) { return event.timestamp > now + future_max; });
    auto output = Json::object({{"nextSequenceToken", next_sequence_token}});
    auto rejected = Json::object();
    if (first != events.begin()) rejected.set("tooOldLogEventEndIndex", int64_t{first - events.begin()});
    if (last != events.end()) rejected.set("tooNewLogEventStartIndex", int64_t{last - events.begin()});
    if (rejected.size() > 0) output.set("rejectedLogEventsInfo", std::move(rejected));
    std::vector<::logs::Event> kept(first, last);
    for (auto& event : kept) event.ingestion = now;
    // Also without a single event to keep: a stream that is not there is an error.
    TRY(parts.store->put(owner_of(permit, call), input["logGroupName"].as_string(), input["logStreamName"].as_string(), kept));
    return answer(std::move(output));
}

}  // namespace services::logs
