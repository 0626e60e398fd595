#include "audit/syslog.hpp"

#include <algorithm>

#include "audit/cloudtrail.hpp"
#include "audit/record_view.hpp"
#include "audit/value.hpp"

namespace audit {
namespace {

using text::Json;

constexpr int facility_local0 = 16;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";  // RFC 5424, 6.4: what follows is UTF-8
constexpr size_t host_bytes_max = 255;
constexpr size_t items_kept = 20;  // of a list, in an event that is too long

int severity_of(std::string_view outcome) {
    if (outcome == "succeeded" || outcome == "inProgress") return 6;
    return outcome == "failed" ? 5 : 4;
}

// PRINTUSASCII, and not empty.
std::string printable_name(std::string_view name, size_t most) {
    std::string out;
    for (const char c : name.substr(0, most))
        if (c > 32 && c < 127) out += c;
    return out.empty() ? "-" : out;
}

// Every member is there: of a list its first items, and of what is still too long, the longest first, its length and digest.
Json shortened(Json event, size_t most) {
    for (std::string whole = event.dump(); whole.size() > most; whole = event.dump()) {
        std::string longest;
        size_t bytes = 0;
        for (const auto& [name, member] : event.members())
            if (const size_t size = member.dump().size(); size > bytes) {
                bytes = size;
                longest = name;
            }
        const Json member = event[longest];
        if (member.is_array() && member.size() > items_kept) {
            Json items = Json::array();
            for (size_t i = 0; i < items_kept; ++i) items.push(member.items()[i]);
            items.push(Json::object({{"cut", std::to_string(member.size() - items_kept) + " more"}}));
            event.set(longest, std::move(items));
        } else {
            std::string said = cut_text(member.dump());
            if (said.size() >= bytes) return Json::object({{"cut", cut_text(whole)}});  // thousands of members: no event
            event.set(longest, std::move(said));
        }
    }
    return event;
}

}  // namespace

std::string syslog_message(const Json& record, std::string_view host, int process) {
    Json event = cloudtrail_event(record);
    if (event.is_null()) event = record;
    const RecordView view(record);
    std::string body = event.dump();
    const std::string head = "<" + std::to_string(facility_local0 * 8 + severity_of(view.outcome)) + ">1 " +
                             std::string(view.time) + " " + printable_name(host, host_bytes_max) + " trainwarden " +
                             std::to_string(process) + " " + printable_name(view.outcome, 32) + " - " +
                             std::string(byte_order_mark);
    if (head.size() + body.size() > syslog_message_bytes_max)
        body = shortened(std::move(event), syslog_message_bytes_max - head.size()).dump();
    return head + body;
}

std::string counted(const std::string& message) { return std::to_string(message.size()) + " " + message; }

}  // namespace audit
