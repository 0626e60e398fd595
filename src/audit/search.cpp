#include "audit/search.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>
#include <map>

#include "audit/cloudtrail.hpp"
#include "audit/record_view.hpp"
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
    add(TermKind::principal_id, query.principal_id);
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

bool has_action(const RecordView& record, const std::string& value) {
    return std::ranges::any_of(record.accesses,
                               [&](const auto& access) { return base::equals_ignoring_case(access.action, value); });
}

// `of`: what is compared of a resource's ARN.
bool has_resource(const RecordView& record, const std::string& value, std::string_view (*of)(std::string_view)) {
    if (record.accesses.empty()) return of(record.named_resource()) == value;
    return std::ranges::any_of(record.accesses, [&](const auto& access) { return of(access.resource) == value; });
}

std::string_view itself(std::string_view arn) { return arn; }

// Terms are hashes: the record says.
bool fits(const RecordView& record, const Query& query) {
    if (record.is_unreadable) return query.request_id.empty() || record.request_id == query.request_id;
    const auto is = [](const std::string& asked, std::string_view said) { return asked.empty() || said == asked; };
    const RecordView::Principal& who = record.principal;
    const bool of_principal = query.principal.empty() || who.arn == query.principal || who.role_arn == query.principal ||
                              who.service == query.principal;
    const bool has_id = query.principal_id.empty() || who.id.substr(0, who.id.find(':')) == query.principal_id;
    return of_principal && has_id && is(query.request_id, record.request_id) && is(query.access_key, record.access_key_id) &&
           is(query.service, record.service) && is(query.operation, record.operation) &&
           (is(query.outcome, record.outcome) ||
            (query.outcome == outcome_refused && record.outcome == outcome_partly_refused)) &&
           (query.action.empty() || has_action(record, query.action)) &&
           (query.resource.empty() || has_resource(record, query.resource, itself)) &&
           (query.user_name.empty() || record.user_name() == query.user_name) &&
           (query.resource_name.empty() || has_resource(record, query.resource_name, resource_name_of)) &&
           (query.resource_type.empty() || has_resource(record, query.resource_type, resource_type_of));
}

// Where a record stands among those of its stream: by time, and of one time by place. What is written late (a summary of polled requests)
// stands by its time all the same, on whatever page.
struct Order {
    int64_t time = std::numeric_limits<int64_t>::max();
    uint64_t segment = std::numeric_limits<uint64_t>::max();
    uint32_t number = Entry::none;
    auto operator<=>(const Order&) const = default;
};

struct Candidate {
    uint32_t number;
    Entry entry;
};

// The newest so many of those that come, of several segments.
class Newest {
public:
    struct One {
        Order order;
        size_t view;
        Entry entry;
    };
    explicit Newest(size_t most) : most_(most) {}

    [[nodiscard]] bool takes(const Order& order) const {
        return most_ > 0 && (heap_.size() < most_ || order > heap_.front().order);
    }
    // REQUIRES: takes(one.order).
    void add(const One& one) {
        if (heap_.size() == most_) {
            std::ranges::pop_heap(heap_, is_newer);
            heap_.pop_back();
        }
        heap_.push_back(one);
        std::ranges::push_heap(heap_, is_newer);
    }
    // Newest first.
    [[nodiscard]] std::vector<One> finish() && {
        std::ranges::sort_heap(heap_, is_newer);
        return std::move(heap_);
    }

private:
    static bool is_newer(const One& a, const One& b) { return a.order > b.order; }

    size_t most_;
    std::vector<One> heap_;  // the oldest at its front
};

// Of one segment.
class Finder {
public:
    explicit Finder(const Query& query) : query_(query), terms_(terms_of(query)) {}

    // Those that stand before this place. A record's time says nothing of where in its segment it is: all entries are looked at.
    void add_older(const SegmentIndex& index, uint64_t segment, size_t view, const Order& before, Newest& out) const {
        const auto entries = index.entries();
        const auto take = [&](uint32_t number) {
            const Entry& entry = entries[number];
            const Order order{entry.time, segment, number};
            if (order < before && out.takes(order) && fits_time(entry) && fits_flags(entry))
                out.add({.order = order, .view = view, .entry = entry});
        };
        if (terms_.empty()) {
            for (auto number = static_cast<uint32_t>(entries.size()); number-- > 0;) take(number);
        } else {
            const auto numbers = matching(index);
            for (auto number = numbers.rbegin(); number != numbers.rend(); ++number) take(*number);
        }
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
    Order order;
    uint64_t line;  // its last
};

constexpr size_t read_at_once = 256;

class StreamSearch {
public:
    StreamSearch(const SearchedStream& searched, const Query& query, size_t stream)
        : searched_(searched), query_(query), stream_(stream), finder_(query), views_(views_of(*searched.stream)) {}

    // Newest first, of those that stand before this place.
    base::Result<std::vector<Found>> newest(Order before) {
        std::vector<Found> out;
        for (bool more = true; more && out.size() < query_.most;) {
            const size_t wanted = std::min(read_at_once, query_.most - out.size());
            const auto candidates = older(before, wanted);
            more = candidates.size() == wanted;
            for (const auto& [order, view, entry] : candidates) {
                read(view, {.number = order.number, .entry = entry}, out);
                before = order;
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
            for (const Candidate& candidate : candidates)
                if (out.size() < query_.most) read(i, candidate, out);
        }
        return out;
    }

private:
    // The newest before this place. A segment of which nothing can be among them is not looked at.
    std::vector<Newest::One> older(const Order& before, size_t most) const {
        Newest out(most);
        for (size_t i = views_.size(); i-- > 0;) {
            const View& view = views_[i];
            if (!may_have(view, query_)) continue;
            if (view.full && view.full->summary.first_time > before.time) continue;
            if (view.full && !out.takes({.time = view.full->summary.last_time})) continue;
            view.with_index([&](const SegmentIndex& index) { finder_.add_older(index, view.number, i, before, out); });
        }
        return std::move(out).finish();
    }

    // nullptr: its segment has been removed in between.
    const SegmentReader* reader_of(size_t view) {
        const auto [known, is_new] = readers_.try_emplace(view);
        if (is_new)
            if (auto reader = views_[view].reader()) known->second.emplace(std::move(*reader));
        return known->second ? &*known->second : nullptr;
    }

    void read(size_t at, const Candidate& candidate, std::vector<Found>& out) {
        const View& view = views_[at];
        const SegmentReader* const reader = reader_of(at);
        if (reader == nullptr) return;
        const Entry& entry = candidate.entry;
        Json record = reader->record(entry);
        if (const RecordView view_of(record); view_of.outcome == outcome_not_answered) {
            if (stands_again(views_, at, std::string(view_of.request_id))) return;
            if (view.first_number + entry.first_line >= searched_.first_of_this_run)
                record.set(member::outcome, outcome_in_progress);
        }
        if (!fits(RecordView(record), query_) || (query_.accept && !query_.accept(record))) return;
        out.push_back({std::move(record),
                       stream_,
                       {.time = entry.time, .segment = view.number, .number = candidate.number},
                       view.first_number + entry.last_line});
    }

    const SearchedStream& searched_;
    const Query& query_;
    size_t stream_;
    Finder finder_;
    std::vector<View> views_;
    std::map<size_t, std::optional<SegmentReader>> readers_;  // by view
};

struct Position {
    Order before;
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

// `o1769860800000.1.20.1769860800000.3.4`: time, segment and entry of each stream. `n17.5`: the line of each stream.
base::Result<std::vector<Position>> read_token(std::string_view token, char kind, size_t streams) {
    std::vector<Position> out(streams);
    if (token.empty()) return out;
    if (token[0] != kind) return invalid_token();
    token.remove_prefix(1);
    bool good = true;
    const auto number = [&](uint64_t most) {
        uint64_t read = 0;
        good = good && read_number(token, read) && read <= most;
        if (token.starts_with('.')) token.remove_prefix(1);
        return read;
    };
    for (Position& position : out) {
        if (kind != 'o') {
            position.line = number(std::numeric_limits<uint64_t>::max());
            continue;
        }
        position.before.time = static_cast<int64_t>(number(std::numeric_limits<int64_t>::max()));
        position.before.segment = number(std::numeric_limits<uint64_t>::max());
        position.before.number = static_cast<uint32_t>(number(Entry::none));
    }
    if (!good || !token.empty()) return invalid_token();
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
            const int64_t time = parts[i][at[i]].order.time;
            if (next) {
                const int64_t best = parts[*next][at[*next]].order.time;
                if (oldest_first ? time >= best : time <= best) continue;
            }
            next = i;
        }
        if (!next) return out;
        out.push_back(std::move(parts[*next][at[*next]++]));
    }
}

std::string older_token(const std::vector<Position>& positions) {
    std::string out = "o";
    for (const Position& position : positions)
        out += (out.size() > 1 ? "." : "") + std::to_string(position.before.time) + "." +
               std::to_string(position.before.segment) + "." + std::to_string(position.before.number);
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
        auto part = TRY(forward ? one.written_since(positions[i].line) : one.newest(positions[i].before));
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
        positions[one.stream].before = one.order;
        page.records.push_back(std::move(one.record));
    }
    if (!forward && more) page.older = older_token(positions);
    return page;
}

}  // namespace audit
