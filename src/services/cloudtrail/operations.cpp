// Sources: CloudTrail API Reference, LookupEvents; CloudTrail User Guide, "Viewing recent management events with the AWS CLI" (one
// attribute a request; a value is compared whole, with case).
#include "services/cloudtrail/operations.hpp"

#include <array>

#include "audit/cloudtrail.hpp"
#include "base/error_codes.hpp"
#include "crypto/digest.hpp"
#include "gate/operation.hpp"
#include "model/cloudtrail/operations.hpp"
#include "model/cloudtrail/service.hpp"
#include "text/time.hpp"

namespace services::cloudtrail {
namespace {

namespace m = model::cloudtrail;
using base::Result;
using gate::operation;
using gate::Permit;
using text::Json;

constexpr int32_t events_default = 50;
constexpr size_t token_bytes_max = 128;
constexpr size_t mark_bytes = 8;

struct CloudTrail {
    const audit::Log& log;
};

Result<void> set_attribute(audit::Query& query, const m::LookupAttribute& attribute) {
    const std::string& value = attribute.attribute_value;
    using Key = m::LookupAttributeKey;
    switch (attribute.attribute_key) {
        case Key::event_id:
            query.request_id = audit::request_id_of(value);
            return {};
        case Key::event_name:
            query.operation = value;
            return {};
        case Key::read_only:
            if (value != "true" && value != "false")
                return base::fail(base::code::InvalidLookupAttributesException, "ReadOnly is true or false.");
            query.writes = value == "false";
            return {};
        case Key::username:
            query.user_name = value;
            return {};
        case Key::resource_type:
            query.resource_type = value;
            return {};
        case Key::resource_name:
            (value.starts_with("arn:") ? query.resource : query.resource_name) = value;
            return {};
        case Key::event_source:
            query.service = audit::service_of(value);
            return {};
        case Key::access_key_id:
            query.access_key = value;
            return {};
        default:
            return base::fail(base::code::InvalidLookupAttributesException, "The attribute is not known.");
    }
}

// Of what was asked for, in its token: a token goes on with the same question.
std::string mark_of(const m::LookupEventsRequest& in) {
    std::string asked;
    for (const m::LookupAttribute& attribute : model::items(in.lookup_attributes))
        asked += std::to_string(static_cast<int>(attribute.attribute_key)) + "=" + attribute.attribute_value + "\n";
    for (const auto& time : {in.start_time, in.end_time}) asked += (time ? text::iso8601_millis(*time) : "") + "\n";
    return crypto::hex(crypto::sha256(asked).substr(0, mark_bytes));
}

Result<audit::Query> query_of(const m::LookupEventsRequest& in) {
    audit::Query query;
    query.management_only = true;
    query.since = in.start_time;
    // To the end of the second: events are shown with seconds.
    if (in.end_time) query.until = std::chrono::floor<std::chrono::seconds>(*in.end_time) + std::chrono::milliseconds(999);
    if (in.start_time && in.end_time && *in.start_time > *in.end_time)
        return base::fail(base::code::InvalidTimeRangeException, "The start time is after the end time.");
    const auto attributes = model::items(in.lookup_attributes);
    if (attributes.size() > 1)
        return base::fail(base::code::InvalidLookupAttributesException, "Only one lookup attribute can be specified.");
    if (!attributes.empty()) TRY(set_attribute(query, attributes.front()));
    query.most = static_cast<size_t>(in.max_results.value_or(events_default));
    if (in.next_token) {
        const std::string& token = *in.next_token;
        const size_t mark = token.find('-');
        if (token.size() > token_bytes_max || mark == std::string::npos || token.substr(mark + 1) != mark_of(in))
            return base::fail(base::code::InvalidNextTokenException, "The token is invalid.");
        query.older_than = token.substr(0, mark);
    }
    // By its id, one event: what else has the request's id has another.
    std::string event_id;
    if (!attributes.empty() && attributes.front().attribute_key == m::LookupAttributeKey::event_id)
        event_id = attributes.front().attribute_value;
    query.accept = [event_id = std::move(event_id)](const Json& record) {
        const Json event = audit::cloudtrail_event(record);
        return !event.is_null() && (event_id.empty() || event["eventID"].as_string() == event_id);
    };
    return query;
}

std::optional<std::string> if_any(std::string_view text) {
    return text.empty() ? std::nullopt : std::optional<std::string>(text);
}

m::Event shown(const Json& record) {
    const Json event = audit::cloudtrail_event(record);
    m::Event out{.event_id = event["eventID"].as_string(),
                 .event_name = event["eventName"].as_string(),
                 .read_only = event["readOnly"].as_bool() ? "true" : "false",
                 .access_key_id = if_any(record["AccessKeyId"].as_string()),
                 .event_time = text::parse_iso8601(event["eventTime"].as_string()),
                 .event_source = event["eventSource"].as_string(),
                 .username = if_any(audit::user_name_of(record)),
                 .cloud_trail_event = event.dump()};
    out.resources.emplace();
    for (const Json& resource : event["resources"].items()) {
        const std::string& arn = resource["ARN"].as_string();
        out.resources->push_back(
            {.resource_type = if_any(audit::resource_type_of(arn)), .resource_name = if_any(audit::resource_name_of(arn))});
    }
    return out;
}

Result<m::LookupEventsResponse> lookup_events(CloudTrail& cloudtrail, const Permit&, const m::LookupEventsRequest& in) {
    if (in.event_category) {  // Insights events: there are none
        m::LookupEventsResponse none;
        none.events.emplace();
        return none;
    }
    audit::Query query = TRY(query_of(in));
    auto page = cloudtrail.log.search(query);
    if (page && page->records.empty() && !query.request_id.empty()) {
        query.request_id.clear();
        query.derived_event = model::items(in.lookup_attributes).front().attribute_value;
        page = cloudtrail.log.search(query);
    }
    if (!page && page.error().code == base::code::InvalidToken)
        return base::fail(base::code::InvalidNextTokenException, "The token is invalid.");
    if (!page) return base::fail(std::move(page).error());
    m::LookupEventsResponse out;
    out.events.emplace();
    for (const Json& record : page->records) out.events->push_back(shown(record));
    if (!page->older.empty()) out.next_token = page->older + "-" + mark_of(in);
    return out;
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<CloudTrail>>({
    operation<m::LookupEvents, lookup_events>(),
});

}  // namespace

void add_operations(gate::Registry& registry, const audit::Log& log) {
    gate::add_operations<CloudTrail>(registry, CloudTrail{log}, operations);
}

}  // namespace services::cloudtrail
