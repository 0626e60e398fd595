// Where the records of a segment are, by what questions look for: made while a segment is written, saved when it is full.
// Never evidence: made anew from the segment where it is missing or of another one, and compared with it by `audit verify`.
//
// The file `STREAM-NNNNNNNN.index`, numbers in the machine's order: a header (see the .cpp), then arrays of entries, offsets of
// definitions, terms by hash, and entry numbers by term.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "audit/line.hpp"
#include "audit/record_text.hpp"

namespace audit {

enum EntryFlag : uint32_t {
    entry_answered = 1,
    entry_unreadable = 2,
    entry_note = 4,    // not of a request
    entry_hidden = 8,  // a note that no list shows
};

// One request of a segment, or a note.
struct Entry {
    static constexpr uint32_t none = 0xFFFFFFFF;
    uint32_t decided_at = 0;      // offset of its line in the file
    uint32_t answered_at = none;  // … and of the line with the answer, if that is another
    int64_t time = 0;
    uint32_t first_line = 0, last_line = 0;  // of it, counted from the segment's first line, which is 0
    uint32_t flags = 0;
    uint32_t unused = 0;  // so that equal entries are equal bytes
};

// Of a whole segment.
struct SegmentSummary {
    uint64_t bytes = 0;
    uint64_t first_number = 0, lines = 0;  // of its lines
    int64_t first_time = 0, last_time = 0;
    Chain chain;  // at its end
};

class SegmentIndex {
public:
    virtual ~SegmentIndex() = default;
    [[nodiscard]] virtual std::span<const Entry> entries() const = 0;
    [[nodiscard]] virtual std::optional<uint32_t> definition(uint32_t number) const = 0;  // its offset, if it can be read
    // Ascending.
    [[nodiscard]] virtual std::vector<uint32_t> find(Term term) const = 0;
};

// Grows. One thread at a time.
class GrowingIndex final : public SegmentIndex {
public:
    [[nodiscard]] std::span<const Entry> entries() const override { return entries_; }
    [[nodiscard]] std::optional<uint32_t> definition(uint32_t number) const override;
    [[nodiscard]] std::vector<uint32_t> find(Term term) const override;

    uint32_t add(const Entry& entry, std::span<const Term> terms);
    void add_term(uint32_t entry, Term term) { terms_.emplace_back(term, entry); }
    Entry& entry(uint32_t number) { return entries_[number]; }
    // The first definition of a number stands. REQUIRES: `number` is less than the lines of a segment
    void define(uint32_t number, uint32_t offset);

    // The file's content.
    [[nodiscard]] std::string saved(const SegmentSummary& segment) const;

private:
    std::vector<Entry> entries_;
    std::vector<uint32_t> definitions_;  // by number; Entry::none: it cannot be read
    std::vector<std::pair<Term, uint32_t>> terms_;
};

// A file that this version does not read, and makes anew.
[[nodiscard]] bool is_index_of_earlier_version(std::string_view file);

// The saved index of a segment of so many bytes, mapped into memory; nullptr: there is none that fits. Fills in `segment`.
[[nodiscard]] std::shared_ptr<const SegmentIndex> open_index(const std::string& path, uint64_t segment_bytes,
                                                             SegmentSummary& segment);

}  // namespace audit
