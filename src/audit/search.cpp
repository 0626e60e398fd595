#include "audit/search.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>
#include <numeric>

#include "audit/cloudtrail.hpp"
#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "text/time.hpp"

namespace audit {
namespace {

using text::Json;

constexpr std::string_view outcome_in_progress = "inProgress";

// One segment: a full one, or the current one, whose index is behind the stream's lock.
struct View {
    const Stream* stream;
    uint64_t number, first_number;
    std::string path;
    FullSegmentPtr full;  // nullptr: the current one

    // What `use` gets may be of a segment that has become full in between.
    void with_index(const std::function<void(const SegmentIndex&)>& use) const {
        if (full) return use(*full->index);
        if (stream->with_current_index(number, [&](const GrowingIndex& index) { use(index); })) return;
        for (const auto& segment : stream->full_segments())
            if (segment->number == number) return use(*segment->index);
    }
    [[nodiscard]] base::Result<SegmentReader> reader() const {
        return SegmentReader::open(path, [*this](uint32_t definition) {
            std::optional<uint32_t> offset;
            with_index([&](const SegmentIndex& index) { offset = index.definition(definition); });
            return offset;
        });
    }
};

// Oldest first. A segment that became full in between is there once.
std::vector<View> views_of(const Stream& stream) {
    const Stream::Current current = stream.current();
    std::vector<View> views;
    for (const auto& segment : stream.full_segments()) {
        if (segment->number >= current.number) break;
        views.push_back({&stream, segment->number, segment->summary.first_number, segment->path, segment});
    }
    views.push_back({&stream, current.number, current.first_number, current.path, nullptr});
    return views;
}

// No answer is in the index: which of the two it is, the server's run says.
bool is_without_answer(std::string_view outcome) { return outcome == outcome_not_answered || outcome == outcome_in_progress; }

std::vector<Term> terms_of(const Query& query) {
    std::vector<Term> terms;
    const auto add = [&](TermKind kind, const std::string& value) {
        if (!value.empty()) terms.push_back(term_of(kind, value));
    };
    add(TermKind::request_id, query.request_id);
    add(TermKind::principal, query.principal);
    add(TermKind::access_key, query.access_key);
    add(TermKind::user_name, query.user_name);
    add(TermKind::service, query.service);
    add(TermKind::operation, query.operation);
    add(TermKind::action, base::lower(query.action));
    add(TermKind::resource, query.resource);
    add(TermKind::resource_name, query.resource_name);
    add(TermKind::resource_type, query.resource_type);
    add(TermKind::event, query.derived_event);
    if (!is_without_answer(query.outcome) && !query.outcome.empty()) terms.push_back(outcome_term(query.outcome));
    if (query.writes) add(TermKind::writes, *query.writes ? "true" : "false");
    if (query.management_only) add(TermKind::management, "true");
    return terms;
}

bool has_any(const Json& accesses, std::string_view member, const std::string& value, bool any_case) {
    return std::ranges::any_of(accesses.items(), [&](const Json& access) {
        const std::string& said = access[member].as_string();
        return any_case ? base::equals_ignoring_case(said, value) : said == value;
    });
}

bool has_resource(const Json& record, const std::string& value, std::string_view (*of)(std::string_view)) {
    return std::ranges::any_of(record["Accesses"].items(),
                               [&](const Json& access) { return of(access["Resource"].as_string()) == value; });
}

// Terms are hashes: the record says.
bool fits(const Json& record, const Query& query) {
    if (record.contains("Unreadable")) return query.request_id.empty() || record["RequestId"].as_string() == query.request_id;
    const Json& principal = record["Principal"];
    const auto is = [](const std::string& asked, const Json& said) { return asked.empty() || said.as_string() == asked; };
    const bool of_principal = query.principal.empty() || principal["Arn"].as_string() == query.principal ||
                              principal["RoleArn"].as_string() == query.principal ||
                              principal["Service"].as_string() == query.principal;
    return of_principal && is(query.request_id, record["RequestId"]) && is(query.access_key, record["AccessKeyId"]) &&
           is(query.service, record["Service"]) && is(query.operation, record["Operation"]) &&
           (is(query.outcome, record["Outcome"]) ||
            (query.outcome == outcome_refused && record["Outcome"].as_string() == outcome_partly_refused)) &&
           (query.action.empty() || has_any(record["Accesses"], "Action", query.action, true)) &&
           (query.resource.empty() || has_any(record["Accesses"], "Resource", query.resource, false)) &&
           (query.user_name.empty() || user_name_of(record) == query.user_name) &&
           (query.resource_name.empty() || has_resource(record, query.resource_name, resource_name_of)) &&
           (query.resource_type.empty() || has_resource(record, query.resource_type, resource_type_of));
}

struct Candidate {
    uint32_t number;
    Entry entry;
};

// Of one segment, in the order of their entries.
class Finder {
public:
    explicit Finder(const Query& query) : query_(query), terms_(terms_of(query)) {}

    // Entries before `before`, at most `most` of the newest, ascending.
    std::vector<Candidate> newest(const SegmentIndex& index, uint32_t before, size_t most) const {
        std::vector<Candidate> out;
        const auto entries = index.entries();
        const auto take = [&](uint32_t number) {
            if (number < before && fits_time(entries[number]) && fits_flags(entries[number]))
                out.push_back({number, entries[number]});
        };
        if (terms_.empty()) {
            for (auto number = static_cast<uint32_t>(std::min<size_t>(entries.size(), before));
                 number-- > 0 && out.size() < most;)
                take(number);
        } else {
            const auto numbers = matching(index);
            for (auto number = numbers.rbegin(); number != numbers.rend() && out.size() < most; ++number) take(*number);
        }
        std::ranges::reverse(out);
        return out;
    }

    // Entries whose last line is after this one of the segment.
    std::vector<Candidate> written_since(const SegmentIndex& index, int64_t line) const {
        std::vector<Candidate> out;
        const auto entries = index.entries();
        const auto take = [&](uint32_t number) {
            const Entry& entry = entries[number];
            const bool done = (entry.flags & (entry_answered | entry_note | entry_unreadable)) != 0;
            if (done && int64_t{entry.last_line} > line && fits_time(entry) && fits_flags(entry)) out.push_back({number, entry});
        };
        if (terms_.empty()) {
            for (uint32_t number = 0; number < entries.size(); ++number) take(number);
        } else {
            for (const uint32_t number : matching(index)) take(number);
        }
        std::ranges::sort(out, {}, [](const Candidate& one) { return one.entry.last_line; });
        return out;
    }

private:
    std::vector<uint32_t> matching(const SegmentIndex& index) const {
        std::vector<std::vector<uint32_t>> lists;
        for (const Term term : terms_) {
            lists.push_back(index.find(term));
            if (lists.back().empty()) break;
        }
        std::ranges::sort(lists, {}, [](const auto& list) { return list.size(); });
        std::vector<uint32_t> out = std::move(lists.front());
        for (size_t i = 1; i < lists.size() && !out.empty(); ++i) {
            std::vector<uint32_t> both;
            std::ranges::set_intersection(out, lists[i], std::back_inserter(both));
            out = std::move(both);
        }
        if (!query_.request_id.empty()) return out;
        std::vector<uint32_t> all;
        std::ranges::set_union(out, index.find(term_of(TermKind::note, "unreadable")), std::back_inserter(all));
        return all;
    }
    bool fits_time(const Entry& entry) const {
        if (query_.since && entry.time < query_.since->time_since_epoch().count()) return false;
        return !query_.until || entry.time <= query_.until->time_since_epoch().count();
    }
    bool fits_flags(const Entry& entry) const {
        if ((entry.flags & entry_hidden) != 0) return false;
        return !is_without_answer(query_.outcome) || (entry.flags & (entry_answered | entry_note)) == 0;
    }

    const Query& query_;
    std::vector<Term> terms_;
};

bool may_have(const View& view, const Query& query) {
    if (!view.full) return true;
    const SegmentSummary& summary = view.full->summary;
    if (query.since && summary.last_time < query.since->time_since_epoch().count()) return false;
    return !query.until || summary.first_time <= query.until->time_since_epoch().count();
}

// A request whose answer came after its segment was full stands once more in a later one.
bool stands_again(const std::vector<View>& views, size_t view, const std::string& request_id) {
    const Term term = term_of(TermKind::request_id, request_id);
    for (size_t later = view + 1; later < views.size(); ++later) {
        bool there = false;
        views[later].with_index([&](const SegmentIndex& index) {
            for (const uint32_t number : index.find(term)) there = there || (index.entries()[number].flags & entry_answered) != 0;
        });
        if (there) return true;
    }
    return false;
}

struct Found {
    Json record;
    size_t stream;
    uint64_t segment;
    uint32_t number;
    uint64_t line;  // its last
};

constexpr size_t read_at_once = 256;

class StreamSearch {
public:
    StreamSearch(const SearchedStream& searched, const Query& query, size_t stream)
        : searched_(searched), query_(query), stream_(stream), finder_(query), views_(views_of(*searched.stream)) {}

    // Newest first, older than the entry of the segment.
    base::Result<std::vector<Found>> newest(uint64_t segment, uint32_t number) {
        std::vector<Found> out;
        for (size_t i = views_.size(); i-- > 0 && out.size() < query_.most;) {
            const View& view = views_[i];
            if (view.number > segment || !may_have(view, query_)) continue;
            uint32_t before = view.number == segment ? number : Entry::none;
            for (bool more = true; more && out.size() < query_.most;) {
                std::vector<Candidate> candidates;
                const size_t wanted = std::min(read_at_once, query_.most - out.size());
                view.with_index([&](const SegmentIndex& index) { candidates = finder_.newest(index, before, wanted); });
                more = candidates.size() == wanted;
                if (candidates.empty()) break;
                before = candidates.front().number;
                std::ranges::reverse(candidates);
                TRY(read(i, candidates, out));
            }
        }
        return out;
    }

    // Oldest first, of what was written after that line.
    base::Result<std::vector<Found>> written_since(uint64_t line) {
        std::vector<Found> out;
        for (size_t i = 0; i < views_.size() && out.size() < query_.most; ++i) {
            const View& view = views_[i];
            if (view.full && view.full->summary.first_number + view.full->summary.lines <= line + 1) continue;
            std::vector<Candidate> candidates;
            const int64_t position = static_cast<int64_t>(line) - static_cast<int64_t>(view.first_number);
            view.with_index([&](const SegmentIndex& index) { candidates = finder_.written_since(index, position); });
            if (!candidates.empty()) TRY(read(i, candidates, out));
        }
        return out;
    }

private:
    base::Result<void> read(size_t at, const std::vector<Candidate>& candidates, std::vector<Found>& out) {
        const View& view = views_[at];
        auto reader = view.reader();
        if (!reader) return {};  // it has been removed in between
        for (const auto& [number, entry] : candidates) {
            if (out.size() >= query_.most) return {};
            Json record = reader->record(entry);
            if (record["Outcome"].as_string() == outcome_not_answered) {
                if (stands_again(views_, at, record["RequestId"].as_string())) continue;
                if (view.first_number + entry.first_line >= searched_.first_of_this_run)
                    record.set("Outcome", outcome_in_progress);
            }
            if (!fits(record, query_) || (query_.accept && !query_.accept(record))) continue;
            out.push_back({std::move(record), stream_, view.number, number, view.first_number + entry.last_line});
        }
        return {};
    }

    const SearchedStream& searched_;
    const Query& query_;
    size_t stream_;
    Finder finder_;
    std::vector<View> views_;
};

struct Position {
    uint64_t segment = std::numeric_limits<uint64_t>::max();
    uint32_t number = 0;
    uint64_t line = 0;
};

std::unexpected<base::Error> invalid_token() {
    return base::fail(base::code::InvalidToken, "the token is of no page of this log");
}

bool read_number(std::string_view& text, uint64_t& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return false;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    return true;
}

// `o1.20.3.4`: segment and entry of each stream. `n17.5`: the line of each stream.
base::Result<std::vector<Position>> read_token(std::string_view token, char kind, size_t streams) {
    std::vector<Position> out(streams);
    if (token.empty()) return out;
    if (token[0] != kind) return invalid_token();
    token.remove_prefix(1);
    for (Position& position : out) {
        uint64_t entry = 0;
        if (!read_number(token, kind == 'o' ? position.segment : position.line)) return invalid_token();
        if (token.starts_with('.')) token.remove_prefix(1);
        if (kind != 'o') continue;
        if (!read_number(token, entry) || entry > Entry::none) return invalid_token();
        position.number = static_cast<uint32_t>(entry);
        if (token.starts_with('.')) token.remove_prefix(1);
    }
    if (!token.empty()) return invalid_token();
    return out;
}

// By time, each part in its own order: tokens name places in streams.
std::vector<Found> merged(std::vector<std::vector<Found>> parts, bool oldest_first) {
    std::vector<Found> out;
    std::vector<size_t> at(parts.size());
    for (;;) {
        std::optional<size_t> next;
        for (size_t i = 0; i < parts.size(); ++i) {
            if (at[i] >= parts[i].size()) continue;
            const std::string& time = parts[i][at[i]].record["Time"].as_string();
            if (next) {
                const std::string& best = parts[*next][at[*next]].record["Time"].as_string();
                if (oldest_first ? time >= best : time <= best) continue;
            }
            next = i;
        }
        if (!next) return out;
        out.push_back(std::move(parts[*next][at[*next]++]));
    }
}

std::vector<Json> newest_first(std::vector<Json> records) {
    std::vector<size_t> order(records.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::sort(order, [&](size_t a, size_t b) {
        const std::string &first = records[a]["Time"].as_string(), &second = records[b]["Time"].as_string();
        return first != second ? first > second : a < b;
    });
    std::vector<Json> out;
    out.reserve(records.size());
    for (const size_t at : order) out.push_back(std::move(records[at]));
    return out;
}

std::string older_token(const std::vector<Position>& positions) {
    std::string out = "o";
    for (const Position& position : positions)
        out += (out.size() > 1 ? "." : "") + std::to_string(position.segment) + "." + std::to_string(position.number);
    return out;
}

std::string newer_token(const std::vector<Position>& positions) {
    std::string out = "n";
    for (const Position& position : positions) out += (out.size() > 1 ? "." : "") + std::to_string(position.line);
    return out;
}

}  // namespace

base::Result<Page> search(const std::vector<SearchedStream>& streams, const Query& query) {
    const bool forward = !query.written_since.empty();
    auto positions =
        TRY(forward ? read_token(query.written_since, 'n', streams.size()) : read_token(query.older_than, 'o', streams.size()));
    std::vector<std::vector<Found>> parts;
    bool more = false;
    size_t count = 0;
    for (size_t i = 0; i < streams.size(); ++i) {
        const uint64_t last_line = streams[i].stream->last_line();
        StreamSearch one(streams[i], query, i);
        auto part = TRY(forward ? one.written_since(positions[i].line) : one.newest(positions[i].segment, positions[i].number));
        more = more || part.size() >= query.most;
        count += part.size();
        if (forward)
            positions[i].line = part.size() >= query.most ? part.back().line : std::max(positions[i].line, last_line);
        else
            positions[i].line = last_line;
        parts.push_back(std::move(part));
    }
    more = more || count > query.most;
    auto found = merged(std::move(parts), forward);
    if (!forward && found.size() > query.most) found.erase(found.begin() + static_cast<ptrdiff_t>(query.most), found.end());
    Page page{.records = {}, .older = "", .newer = newer_token(positions)};
    for (Found& one : found) {
        positions[one.stream].segment = one.segment;
        positions[one.stream].number = one.number;
        page.records.push_back(std::move(one.record));
    }
    // A summary of what was polled is written after what came meanwhile.
    if (!forward) page.records = newest_first(std::move(page.records));
    if (!forward && more) page.older = older_token(positions);
    return page;
}

}  // namespace audit
