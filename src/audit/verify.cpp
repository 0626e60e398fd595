#include "audit/verify.hpp"

#include <algorithm>
#include <charconv>

#include "audit/log.hpp"
#include "audit/segment.hpp"
#include "audit/stream.hpp"
#include "base/error_codes.hpp"
#include "os/file.hpp"

namespace audit {
namespace {

// The server signs after lines_between_heads_max lines, and a batch may still be written before it does.
constexpr uint64_t unsigned_lines_max = lines_between_heads_max + 2048;

// A removal is said in the log before it happens. Earlier versions said its number in words alone: `segment N was removed, …`.
std::optional<uint64_t> removed_segment(const text::Json& note) {
    if (note["what"].as_string() != "removed") return std::nullopt;
    if (note["segment"].is_number()) return static_cast<uint64_t>(note["segment"].as_int());
    std::string_view text = note["text"].as_string();
    constexpr std::string_view before = "segment ";
    if (!text.starts_with(before)) return std::nullopt;
    text.remove_prefix(before.size());
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return std::nullopt;
    return number;
}

class StreamVerifier {
public:
    StreamVerifier(const VerifyOptions& options, std::string stream) : options_(options) { out_.stream = std::move(stream); }

    base::Result<VerifiedStream> run() {
        const auto numbers = TRY(segment_numbers(options_.directory, out_.stream));
        uint64_t expected_segment = 0;
        for (const uint64_t number : numbers) {
            if (expected_segment != 0 && number != expected_segment)
                find("segment " + std::to_string(expected_segment) + " (" + segment_name(out_.stream, expected_segment) +
                     ") is missing");
            expected_segment = number + 1;
            TRY(segment(number, number == numbers.back()));
        }
        out_.segments = numbers.size();
        if (!numbers.empty() && numbers.front() > 1 && highest_removed_ + 1 < numbers.front())
            find("segments up to " + std::to_string(numbers.front() - 1) +
                 " are missing, and the log does not say that they were removed");
        for (const Head& head : options_.heads)
            if (head.stream == out_.stream) kept_head(head);
        if (last_line_ > vouched_for() && last_line_ - vouched_for() > unsigned_lines_max)
            find("no head was signed after record " + std::to_string(out_.signed_up_to) + ", of " + std::to_string(last_line_) +
                 ": the server signs more often");
        out_.last_record = last_line_;
        return std::move(out_);
    }

private:
    void find(const std::string& what) {
        if (out_.finding.empty()) out_.finding = what;
    }

    base::Result<void> segment(uint64_t number, bool is_last) {
        const std::string name = segment_name(out_.stream, number), path = options_.directory + "/" + name;
        Scan scan = TRY(scan_segment(path, chain_, last_line_ == 0 ? 0 : last_line_ + 1, is_last));
        if (scan.lines == 0) return {};  // the server ended before its first line was there
        if (out_.first_record == 0) out_.first_record = scan.first_number;
        if (scan.header["stream"].as_string() != out_.stream || static_cast<uint64_t>(scan.header["number"].as_int()) != number)
            find(name + " is another segment: by its first record it is " +
                 segment_name(scan.header["stream"].as_string(), static_cast<uint64_t>(scan.header["number"].as_int())));
        if (!scan.finding.empty()) find(name + ": " + scan.finding);
        if (!scan.torn.empty() && !is_last)
            find(name + ": it ends in the middle of record " + std::to_string(scan.first_number + scan.lines));
        if (!scan.torn.empty() && is_last)
            out_.said.push_back(
                "it is incomplete at the end: of what is behind record " + std::to_string(scan.first_number + scan.lines - 1) +
                " (" + std::to_string(scan.torn.size()) +
                " bytes) nothing can be read; a crash or a loss of power cut it off, and none of it was promised to be kept");
        check_heads(name, scan);
        for (const text::Json& note : scan.notes) heard(note);
        check_index(path, name, scan);
        chain_ = scan.chain;
        last_line_ = std::max(scan.last_number, scan.first_number + scan.lines - 1);
        return {};
    }

    // The chain value that a head vouches for is that of the line before it: the heads of a segment are checked on a walk of their own.
    void check_heads(const std::string& name, const Scan& scan) {
        for (const auto& [line, head] : scan.heads) {
            const auto at = scan.chains_before_heads.find(line);
            const std::string where =
                name + ": records " + std::to_string(out_.signed_up_to + 1) + " to " + std::to_string(line - 1);
            if (head.stream != out_.stream || head.lines + 1 != line || at == scan.chains_before_heads.end() ||
                at->second != head.chain)
                find(where + " are not what the head in record " + std::to_string(line) + " was signed for: they were altered");
            else if (!is_signed(head))
                find(where + " were altered, or the head in record " + std::to_string(line) +
                     " was: its signature does not hold under a key that is known (" + head.key + ")");
            if (line - vouched_for() > unsigned_lines_max)
                find(where + " have no signed head between them: the server signs more often");
            out_.signed_up_to = line;
            out_.signed_at = head.time;
            chains_.emplace_back(head.lines, head.chain);
        }
    }

    // The last record that a head vouches for; before the first head, what was removed.
    [[nodiscard]] uint64_t vouched_for() const {
        return out_.signed_up_to != 0 || out_.first_record == 0 ? out_.signed_up_to : out_.first_record - 1;
    }

    [[nodiscard]] bool is_signed(const Head& head) const {
        return std::ranges::any_of(options_.keys, [&](const crypto::PublicKey& key) {
            return key.id() == head.key && key.verifies(signed_text(head), head.signature);
        });
    }

    void heard(const text::Json& note) {
        const std::string& what = note["what"].as_string();
        if (const auto removed = removed_segment(note)) highest_removed_ = std::max(highest_removed_, *removed);
        if (what == "cut-off" || what == "broken") find("the server found when it began: " + note["text"].as_string());
        if (what != "opened" && what != "closed") out_.said.push_back(note["text"].as_string());
    }

    void check_index(const std::string& path, const std::string& name, const Scan& scan) {
        const auto saved = os::read_file(path.substr(0, path.rfind('.')) + ".index");
        if (!saved || is_index_of_earlier_version(*saved)) return;  // it is made anew
        SegmentSummary summary = scan.summary();
        summary.bytes += scan.torn.size();
        if (*saved != scan.index.saved(summary))
            find(name +
                 ": its index is of something else, and hides records: remove the .index file, and the server makes it anew");
    }

    void kept_head(const Head& head) {
        if (!is_signed(head))
            return find("the signature of the head that was kept elsewhere does not hold under a key that is known (" + head.key +
                        ")");
        if (head.lines > last_line_)
            return find("the log was cut off: it ends at record " + std::to_string(last_line_) +
                        ", and a head was signed for record " + std::to_string(head.lines));
        const auto same = std::ranges::find(chains_, head.lines, &std::pair<uint64_t, Chain>::first);
        if (same == chains_.end() ? head.lines >= out_.first_record : same->second != head.chain)
            find("the records up to " + std::to_string(head.lines) +
                 " are not those that were signed for the head that was kept elsewhere");
    }

    const VerifyOptions& options_;
    VerifiedStream out_;
    std::optional<Chain> chain_;
    uint64_t last_line_ = 0;
    uint64_t highest_removed_ = 0;
    std::vector<std::pair<uint64_t, Chain>> chains_;  // of heads, by the lines that they vouch for
};

}  // namespace

bool Verified::holds() const {
    return std::ranges::all_of(streams, [](const VerifiedStream& one) { return one.finding.empty(); });
}

base::Result<Verified> verify(const VerifyOptions& options) {
    Verified out;
    for (const std::string_view stream : {requests_stream, unauthenticated_stream})
        out.streams.push_back(TRY(StreamVerifier(options, std::string(stream)).run()));
    return out;
}

base::Result<std::vector<Head>> read_heads(const std::string& json) {
    std::vector<Head> out;
    const text::Json heads = TRY(text::parse_json(json));
    for (const auto& [stream, one] : heads.members()) {
        auto head = read_head(one);
        if (!head) return base::fail(base::code::InvalidHead, "the head of " + stream + " cannot be read");
        out.push_back(std::move(*head));
    }
    return out;
}

}  // namespace audit
