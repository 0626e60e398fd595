#include "audit/segment_index.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "os/descriptor.hpp"

namespace audit {
namespace {

// 2: a bucket or object that a request of S3 named is a term of its record, also where nothing was decided on it.
// 3: the unique id of who asked is a term.
constexpr char magic[8] = {'T', 'W', 'A', 'U', 'D', 'I', 'X', '3'};
constexpr auto earlier_magics = std::to_array<std::string_view>({"TWAUDIX1", "TWAUDIX2"});

struct Header {
    char magic[8];
    uint64_t segment_bytes, first_number, lines;
    int64_t first_time, last_time;
    char chain[32];
    uint32_t entries, definitions, terms, numbers;
};

struct TermRange {
    Term term;
    uint32_t begin, count;
};

template <class T>
void append_array(std::string& out, const std::vector<T>& values) {
    if (values.empty()) return;
    out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

template <class T>
size_t padded(size_t count) {
    return (count * sizeof(T) + 7) / 8 * 8;
}

void pad(std::string& out) { out.resize((out.size() + 7) / 8 * 8); }

std::optional<uint32_t> offset_in(std::span<const uint32_t> definitions, uint32_t number) {
    if (number >= definitions.size() || definitions[number] == Entry::none) return std::nullopt;
    return definitions[number];
}

class MappedIndex final : public SegmentIndex {
public:
    MappedIndex(const char* data, size_t size) : data_(data), size_(size) {
        std::memcpy(&header_, data, sizeof header_);
        const char* at = data + sizeof header_;
        entries_ = {reinterpret_cast<const Entry*>(at), header_.entries};
        at += padded<Entry>(header_.entries);
        definitions_ = {reinterpret_cast<const uint32_t*>(at), header_.definitions};
        at += padded<uint32_t>(header_.definitions);
        terms_ = {reinterpret_cast<const TermRange*>(at), header_.terms};
        at += padded<TermRange>(header_.terms);
        numbers_ = {reinterpret_cast<const uint32_t*>(at), header_.numbers};
    }
    ~MappedIndex() override { ::munmap(const_cast<char*>(data_), size_); }
    MappedIndex(const MappedIndex&) = delete;
    MappedIndex& operator=(const MappedIndex&) = delete;

    static bool fits(const Header& header, size_t size) {
        return sizeof header + padded<Entry>(header.entries) + padded<uint32_t>(header.definitions) +
                   padded<TermRange>(header.terms) + padded<uint32_t>(header.numbers) ==
               size;
    }

    std::span<const Entry> entries() const override { return entries_; }
    std::optional<uint32_t> definition(uint32_t number) const override { return offset_in(definitions_, number); }
    std::vector<uint32_t> find(Term term) const override {
        const auto found = std::ranges::lower_bound(terms_, term, {}, &TermRange::term);
        if (found == terms_.end() || found->term != term) return {};
        if (size_t{found->begin} + found->count > numbers_.size()) return {};
        const auto part = numbers_.subspan(found->begin, found->count);
        std::vector<uint32_t> out(part.begin(), part.end());
        // A manipulated file names no entry that is not there.
        std::erase_if(out, [&](uint32_t number) { return number >= entries_.size(); });
        return out;
    }

private:
    const char* data_;
    size_t size_;
    Header header_{};
    std::span<const Entry> entries_;
    std::span<const uint32_t> definitions_;
    std::span<const TermRange> terms_;
    std::span<const uint32_t> numbers_;
};

}  // namespace

std::optional<uint32_t> GrowingIndex::definition(uint32_t number) const { return offset_in(definitions_, number); }

void GrowingIndex::define(uint32_t number, uint32_t offset) {
    if (number >= definitions_.size()) definitions_.resize(size_t{number} + 1, Entry::none);
    if (definitions_[number] == Entry::none) definitions_[number] = offset;
}

std::vector<uint32_t> GrowingIndex::find(Term term) const {
    std::vector<uint32_t> out;
    for (const auto& [hash, entry] : terms_)
        if (hash == term) out.push_back(entry);
    std::ranges::sort(out);  // outcomes come late
    return out;
}

uint32_t GrowingIndex::add(const Entry& entry, std::span<const Term> terms) {
    const auto number = static_cast<uint32_t>(entries_.size());
    entries_.push_back(entry);
    for (const Term term : terms) terms_.emplace_back(term, number);
    return number;
}

std::string GrowingIndex::saved(const SegmentSummary& segment) const {
    auto sorted = terms_;
    std::ranges::sort(sorted);
    std::vector<TermRange> ranges;
    std::vector<uint32_t> numbers;
    numbers.reserve(sorted.size());
    for (const auto& [term, entry] : sorted) {
        if (ranges.empty() || ranges.back().term != term) ranges.push_back({term, static_cast<uint32_t>(numbers.size()), 0});
        if (ranges.back().count > 0 && numbers.back() == entry) continue;
        ++ranges.back().count;
        numbers.push_back(entry);
    }
    Header header{};
    std::memcpy(header.magic, magic, sizeof magic);
    header.segment_bytes = segment.bytes;
    header.first_number = segment.first_number;
    header.lines = segment.lines;
    header.first_time = segment.first_time;
    header.last_time = segment.last_time;
    std::memcpy(header.chain, segment.chain.data(), std::min(segment.chain.size(), sizeof header.chain));
    header.entries = static_cast<uint32_t>(entries_.size());
    header.definitions = static_cast<uint32_t>(definitions_.size());
    header.terms = static_cast<uint32_t>(ranges.size());
    header.numbers = static_cast<uint32_t>(numbers.size());
    std::string out(reinterpret_cast<const char*>(&header), sizeof header);
    append_array(out, entries_);
    pad(out);
    append_array(out, definitions_);
    pad(out);
    append_array(out, ranges);
    pad(out);
    append_array(out, numbers);
    pad(out);
    return out;
}

bool is_index_of_earlier_version(std::string_view file) {
    return std::ranges::any_of(earlier_magics, [&](std::string_view earlier) { return file.starts_with(earlier); });
}

std::shared_ptr<const SegmentIndex> open_index(const std::string& path, uint64_t segment_bytes, SegmentSummary& segment) {
    const os::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) return nullptr;
    struct stat status{};
    Header header{};
    const bool read =
        ::fstat(file.number(), &status) == 0 && ::pread(file.number(), &header, sizeof header, 0) == ssize_t{sizeof header};
    const auto size = static_cast<size_t>(status.st_size);
    const bool good = read && std::memcmp(header.magic, magic, sizeof magic) == 0 && header.segment_bytes == segment_bytes &&
                      MappedIndex::fits(header, size);
    void* data = good ? ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.number(), 0) : MAP_FAILED;
    if (data == MAP_FAILED) return nullptr;
    segment = {.bytes = header.segment_bytes,
               .first_number = header.first_number,
               .lines = header.lines,
               .first_time = header.first_time,
               .last_time = header.last_time,
               .chain = Chain(header.chain, sizeof header.chain)};
    return std::make_shared<const MappedIndex>(static_cast<const char*>(data), size);
}

}  // namespace audit
