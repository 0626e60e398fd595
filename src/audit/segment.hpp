// Reading a segment: lines to records.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "audit/line.hpp"
#include "audit/segment_index.hpp"
#include "base/result.hpp"
#include "os/descriptor.hpp"
#include "text/json.hpp"

namespace audit {

// Outcomes, as records show them.
constexpr std::string_view outcome_succeeded = "succeeded";
constexpr std::string_view outcome_failed = "failed";                 // it was allowed, and the answer was an error
constexpr std::string_view outcome_refused = "refused";               // nothing was done
constexpr std::string_view outcome_partly_refused = "partlyRefused";  // of DeleteObjects, some keys
constexpr std::string_view outcome_not_answered = "notAnswered";      // the server ended before its answer

// The index's term: who asks for what was refused gets what was refused in part, too.
[[nodiscard]] Term outcome_term(std::string_view outcome);

// STREAM-NNNNNNNN.jsonl
[[nodiscard]] std::string segment_name(std::string_view stream, uint64_t number);
// The numbers of a stream's segments in the folder, ascending; none if there is no folder. Error `AuditUnavailable`: it cannot be read, which must not
// look like a log without records.
[[nodiscard]] base::Result<std::vector<uint64_t>> segment_numbers(const std::string& folder, std::string_view stream);

// A whole segment, read from its first byte.
struct Scan {
    GrowingIndex index;
    text::Json header;             // `segment` of the first line
    uint32_t next_definition = 0;  // a number that no line defines or refers to, nor any after it
    uint64_t first_number = 0;     // of the first line
    uint64_t lines = 0;
    uint64_t last_number = 0;                                 // of the last line, by what it says
    uint64_t bytes = 0;                                       // up to the end of the last whole line
    std::string torn;                                         // what is behind it: what a crash or a loss of power cut off
    Chain chain;                                              // at the end
    std::vector<std::pair<uint64_t, Head>> heads;             // signed heads, and the numbers of the lines that hold them
    std::unordered_map<uint64_t, Chain> chains_before_heads;  // by the numbers of those lines
    std::vector<text::Json> notes;                            // every `note`
    int64_t first_time = 0, last_time = 0;
    // The first thing that is not as it was written, in words; empty: nothing.
    std::string finding;

    [[nodiscard]] SegmentSummary summary() const;
};
// `chain`: before the first line; absent: what the segment's own header says. `expected`: number of the first line, 0: its own.
// Error `AuditUnavailable`: the file cannot be read.
// `is_last`: of its stream, so that a loss of power may have taken of it what was not synced.
[[nodiscard]] base::Result<Scan> scan_segment(const std::string& path, std::optional<Chain> chain, uint64_t expected,
                                              bool is_last = false);

// The records of one segment, by its index. One thread at a time.
class SegmentReader {
public:
    // `index` outlives the reader. Definitions are looked up by `definition`.
    using FindDefinition = std::function<std::optional<uint32_t>(uint32_t number)>;
    [[nodiscard]] static base::Result<SegmentReader> open(const std::string& path, FindDefinition definition);

    // A `RequestRecord` of models/trainwarden.service-2.json; what cannot be read is shown as such.
    [[nodiscard]] text::Json record(const Entry& entry) const;
    // The text of the line at this offset; empty: there is none.
    [[nodiscard]] std::string line_at(uint32_t offset) const;

private:
    SegmentReader(os::Descriptor file, FindDefinition definition) : file_(std::move(file)), find_(std::move(definition)) {}
    const text::Json* definition(uint32_t number) const;

    os::Descriptor file_;
    FindDefinition find_;
    mutable std::unordered_map<uint32_t, std::optional<text::Json>> definitions_;  // absent: it cannot be read
};

// A line of a request and that of its answer (null: none) as a record. `definition` gives what a number stands for; nullptr: that
// cannot be read. Then what is known is shown, without what is not, and the record says so: `Unreadable` and `Note`.
using Definition = std::function<const text::Json*(uint32_t number)>;
[[nodiscard]] text::Json record_of(const text::Json& decided, const text::Json& answer, const Definition& definition);
// A line that cannot be read.
[[nodiscard]] text::Json unreadable_record(std::string_view line, int64_t time);

}  // namespace audit
