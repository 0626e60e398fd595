// A record as a message of syslog. Pure.
// Source: RFC 5424 (the message), RFC 6587 section 3.4.1 (octet counting, on streams).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "text/json.hpp"

namespace audit {

// Of one message: what a UDP datagram takes. A longer event keeps all its members; lists have their first items (`resources`), and what
// is still too long is replaced by its length and digest.
constexpr size_t syslog_message_bytes_max = 60'000;

// Facility local0; severity by outcome: 6 (informational) of what succeeded, 5 of what failed, 4 of what was refused and of notes.
// MSGID is the outcome, MSG the CloudTrail event of a request, in JSON; of a note, the note.
[[nodiscard]] std::string syslog_message(const text::Json& record, std::string_view host, int process);

// As it goes over a stream.
[[nodiscard]] std::string counted(const std::string& message);

}  // namespace audit
