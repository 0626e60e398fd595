#include "server/check_report_output.hpp"

#include <array>
#include <cstdio>

#include "cli/terminal.hpp"
#include "text/json.hpp"

namespace server {

using cli::Text;
using text::Json;

std::string size_of(uint64_t bytes) {
    constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    auto value = static_cast<double>(bytes);
    while (value >= 1024 && unit + 1 < std::size(units)) {
        value /= 1024;
        ++unit;
    }
    char text[32];
    std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return text;
}

int show(const admin::CheckReport& report, bool json) {
    if (json) {
        Json findings = Json::array();
        for (const auto& one : report.findings)
            findings.push(Json::object({{"Place", one.place}, {"What", one.what}, {"Remedy", one.remedy}}));
        cli::print_pretty_json(Json::object({{"Holds", report.holds()},
                                             {"Backups", report.backups},
                                             {"Files", report.files},
                                             {"Records", report.records},
                                             {"Blobs", report.blobs},
                                             {"BlobBytes", report.blob_bytes},
                                             {"BlobsWithoutDigest", report.without_digest},
                                             {"UnnamedBlobs", report.unnamed_blobs},
                                             {"AuditRecords", report.audit_records},
                                             {"Findings", std::move(findings)},
                                             {"MoreFindings", report.more_findings}}));
        return report.holds() ? 0 : 1;
    }
    for (const auto& one : report.findings) {
        cli::print(cli::paint(cli::Style::red, "damaged") + "  " + one.place + "\n");
        cli::print("         " + Text(one.what) + "\n         remedy: " + one.remedy + "\n");
    }
    if (report.more_findings > 0) cli::print(Text("and ") + std::to_string(report.more_findings) + " more\n");
    cli::print((report.holds() ? cli::paint(cli::Style::green, "whole") : cli::paint(cli::Style::red, "not whole")) + "  " +
               std::to_string(report.records) + " records, " + std::to_string(report.blobs) + " blobs (" +
               size_of(report.blob_bytes) + "), " + std::to_string(report.audit_records) + " lines of the audit log" +
               (report.backups > 0
                    ? ", " + std::to_string(report.files) + " files of " + std::to_string(report.backups) + " backups"
                    : "") +
               "\n");
    if (report.without_digest > 0)
        cli::print(Text("  of ") + std::to_string(report.without_digest) + " blobs only the size is known\n");
    if (report.unnamed_blobs > 0)
        cli::print(Text("  ") + std::to_string(report.unnamed_blobs) +
                   " blobs that no record names: the next start of the server removes them\n");
    return report.holds() ? 0 : 1;
}

}  // namespace server
