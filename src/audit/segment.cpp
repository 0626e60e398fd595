#include "audit/segment.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/error_codes.hpp"
#include "base/utf8.hpp"
#include "crypto/digest.hpp"
#include "os/file.hpp"
#include "text/time.hpp"

namespace audit {
namespace {

using text::Json;

constexpr size_t line_bytes_guess = 2048;
constexpr size_t line_bytes_max = 64u << 20;
constexpr size_t unreadable_bytes_shown = 512;
constexpr std::string_view suffix = ".jsonl";

base::Time time_of(int64_t milliseconds) { return base::Time(std::chrono::milliseconds(milliseconds)); }

// The values of a condition key; of the time, `[]` stands for when the request was.
Json values_of(const std::string& key, const Json& values, base::Time time) {
    if (values.size() > 0 || !values.is_array()) return values;
    if (key == "aws:currenttime") return Json::array({Json(text::iso8601(time))});
    if (key != "aws:epochtime") return values;
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
    return Json::array({Json(std::to_string(seconds))});
}

Json context_of(const Json& shared, const Json& own, base::Time time) {
    std::vector<Json::Member> members;
    for (const auto& [key, values] : shared.members())
        if (!own.contains(key)) members.emplace_back(key, values_of(key, values, time));
    for (const auto& [key, values] : own.members())
        if (!values.is_null()) members.emplace_back(key, values_of(key, values, time));
    std::ranges::sort(members, {}, &Json::Member::first);
    Json out = Json::object();
    for (auto& [key, values] : members) out.set(key, std::move(values));
    return out;
}

void push_accesses(Json& out, const Json& group, const Json& decision, const Json& shared, base::Time time) {
    const Json context = context_of(shared, group["c"], time);
    const auto push = [&](const std::string& resource) {
        Json access = Json::object({{member::action, decision[member::action]}, {member::resource, resource}});
        for (const auto& [name, value] : decision.members())
            if (name != member::action) access.set(name, value);
        access.set(member::context, context);
        out.push(std::move(access));
    };
    if (!group["r"].is_array()) return push(group["r"].as_string());
    for (const Json& resource : group["r"].items()) push(resource.as_string());
}

void copy_members(Json& out, const Json& from) {
    for (const auto& [name, value] : from.members()) out.set(name, value);
}

std::string_view outcome_of(const Json& decided, const Json& answer) {
    if (decided["refused"].as_bool()) return outcome_refused;
    const Json& said = answer.is_null() ? decided : answer;
    if (!said.contains("s")) return outcome_not_answered;
    if (said.contains("e")) return outcome_failed;
    return said["partly"].as_bool() ? outcome_partly_refused : outcome_succeeded;
}

std::unexpected<base::Error> unavailable(const std::string& what, const std::string& path) {
    return base::fail(base::code::AuditUnavailable, what + " `" + path + "`: " + std::strerror(errno));
}

}  // namespace

Term outcome_term(std::string_view outcome) {
    return term_of(TermKind::outcome, outcome == outcome_partly_refused ? outcome_refused : outcome);
}

std::string segment_name(std::string_view stream, uint64_t number) {
    std::string digits = std::to_string(number);
    digits.insert(0, digits.size() < 8 ? 8 - digits.size() : 0, '0');
    return std::string(stream) + "-" + digits + std::string(suffix);
}

base::Result<std::vector<uint64_t>> segment_numbers(const std::string& folder, std::string_view stream) {
    std::vector<uint64_t> numbers;
    std::error_code error;
    for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
        const std::string name = at->path().filename().string();
        const std::string prefix = std::string(stream) + "-";
        if (!name.starts_with(prefix) || !name.ends_with(suffix)) continue;
        const std::string digits = name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
        if (digits.empty() || digits.size() > 18 || digits.find_first_not_of("0123456789") != std::string::npos) continue;
        numbers.push_back(std::stoull(digits));
    }
    if (error && error != std::errc::no_such_file_or_directory)
        return base::fail(base::code::AuditUnavailable,
                          "the folder of the audit log, `" + folder + "`, cannot be read: " + error.message());
    std::ranges::sort(numbers);
    return numbers;
}

Json unreadable_record(std::string_view line, int64_t time) {
    return Json::object({{member::time, text::iso8601_millis(time_of(time))},
                         {member::request_id, ""},
                         {member::unreadable, base::printable(capped(line, unreadable_bytes_shown))},
                         {member::note, "a record that cannot be read: " + std::to_string(line.size()) + " bytes, sha256 " +
                                            crypto::hex(crypto::sha256(line))}});
}

Json record_of(const Json& decided, const Json& answer, const Definition& definition) {
    if (decided.contains("note")) {
        const Json& note = decided["note"];
        Json out = Json::object({{member::time, text::iso8601_millis(time_of(note["time"].as_int()))}, {member::request_id, ""}});
        out.set(member::note, note["text"]);
        return out;
    }
    if (decided.contains("old")) {
        Json out = decided["old"];
        out.set(member::outcome, out.contains(member::error_code) ? Json(outcome_refused) : Json("notRecorded"));
        return out;
    }
    const base::Time time = time_of(decided["t"].as_int());
    Json out = Json::object({{member::time, text::iso8601_millis(time)}, {member::request_id, decided["id"]}});
    std::string lost;
    const auto value = [&](const Json& reference) -> const Json& {
        static const Json none;
        if (!reference.is_number()) return reference;
        if (const Json* found = definition(static_cast<uint32_t>(reference.as_int(-1)))) return *found;
        lost += (lost.empty() ? "" : ", ") + std::to_string(reference.as_int(-1));
        return none;
    };
    copy_members(out, value(decided["w"]));
    // The principal is unknown then, which is not the same as anonymous.
    if (const Json& principal = value(decided["p"]); !principal.is_null()) out.set(member::principal, principal);
    copy_members(out, value(decided["f"]));
    Json accesses = Json::array();
    const Json& shared = value(decided["c"]);
    for (const Json& group : decided["x"].items())
        if (const Json& decision = value(group["d"]); !decision.is_null()) push_accesses(accesses, group, decision, shared, time);
    out.set(member::accesses, std::move(accesses));
    if (decided.contains("in")) out.set(member::parameters, decided["in"].dump());
    out.set(member::outcome, outcome_of(decided, answer));
    const Json& said = answer.is_null() ? decided : answer;
    if (said.contains("s")) out.set(member::status, said["s"]);
    if (said.contains("e")) out.set(member::error_code, said["e"]);
    if (said.contains("m")) out.set(member::error_message, said["m"]);
    if (said.contains("made")) out.set(member::made, said["made"].dump());
    if (!answer.is_null()) out.set(member::answered, text::iso8601_millis(time_of(answer["t"].as_int())));
    if (decided.contains("repeated")) {
        out.set(member::repeated, decided["repeated"]);
        out.set(member::since, text::iso8601_millis(time_of(decided["since"].as_int())));
    }
    if (!lost.empty()) {
        out.set(member::unreadable, base::printable(capped(decided.dump(), unreadable_bytes_shown)));
        out.set(member::note, "what this record shares with others cannot be read (definitions " + lost +
                                  " of its segment): it shows only what is left of it");
    }
    return out;
}

SegmentSummary Scan::summary() const {
    return {.bytes = bytes,
            .first_number = first_number,
            .lines = lines,
            .first_time = first_time,
            .last_time = last_time,
            .chain = chain};
}

base::Result<Scan> scan_segment(const std::string& path, std::optional<Chain> chain, uint64_t expected, bool is_last) {
    const auto content = os::read_file(path);
    if (!content) return base::fail(base::code::AuditUnavailable, content.error().message);
    const std::string& bytes = *content;
    Scan scan;
    std::unordered_map<uint32_t, Json> definitions;
    std::unordered_map<uint64_t, uint32_t> entry_of_line;
    // Numbers are less than the lines before them: a manipulated file makes nothing large.
    const auto is_number = [&](int64_t number) { return number >= 0 && static_cast<uint64_t>(number) < scan.lines; };
    const auto definition = [&](uint32_t number) -> const Json* {
        if (is_number(number)) scan.next_definition = std::max(scan.next_definition, number + 1);
        const auto known = definitions.find(number);
        return known != definitions.end() ? &known->second : nullptr;
    };
    const auto found = [&](uint64_t number, const std::string& what) {
        if (scan.finding.empty()) scan.finding = "record " + std::to_string(number) + " " + what;
    };
    const auto saw = [&](int64_t time) {
        scan.first_time = scan.first_time == 0 ? time : std::min(scan.first_time, time);
        scan.last_time = std::max(scan.last_time, time);
    };
    std::string_view rest = bytes;
    while (!rest.empty()) {
        const size_t end = rest.find('\n');
        const std::string_view text = rest.substr(0, end);
        // Blocks that a loss of power took read as zeros, which no line has. Behind them nothing was on the disk either when it was
        // acknowledged: what is synced is synced with all before it.
        if (end == std::string_view::npos || (is_last && text.contains('\0'))) {
            scan.torn = rest;
            break;
        }
        rest.remove_prefix(end + 1);
        const auto offset = static_cast<uint32_t>(text.data() - bytes.data());
        if (scan.lines == 0) {
            Chain unknown = first_chain();
            const Line header = read_line(text, unknown);
            scan.header = header.json["segment"];
            if (!chain) {
                const auto said = read_head(Json::object({{"chain", scan.header["previous"]}, {"signature", "AA=="}}));
                chain = said ? said->chain : first_chain();
            }
            scan.chain = *chain;
            scan.first_number = expected != 0 ? expected : header.number;
        }
        const uint64_t number = scan.first_number + scan.lines;
        const auto position = static_cast<uint32_t>(scan.lines);
        const Chain before = scan.chain;
        Line line = read_line(text, scan.chain);
        ++scan.lines;
        scan.last_number = std::max(scan.last_number, line.number);
        if (line.number > number)
            found(number, line.number == number + 1
                              ? "is missing"
                              : "and those after it, up to " + std::to_string(line.number - 1) + ", are missing");
        else if (line.number < number && line.number != 0)
            found(line.number, "is not in its place: it stands after record " + std::to_string(number - 1));
        else if (!line.holds)
            found(number, "was altered");
        Entry entry{.decided_at = offset, .time = scan.last_time, .first_line = position, .last_line = position};
        if (line.json.is_null()) {
            entry.flags = entry_unreadable;
            const Term term = term_of(TermKind::note, "unreadable");
            scan.index.add(entry, {&term, 1});
            found(number, "cannot be read");
            continue;
        }
        const Json& json = line.json;
        if (json.contains("def")) {
            const int64_t defined = json["def"].as_int(-1);
            if (!is_number(defined) || !definitions.try_emplace(static_cast<uint32_t>(defined), json["v"]).second) {
                found(number, "defines what is not in its place");
                continue;
            }
            scan.index.define(static_cast<uint32_t>(defined), offset);
            scan.next_definition = std::max(scan.next_definition, static_cast<uint32_t>(defined) + 1);
        } else if (json.contains("head")) {
            scan.chains_before_heads.emplace(line.number, before);
            if (auto head = read_head(json["head"]))
                scan.heads.emplace_back(line.number, std::move(*head));
            else
                found(number, "is a signed head that cannot be read");
        } else if (json.contains("of")) {
            const auto decided = entry_of_line.find(static_cast<uint64_t>(json["of"].as_int()));
            if (decided == entry_of_line.end()) {
                found(number, "answers a request that is not there");
                continue;
            }
            Entry& answered = scan.index.entry(decided->second);
            answered.answered_at = offset;
            answered.last_line = position;
            answered.flags |= entry_answered;
            scan.index.add_term(decided->second, outcome_term(outcome_of(Json(), json)));
            saw(json["t"].as_int());
        } else if (json.contains("note")) {
            scan.notes.push_back(json["note"]);
            entry.time = json["note"]["time"].as_int();
            entry.flags = json["note"]["shown"].as_bool() ? uint32_t{entry_note} : entry_note | entry_hidden;
            const Term term = term_of(TermKind::note, "");
            scan.index.add(entry, json["note"]["shown"].as_bool() ? std::span<const Term>(&term, 1) : std::span<const Term>());
        } else if (json.contains("t") || json.contains("old")) {
            const Json record = record_of(json, Json(), definition);
            const auto time = text::parse_iso8601(record[member::time].as_string());
            entry.time = json.contains("t") ? json["t"].as_int() : time ? time->time_since_epoch().count() : scan.last_time;
            auto terms = terms_of(RecordView(record));
            if (record.contains(member::unreadable)) terms.push_back(term_of(TermKind::note, "unreadable"));
            if (json.contains("s") || json.contains("old")) {
                entry.flags = entry_answered;
                terms.push_back(outcome_term(record[member::outcome].as_string()));
            }
            entry_of_line.emplace(line.number, scan.index.add(entry, terms));
        }
        if (entry.time != 0) saw(entry.time);
    }
    if (scan.lines == 0) scan.chain = chain ? *chain : first_chain();
    scan.bytes = bytes.size() - scan.torn.size();
    return scan;
}

base::Result<SegmentReader> SegmentReader::open(const std::string& path, FindDefinition definition) {
    os::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) return unavailable("cannot open", path);
    return SegmentReader(std::move(file), std::move(definition));
}

std::string SegmentReader::line_at(uint32_t offset) const {
    std::string line;
    for (size_t piece = line_bytes_guess; line.size() < line_bytes_max; piece *= 4) {
        const size_t had = line.size();
        line.resize(had + piece);
        const ssize_t n = ::pread(file_.number(), line.data() + had, piece, static_cast<off_t>(offset + had));
        line.resize(had + static_cast<size_t>(std::max<ssize_t>(n, 0)));
        if (const size_t end = line.find('\n', had); end != std::string::npos) {
            line.resize(end);
            return line;
        }
        if (n <= 0) break;
    }
    return line;
}

const Json* SegmentReader::definition(uint32_t number) const {
    const auto [found, is_new] = definitions_.try_emplace(number);
    if (is_new)
        if (const auto offset = find_(number))
            if (auto json = text::parse_json(line_at(*offset)); json && (*json)["def"].as_int(-1) == int64_t{number})
                found->second = (*json)["v"];
    return found->second ? &*found->second : nullptr;
}

Json SegmentReader::record(const Entry& entry) const {
    const std::string line = line_at(entry.decided_at);
    auto decided = text::parse_json(line);
    if (!decided || !decided->is_object()) return unreadable_record(line, entry.time);
    Json answer;
    std::string unreadable;
    if (entry.answered_at != Entry::none) {
        const std::string answer_line = line_at(entry.answered_at);
        if (auto json = text::parse_json(answer_line); json && json->is_object())
            answer = std::move(*json);
        else
            unreadable = answer_line;
    }
    Json out = record_of(*decided, answer, [this](uint32_t number) { return definition(number); });
    if (!unreadable.empty()) {
        const Json shown = unreadable_record(unreadable, entry.time);
        out.set(member::unreadable, shown[member::unreadable]);
        out.set(member::note, "its answer: " + shown[member::note].as_string());
    }
    return out;
}

}  // namespace audit
