// Source: CloudWatch Logs API Reference, PutLogEvents: what a batch may hold.
#include <algorithm>

#include "services/logs/request.hpp"

namespace services::logs {
namespace {

constexpr size_t batch_bytes_max = 1'048'576;
constexpr size_t event_overhead_bytes = 26;
constexpr size_t event_bytes_max = 262'144;  // overhead included
constexpr int64_t day = 24 * 3600 * 1000LL;
constexpr int64_t past_max = 14 * day;
constexpr int64_t future_max = 2 * 3600 * 1000LL;
// What a token says does not matter any more; that there is one does, to clients of before.
constexpr const char* next_sequence_token = "49640000000000000000000000000000000000000000000000000002";

Result<std::vector<::logs::Event>> read_batch(const std::vector<m::InputLogEvent>& list) {
    std::vector<::logs::Event> events;
    size_t bytes = 0;
    for (const auto& item : list) {
        ::logs::Event event;
        event.timestamp = item.timestamp;
        event.message = item.message;
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

Result<model::Nothing> create_group(Logs& logs, const Permit&, const m::CreateLogGroupRequest& in, Group&& group) {
    if (in.kms_key_id) return unsupported("kmsKeyId");
    if (in.tags) return unsupported("tags");
    if (in.log_group_class.value_or(m::LogGroupClass::standard) != m::LogGroupClass::standard ||
        in.deletion_protection_enabled.value_or(false))
        return invalid("Only log groups of the class STANDARD without deletion protection are supported by this server");
    TRY(logs.store.create_group(group.owner, group.name));
    return {};
}

Result<model::Nothing> delete_group(Logs& logs, const Permit&, const m::DeleteLogGroupRequest&, Group&& group) {
    TRY(logs.store.delete_group(group.owner, group.name));
    return {};
}

Result<model::Nothing> create_stream(Logs& logs, const Permit&, const m::CreateLogStreamRequest& in, Group&& group) {
    TRY(logs.store.create_stream(group.owner, group.name, in.log_stream_name));
    return {};
}

Result<model::Nothing> delete_stream(Logs& logs, const Permit&, const m::DeleteLogStreamRequest& in, Group&& group) {
    TRY(logs.store.delete_stream(group.owner, group.name, in.log_stream_name));
    return {};
}

Result<m::PutLogEventsResponse> put_events(Logs& logs, const Permit&, const m::PutLogEventsRequest& in, Group&& group) {
    auto events = TRY(read_batch(in.log_events));
    int64_t now = logs.clock.now().time_since_epoch().count();
    // Sorted by time: what is too old stands in front, what is too new at the end.
    auto first = std::find_if(events.begin(), events.end(), [&](const auto& event) { return event.timestamp >= now - past_max; });
    auto last = std::find_if(first, events.end(), [&](const auto& event) { return event.timestamp > now + future_max; });
    m::PutLogEventsResponse out{.next_sequence_token = next_sequence_token};
    m::RejectedLogEventsInfo rejected;
    if (first != events.begin()) rejected.too_old_log_event_end_index = static_cast<int32_t>(first - events.begin());
    if (last != events.end()) rejected.too_new_log_event_start_index = static_cast<int32_t>(last - events.begin());
    if (rejected.too_old_log_event_end_index || rejected.too_new_log_event_start_index) out.rejected_log_events_info = rejected;
    std::vector<::logs::Event> kept(first, last);
    for (auto& event : kept) event.ingestion = now;
    // Also without a single event to keep: a stream that is not there is an error.
    TRY(logs.store.put(group.owner, group.name, in.log_stream_name, kept));
    return out;
}

}  // namespace services::logs
