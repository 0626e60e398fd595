// A record as the text of a line, in parts: those that repeat (who, from where, the circumstances, a decision) are written once a
// segment and referred to by number; the rest stands in each line. Pure.
//
// The members of a line of a request (README.md has the whole grammar):
//     t    when, milliseconds since 1970        id   the request's id
//     w    {"Service","Operation"}              p    Principal
//     f    {"AccessKeyId","SessionName","SourceAddress","UserAgent"}
//     c    the condition keys that all accesses share; [] of aws:currenttime and aws:epochtime: they are `t`
//     x    the accesses: d (decision, with the action), r (one resource or more that it is the same for), c (keys of its own)
//     in   what was asked
//   and, where both facts are in one line, those of the answer:
//     s    status    e, m   error code and message    made   what was made    refused  true: nothing was done
//     repeated, since: this many more of the same until `t`, the first at `since`
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "audit/record.hpp"

namespace audit {

// A piece of a line. One that is `shared` is a JSON object that other records have too.
struct Part {
    std::string text;
    bool shared = false;
};

// What questions look for, as a hash; who finds one reads the record to be sure.
using Term = uint64_t;
enum class TermKind : char {
    request_id = 'i',
    principal = 'p',  // its ARN, its role's ARN, a service's name
    access_key = 'k',
    user_name = 'u',  // of a user, or of a session; root
    service = 's',
    operation = 'e',
    action = 'a',  // in lower case
    resource = 'r',
    resource_name = 'R',  // as CloudTrail calls it
    resource_type = 'y',
    outcome = 'o',
    writes = 'w',      // "true", "false": does it change anything
    management = 'm',  // "true": of what CloudTrail calls a management event
    note = 'n',        // "": not a request, but shown in lists; "unreadable"
};
[[nodiscard]] Term term_of(TermKind kind, std::string_view value);

struct RecordText {
    std::vector<Part> parts;  // of the line, from `"t":` on, without braces
    std::vector<Term> terms;  // of the index, without the outcome
};
[[nodiscard]] RecordText text_of(const Record& record);
// Equal for requests that differ in time and id alone.
[[nodiscard]] std::string sameness_of(const RecordText& text);
// The same terms, of a record that was read.
[[nodiscard]] std::vector<Term> terms_of(const text::Json& record);

// `"s":200,…`: the members of an answer.
[[nodiscard]] std::string answer_text(int status, std::string_view error_code, std::string_view error_message,
                                      std::string_view made);

// A referer may be a presigned URL, which is a credential: its query stays out.
[[nodiscard]] std::string without_credentials(std::string_view key, const std::string& value);

// CloudTrail's management events: all but reading and writing objects, log events and data points.
[[nodiscard]] bool is_management(std::string_view service, std::string_view operation);

}  // namespace audit
