#include "server/audit_files.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/check.hpp"
#include "audit/archive.hpp"
#include "audit/cloudtrail.hpp"
#include "audit/log.hpp"
#include "audit/verify.hpp"
#include "base/error_codes.hpp"
#include "cli/data_paths.hpp"
#include "cli/terminal.hpp"
#include "cli/time_option.hpp"
#include "os/file.hpp"
#include "server/audit_key.hpp"
#include "text/time.hpp"

namespace server {
namespace {

using cli::Text;
using text::Json;

struct VerifySettings {
    std::string data;
    std::vector<std::string> public_keys;
    std::string head;
    bool json = false;
};

struct ExportSettings {
    std::string data, format = "json", since, until;
};

base::Result<std::string> read_text(const std::string& path) {
    auto content = os::read_file(path);
    if (!content) return base::fail(base::code::Usage, content.error().message);
    return content;
}

base::Result<void> require_log(const std::string& data) {
    std::error_code error;
    if (std::filesystem::is_directory(data + "/audit", error)) return {};
    return base::fail(base::code::Usage, "there is no audit log in `" + data + "`");
}

base::Result<audit::VerifyOptions> read_settings(const VerifySettings& settings) {
    audit::VerifyOptions options{.directory = settings.data + "/audit", .keys = {}, .heads = {}};
    TRY(require_log(settings.data));
    std::error_code error;
    std::vector<std::string> keys = settings.public_keys;
    std::string head = settings.head;
    if (const auto key_file = audit_key_file_of(settings.data)) {
        if (keys.empty()) {
            keys.push_back(*key_file + ".pub");
            // Of a restored server: who signed until then.
            if (std::filesystem::exists(*key_file + ".former.pub", error)) keys.push_back(*key_file + ".former.pub");
        }
        if (head.empty() && std::filesystem::exists(*key_file + ".head", error)) head = *key_file + ".head";
    }
    if (keys.empty())
        return base::fail(base::Error(base::code::Usage, "the folder does not say which key signed its log")
                              .note("name the public key with --public-key"));
    for (const std::string& file : keys) {
        const std::string pems = TRY(read_text(file));
        auto read = admin::public_keys_of(pems);
        if (read.empty()) return base::fail(base::code::Usage, "`" + file + "` holds no public key");
        for (auto& key : read) options.keys.push_back(std::move(key));
    }
    if (head.empty())
        cli::print_warning("no head that was kept elsewhere is known (--head): a log that was cut off at its end looks whole");
    if (head.empty()) return options;
    const std::string heads = TRY(read_text(head));
    options.heads = TRY(audit::read_heads(heads));
    return options;
}

Json to_json(const audit::VerifiedStream& stream) {
    Json said = Json::array();
    for (const std::string& one : stream.said) said.push(one);
    Json out = Json::object({{"Stream", stream.stream},
                             {"Segments", stream.segments},
                             {"FirstRecord", stream.first_record},
                             {"LastRecord", stream.last_record},
                             {"SignedUpTo", stream.signed_up_to},
                             {"Holds", stream.finding.empty()}});
    if (stream.signed_at != 0) out.set("SignedAt", text::iso8601_millis(base::Time(std::chrono::milliseconds(stream.signed_at))));
    if (!stream.finding.empty()) out.set("Finding", stream.finding);
    if (said.size() > 0) out.set("Notes", std::move(said));
    return out;
}

Text show(const audit::VerifiedStream& stream) {
    Text out = stream.finding.empty() ? paint(cli::Style::green, "holds") : paint(cli::Style::red, "does not hold");
    out = Text(stream.stream) + "  " + out + "  " + std::to_string(stream.segments) +
          (stream.segments == 1 ? " segment, records " : " segments, records ") + std::to_string(stream.first_record) + " to " +
          std::to_string(stream.last_record);
    if (stream.signed_at != 0) {
        out += ", signed up to record " + std::to_string(stream.signed_up_to) + " at " +
               text::iso8601_millis(base::Time(std::chrono::milliseconds(stream.signed_at)));
    }
    out += "\n";
    if (!stream.finding.empty()) out += "  " + paint(cli::Style::red, stream.finding) + "\n";
    for (const std::string& said : stream.said) out += "  the log says: " + Text(said) + "\n";
    return out;
}

base::Result<int> verify(const VerifySettings& settings) {
    const audit::VerifyOptions options = TRY(read_settings(settings));
    const audit::Verified verified = TRY(audit::verify(options));
    if (settings.json) {
        Json streams = Json::array();
        for (const auto& stream : verified.streams) streams.push(to_json(stream));
        cli::print_pretty_json(Json::object({{"Holds", verified.holds()}, {"Streams", std::move(streams)}}));
    } else {
        for (const auto& stream : verified.streams) cli::print(show(stream));
    }
    return verified.holds() ? 0 : 1;
}

base::Result<std::optional<std::string>> time_of(const std::string& option, const std::string& text) {
    const auto time = TRY(cli::read_time_option(option, text, base::SystemClock().now()));
    return time ? std::optional(text::iso8601_millis(*time)) : std::nullopt;
}

base::Result<int> export_records(const ExportSettings& settings) {
    if (settings.format != "json" && settings.format != "cloudtrail")
        return base::fail(base::code::Usage, "--format is json or cloudtrail, not `" + settings.format + "`");
    const auto since = TRY(time_of("--since", settings.since)), until = TRY(time_of("--until", settings.until));
    TRY(require_log(settings.data));
    const bool as_events = settings.format == "cloudtrail";
    TRY(audit::each_record(
        settings.data + "/audit", {audit::requests_stream, audit::unauthenticated_stream}, [&](const Json& record) {
            const std::string& time = record["Time"].as_string();  // in one form: their order is that of the texts
            if ((since && time < *since) || (until && time > *until)) return true;
            if (!as_events) {
                cli::print_json(record);
            } else if (const Json event = audit::cloudtrail_event(record); !event.is_null()) {
                cli::print_json(event);
            }
            return true;
        }));
    return 0;
}

}  // namespace

void add_audit_files(cli::Command& audit) {
    auto settings = std::make_shared<VerifySettings>();
    settings->data = cli::default_data_folder();
    cli::Command command = audit.subcommand("verify", "Is the log as it was written? Names the first record that is not");
    command.data_folder(settings->data, "the data folder, or a copy");
    command.option("--public-key", "FILE", settings->public_keys, "a key that signed; repeatable (default: the folder's)");
    command.option("--head", "FILE", settings->head,
                   "the newest signed heads, kept elsewhere (default: beside the folder's key)");
    command.flag("--json", settings->json, "print JSON");
    command.footer(
        "The exit status is 1 if anything is not as it was written, 2 if it was not checked: no such log, key or head.");
    command.action([settings] { return verify(*settings); });

    auto exported = std::make_shared<ExportSettings>();
    exported->data = cli::default_data_folder();
    cli::Command export_command = audit.subcommand("export", "Every record, one JSON object a line, oldest first by time");
    export_command.data_folder(exported->data, "the data folder, or a copy");
    export_command.option("--format", "FORMAT", exported->format, "json: as `audit --json`; cloudtrail: as CloudTrail's events");
    export_command.option("--since", "TIME", exported->since,
                          "only since then: 2026-01-31T12:00:00Z, a date, or how long ago: 12h, 7d");
    export_command.option("--until", "TIME", exported->until, "only until then");
    export_command.action([exported] { return export_records(*exported); });
}

}  // namespace server
