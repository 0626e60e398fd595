#include "audit/archive.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <compare>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "audit/segment.hpp"

namespace audit {
namespace {

struct Segment {
    std::string path;
    size_t stream = 0;
    std::shared_ptr<const SegmentIndex> index;
    int64_t first_time = 0;  // of its records
};

bool is_gone(const std::string& path) {
    std::error_code error;
    return !std::filesystem::exists(path, error);
}

// By its saved index, or by reading it whole. Nothing: it has been removed.
base::Result<std::optional<Segment>> open_segment(const std::string& path, size_t stream) {
    struct stat status{};
    SegmentSummary summary;
    Segment out{.path = path, .stream = stream, .index = nullptr};
    if (::stat(path.c_str(), &status) == 0)
        out.index = open_index(path.substr(0, path.rfind('.')) + ".index", static_cast<uint64_t>(status.st_size), summary);
    if (!out.index) {
        auto scan = scan_segment(path, std::nullopt, 0);
        if (!scan && is_gone(path)) return std::nullopt;
        if (!scan) return base::fail(std::move(scan).error());
        out.index = std::make_shared<GrowingIndex>(std::move(scan->index));
    }
    out.first_time = std::numeric_limits<int64_t>::max();
    for (const Entry& entry : out.index->entries()) out.first_time = std::min(out.first_time, entry.time);
    return out;
}

// Records that are read and not shown yet: what is older may stand in a later segment.
struct Waiting {
    int64_t time;
    size_t segment;
    uint32_t entry;
    auto operator<=>(const Waiting&) const = default;
};

class Archive {
public:
    explicit Archive(std::vector<Segment> segments) : segments_(std::move(segments)) {
        // Of what does not begin before its time, nothing is waited for.
        std::ranges::sort(segments_, {}, [](const Segment& one) { return std::tie(one.first_time, one.stream, one.path); });
    }

    base::Result<void> each(const std::function<bool(const text::Json&)>& visit) {
        std::set<Waiting> waiting;
        for (size_t i = 0; i < segments_.size(); ++i) {
            const auto entries = segments_[i].index->entries();
            for (uint32_t number = 0; number < entries.size(); ++number)
                if ((entries[number].flags & entry_hidden) == 0) waiting.insert({entries[number].time, i, number});
            const bool is_last = i + 1 == segments_.size();
            while (!waiting.empty() && (is_last || waiting.begin()->time < segments_[i + 1].first_time)) {
                const Waiting next = *waiting.begin();
                waiting.erase(waiting.begin());
                if (!TRY(show(next, visit))) return {};
            }
        }
        return {};
    }

private:
    base::Result<bool> show(const Waiting& next, const std::function<bool(const text::Json&)>& visit) {
        const Segment& segment = segments_[next.segment];
        const SegmentReader* const reader = TRY(reader_of(next.segment));
        if (reader == nullptr) return true;
        const Entry& entry = segment.index->entries()[next.entry];
        const text::Json record = reader->record(entry);
        if ((entry.flags & (entry_answered | entry_note | entry_unreadable)) == 0 &&
            stands_again(segment, record[member::request_id].as_string()))
            return true;
        return visit(record);
    }

    // Nothing: the segment has been removed.
    base::Result<const SegmentReader*> reader_of(size_t number) {
        if (const auto known = readers_.find(number); known != readers_.end()) return known->second ? &*known->second : nullptr;
        if (readers_.size() >= readers_max) readers_.erase(readers_.begin());
        const auto index = segments_[number].index;
        auto reader =
            SegmentReader::open(segments_[number].path, [index](uint32_t definition) { return index->definition(definition); });
        if (!reader && !is_gone(segments_[number].path)) return base::fail(std::move(reader).error());
        auto& kept = readers_[number];
        if (reader) kept.emplace(std::move(*reader));
        return kept ? &*kept : nullptr;
    }

    // A request whose answer came after its segment was full stands once more in a later one.
    bool stands_again(const Segment& in, const std::string& request_id) const {
        const Term term = term_of(TermKind::request_id, request_id);
        return std::ranges::any_of(segments_, [&](const Segment& other) {
            return other.stream == in.stream && other.path > in.path &&
                   std::ranges::any_of(other.index->find(term), [&](uint32_t number) {
                       return (other.index->entries()[number].flags & entry_answered) != 0;
                   });
        });
    }

    static constexpr size_t readers_max = 16;  // more are opened again

    std::vector<Segment> segments_;
    std::map<size_t, std::optional<SegmentReader>> readers_;
};

}  // namespace

base::Result<void> each_record(const std::string& directory, const std::vector<std::string_view>& streams,
                               const std::function<bool(const text::Json&)>& visit) {
    std::vector<Segment> segments;
    for (size_t stream = 0; stream < streams.size(); ++stream)
        for (const uint64_t number : TRY(segment_numbers(directory, streams[stream])))
            if (auto segment = TRY(open_segment(directory + "/" + segment_name(streams[stream], number), stream)))
                segments.push_back(std::move(*segment));
    return Archive(std::move(segments)).each(visit);
}

}  // namespace audit
