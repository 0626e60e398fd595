// Records as CloudTrail shows events. Pure.
// Source: CloudTrail User Guide, "CloudTrail record contents for management, data, and network activity events" and "CloudTrail
// userIdentity element"; CloudTrail API Reference, LookupEvents.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "audit/record_view.hpp"
#include "text/json.hpp"

namespace audit {

// Of a `RequestRecord`; null if it is of no request to an API (a note, a decision that a service asked for).
[[nodiscard]] text::Json cloudtrail_event(const text::Json& record);

// An id in a UUID's form that stands for the request's id, and back.
[[nodiscard]] std::string event_id_of(std::string_view request_id);
[[nodiscard]] std::string request_id_of(std::string_view event_id);
// Of records that have a request's id and are another event: what a service decided for it, and those that it stands for (`Repeated`).
// `time`: as the record shows it. An id that leads nowhere back: it is a term of the index (TermKind::event).
[[nodiscard]] bool is_derived(const RecordView& record);
[[nodiscard]] std::string derived_event_id(std::string_view request_id, std::string_view operation, std::string_view time);

// iam.amazonaws.com of iam, and back.
[[nodiscard]] std::string event_source_of(std::string_view service);
[[nodiscard]] std::string service_of(std::string_view event_source);

// Both point into the ARN, or to what is always there.
// AWS::S3::Bucket of arn:aws:s3:::b; empty: not known.
[[nodiscard]] std::string_view resource_type_of(std::string_view arn);
// What LookupEvents calls it: a bucket's or role's name.
[[nodiscard]] std::string_view resource_name_of(std::string_view arn);
struct ResourceWords {
    std::string_view type, name;
};
[[nodiscard]] ResourceWords resource_words_of(std::string_view arn);
// Of a record: an IAM user's name, a session's name, `root`. Empty: none.
[[nodiscard]] std::string user_name_of(const text::Json& record);

}  // namespace audit
