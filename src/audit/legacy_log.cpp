#include "audit/legacy_log.hpp"

#include <unistd.h>

#include <fstream>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "base/utf8.hpp"
#include "crypto/digest.hpp"
#include "text/time.hpp"

namespace audit {
namespace {

constexpr std::string_view earlier_stream = "audit";
constexpr size_t bytes_noted = 1024;

base::Result<void> take_over(const std::string& line, Stream& stream, base::Time now) {
    auto record = text::parse_json(base::valid_utf8(line));
    if (!record || !record->is_object()) {
        const std::string said = "a record of the earlier log that cannot be read: " + std::to_string(line.size()) +
                                 " bytes, sha256 " + crypto::hex(crypto::sha256(line)) + ": " +
                                 base::printable(line.substr(0, bytes_noted));
        return stream.note("unreadable", said, true, now);
    }
    const auto time = text::parse_iso8601((*record)[member::time].as_string());
    const std::string_view outcome = record->contains(member::error_code) ? outcome_refused : "notRecorded";
    return stream.take_over(record->dump(), terms_of(RecordView(*record)), outcome,
                            (time ? *time : now).time_since_epoch().count());
}

}  // namespace

base::Result<void> take_over_legacy_log(const std::string& directory, Stream& stream, base::Time now) {
    for (const uint64_t number : TRY(segment_numbers(directory, earlier_stream))) {
        const std::string name = segment_name(earlier_stream, number), path = directory + "/" + name;
        std::ifstream file(path, std::ios::binary);
        std::string line;
        uint64_t records = 0;
        while (std::getline(file, line)) {
            if (line.empty()) continue;
            TRY(take_over(line, stream, now));
            ++records;
        }
        if (file.bad() || !file.eof()) return base::fail(base::code::AuditUnavailable, "cannot read `" + path + "`");
        const std::string said = std::to_string(records) + " records of " + name + ", of an earlier version, were taken over";
        TRY(stream.note("taken over", said, true, now));
        TRY(stream.make_all_durable());
        if (::unlink(path.c_str()) != 0) return base::fail(base::code::AuditUnavailable, "cannot remove `" + path + "`");
        base::log_info("the audit log: " + said);
    }
    return {};
}

}  // namespace audit
