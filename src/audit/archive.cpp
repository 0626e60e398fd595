#include "audit/archive.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "audit/segment.hpp"

namespace audit {
namespace {

struct Segment {
    std::string path;
    std::shared_ptr<const SegmentIndex> index;
};

// By its saved index, or by reading it whole.
base::Result<Segment> open_segment(const std::string& path) {
    struct stat status{};
    SegmentSummary summary;
    if (::stat(path.c_str(), &status) == 0)
        if (auto index = open_index(path.substr(0, path.rfind('.')) + ".index", static_cast<uint64_t>(status.st_size), summary))
            return Segment{path, std::move(index)};
    Scan scan = TRY(scan_segment(path, std::nullopt, 0));
    return Segment{path, std::make_shared<GrowingIndex>(std::move(scan.index))};
}

bool stands_again(const std::vector<Segment>& segments, size_t after, const std::string& request_id) {
    const Term term = term_of(TermKind::request_id, request_id);
    for (size_t i = after + 1; i < segments.size(); ++i)
        if (std::ranges::any_of(segments[i].index->find(term), [&](uint32_t number) {
                return (segments[i].index->entries()[number].flags & entry_answered) != 0;
            }))
            return true;
    return false;
}

}  // namespace

base::Result<void> each_record(const std::string& directory, std::string_view stream,
                               const std::function<bool(const text::Json&)>& visit) {
    std::vector<Segment> segments;
    for (const uint64_t number : segment_numbers(directory, stream))
        segments.push_back(TRY(open_segment(directory + "/" + segment_name(stream, number))));
    for (size_t i = 0; i < segments.size(); ++i) {
        const auto index = segments[i].index;
        const SegmentReader reader =
            TRY(SegmentReader::open(segments[i].path, [index](uint32_t number) { return index->definition(number); }));
        for (const Entry& entry : index->entries()) {
            if ((entry.flags & entry_hidden) != 0) continue;
            const text::Json record = reader.record(entry);
            if ((entry.flags & (entry_answered | entry_note | entry_unreadable)) == 0 &&
                stands_again(segments, i, record["RequestId"].as_string()))
                continue;
            if (!visit(record)) return {};
        }
    }
    return {};
}

}  // namespace audit
