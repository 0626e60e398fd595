#include "audit/syslog.hpp"

#include <algorithm>

#include "audit/cloudtrail.hpp"
#include "crypto/digest.hpp"

namespace audit {
namespace {

using text::Json;

constexpr int facility_local0 = 16;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";  // RFC 5424, 6.4: what follows is UTF-8
constexpr size_t host_bytes_max = 255;

int severity_of(const Json& record) {
    const std::string& outcome = record["Outcome"].as_string();
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

}  // namespace

std::string syslog_message(const Json& record, std::string_view host, int process) {
    Json event = cloudtrail_event(record);
    if (event.is_null()) event = record;
    std::string body = event.dump();
    const std::string head = "<" + std::to_string(facility_local0 * 8 + severity_of(record)) + ">1 " +
                             record["Time"].as_string() + " " + printable_name(host, host_bytes_max) + " trainwarden " +
                             std::to_string(process) + " " + printable_name(record["Outcome"].as_string(), 32) + " - " +
                             std::string(byte_order_mark);
    if (head.size() + body.size() > syslog_message_bytes_max)
        body = Json::object({{"requestID", record["RequestId"]},
                             {"eventID", event_id_of(record["RequestId"].as_string())},
                             {"cut", std::to_string(body.size()) + " bytes, sha256 " + crypto::hex(crypto::sha256(body))}})
                   .dump();
    return head + body;
}

std::string counted(const std::string& message) { return std::to_string(message.size()) + " " + message; }

}  // namespace audit
