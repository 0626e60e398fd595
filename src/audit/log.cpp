// The log: which stream a record goes to, what is summarised, what is kept, and what waits for the disk. One thread (`keep`) signs,
// synchronizes, summarises and removes; it sleeps while nothing is written.
#include "audit/log.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <thread>

#include "audit/budget.hpp"
#include "audit/cloudtrail.hpp"
#include "audit/legacy_log.hpp"
#include "audit/polling.hpp"
#include "audit/retention.hpp"
#include "audit/search.hpp"
#include "audit/stream.hpp"
#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "base/log.hpp"
#include "base/mutex.hpp"
#include "os/file.hpp"
#include "store/reserve.hpp"
#include "text/time.hpp"

namespace audit {
namespace {

using std::chrono::steady_clock;

// Some hundred thousand records of reads, some thousand of deletes.
constexpr store::SpaceReserve::Sizes reserved_bytes{
    .administration = 64u << 20, .making_room = 8u << 20, .administration_step = 2u << 20};
constexpr int waiting_max = 64;
constexpr std::chrono::seconds between_syncs{1};
constexpr std::chrono::seconds between_summaries{10};  // of unauthenticated requests
constexpr uint64_t segments_of_the_bytes_kept_min = 8;
constexpr uint64_t segment_bytes_min = 16u << 10;
constexpr size_t answer_bytes_expected = 64;
constexpr std::string_view counted_as_allowed = "allowed";

std::string_view outcome_of(const Record& record) {
    if (record.error_code.empty()) return outcome_succeeded;
    // To who gave no valid credentials it is a refusal like any other.
    return record.is_missing && record.authenticated ? outcome_failed : outcome_refused;
}

// A record that is whole already.
class Whole final : public Decided {
public:
    explicit Whole(const Record& record) : record_(record) {}
    [[nodiscard]] RecordText text() const override { return text_of(record_); }
    [[nodiscard]] Record whole() const override { return record_; }

private:
    const Record& record_;
};

// Read by who gave no credentials, or none that hold.
bool is_of_strangers(const RecordText& text) { return !text.authenticated && !text.changes; }

}  // namespace

struct PendingRecord::State {
    bool counted = false;      // one more of what is polled: nothing is written yet
    bool over_budget = false;  // of an unauthenticated one: it is one more of those that are counted
    RecordText text;
    Place place;
};

PendingRecord::PendingRecord() = default;
PendingRecord::~PendingRecord() = default;
PendingRecord::PendingRecord(PendingRecord&&) noexcept = default;
PendingRecord& PendingRecord::operator=(PendingRecord&&) noexcept = default;

base::Result<PendingRecord> Log::decided(const Record& record) { return decided(Whole(record)); }

base::Result<std::vector<Log::End>> Log::end_now() {
    return base::fail(base::code::NotImplemented, "this log is in no files that could be copied");
}

class FileLog final : public Log {
public:
    explicit FileLog(LogOptions options)
        : options_(std::move(options)),
          budget_(options_.unauthenticated_bytes_per_second, options_.unauthenticated_bytes_at_once),
          polling_(options_.poll_interval) {
        INVARIANT(options_.clock != nullptr && options_.key != nullptr);
        if (options_.keep_bytes == 0) options_.keep_bytes = std::numeric_limits<uint64_t>::max();
        keep_bytes_ = options_.keep_bytes;
        when_full_ = options_.when_full;
    }
    ~FileLog() override {
        {
            const base::Lock lock(mutex_);
            stopping_ = true;
        }
        due_.notify_all();
        written_.notify_all();
        if (!keeper_.joinable()) return;  // it was never opened
        keeper_.join();
        stop();
    }

    base::Result<void> start() {
        std::error_code error;
        std::filesystem::create_directories(options_.directory, error);
        if (error)
            return base::fail(base::code::AuditUnavailable, "cannot make `" + options_.directory + "`: " + error.message());
        ::chmod(options_.directory.c_str(), 0700);
        reserve_.emplace(options_.directory + "/reserved-space", reserved_bytes);
        const store::MayUseReserve begins;  // a server starts on a full disk, too
        requests_ = make_stream(requests_stream, options_.keep_bytes);
        unauthenticated_ = make_stream(unauthenticated_stream, options_.keep_unauthenticated_bytes);
        const base::Time now = options_.clock->now();
        retention_.emplace(options_, *requests_, *unauthenticated_);
        for (Stream* stream : streams()) {
            TRY(stream->open(now));
            TRY(compare_with_head_file(*stream, stream == requests_.get() ? requests_stream : unauthenticated_stream, now));
        }
        TRY(take_over_legacy_log(options_.directory, *requests_, now));
        retention_->begin();
        first_of_this_run_ = requests_->last_line() + 1;
        TRY(requests_->note("opened", "the server began" + (options_.made_by.empty() ? "" : ", version " + options_.made_by),
                            false, now));
        if (!options_.restored.empty())
            for (Stream* stream : streams()) TRY(stream->note("restored", options_.restored, true, now));
        // That there are none yet is written down, too: a log with heads and no file of them is one whose file was taken away, and a first
        // start may end between the two.
        if (std::ranges::none_of(streams(), [](const Stream* one) { return one->last_head().has_value(); })) save_heads();
        for (Stream* stream : streams()) {
            if (stream->has_unsigned()) TRY(stream->sign(now));
            TRY(stream->make_all_durable());
        }
        save_heads();
        keep_what_shall_be(now);
        keeper_ = std::thread([this] { keep(); });
        return {};
    }

    using Log::decided;
    base::Result<PendingRecord> decided(const Decided& request) override {
        PendingRecord pending;
        pending.state_ = std::make_unique<PendingRecord::State>();
        PendingRecord::State& state = *pending.state_;
        state.text = request.text();
        // Anonymous reads of public data are unlimited: they must not fill the log of authenticated requests.
        if (is_of_strangers(state.text)) {
            state.over_budget = !take_from_budget(state.text, answer_bytes_expected, counted_as_allowed);
            if (!state.over_budget) {
                auto place = unauthenticated_->append(state.text, "", "", state.text.time);
                state.over_budget = is_to_be_counted(place, state.text, counted_as_allowed);
                if (!state.over_budget) {
                    state.place = TRY(std::move(place));
                    give_back(state.text, 0, state.place);
                }
            }
            wake();
            return pending;
        }
        if (is_full()) return full();
        if (!state.text.followed_id.empty()) {
            const base::Lock lock(mutex_);
            state.counted = polling_.is_repeat(sameness_of(state.text), state.text.time);
        }
        if (!state.counted) state.place = TRY(requests_->append(state.text, "", "", state.text.time));
        wake();
        return pending;
    }

    base::Result<void> answered(PendingRecord pending, const Answered& answer) override {
        INVARIANT(pending.state_ != nullptr);
        PendingRecord::State& state = *pending.state_;
        const bool failed = !answer.error_code.empty();
        if (state.over_budget) return {};
        // Its answer may begin a count.
        if (!state.text.followed_id.empty() && !failed) {
            const base::Lock lock(mutex_);
            if (state.counted) {
                if (polling_.repeated(sameness_of(state.text), answer.status, answer.time)) return {};
            } else {
                polling_.recorded(state.text);
            }
        }
        std::string said = answer_text(answer.status, answer.error_code, answer.error_message, answer.made);
        const std::string_view outcome = failed                      ? outcome_failed
                                         : state.text.partly_refused ? outcome_partly_refused
                                                                     : outcome_succeeded;
        if (outcome == outcome_partly_refused) said += ",\"partly\":true";
        Stream& stream = is_of_strangers(state.text) ? *unauthenticated_ : *requests_;
        if (state.counted)
            state.place = TRY(stream.append(state.text, said, outcome, state.text.time));
        else
            TRY(stream.answer(state.place, state.text, said, outcome, answer.time));
        wake();
        if (options_.sync == Sync::answers || (options_.sync == Sync::changes && state.text.changes))
            return stream.make_durable(state.place.line);
        return {};
    }

    base::Result<void> takes_records() const override {
        if (is_full()) return full();
        if (requests_->is_broken())
            return base::fail(base::code::AuditUnavailable, "the audit log could not be synchronized with the disk");
        return {};
    }

    base::Result<void> append(const Record& record) override {
        RecordText text = text_of(record);
        if (record.status == 0)  // a decision of a service
            text.terms.push_back(term_of(TermKind::event, derived_event_id(capped(record.request_id), capped(record.operation),
                                                                           text::iso8601_millis(record.time))));
        std::string said = answer_text(record.status, record.error_code, record.error_message, "");
        if (outcome_of(record) == outcome_refused) said += ",\"refused\":true";
        if (!record.authenticated && !record.error_code.empty()) return append_unauthenticated(record, text, said);
        if (is_full()) return full();
        const Place place = TRY(requests_->append(text, said, outcome_of(record), record.time));
        wake();
        if (options_.sync == Sync::answers) return requests_->make_durable(place.line);
        return {};
    }

    base::Result<std::vector<text::Json>> find(const std::string& request_id) const override {
        Query query;
        query.request_id = request_id;
        query.most = records_of_a_request_max;
        auto page = TRY(audit::search(searched(), query));
        if (page.records.empty()) {
            return base::fail(
                base::Error(base::code::NoSuchRequest, "no request `" + request_id + "` is in the audit log")
                    .note("requests that clients repeat to follow something, and those without credentials that are over "
                          "their budget, are counted, not recorded one by one"));
        }
        std::ranges::reverse(page.records);
        return std::move(page.records);
    }

    base::Result<Page> search(const Query& query) const override { return audit::search(searched(), query); }

    bool wait(const std::string& newer, std::chrono::milliseconds at_most) const override {
        if (waiting_.fetch_add(1) >= waiting_max) {
            --waiting_;
            return false;
        }
        {
            base::Lock lock(mutex_);
            written_.wait_for(mutex_, at_most, [&]() REQUIRES(mutex_) { return stopping_ || "n" + lines_text() != newer; });
        }
        --waiting_;
        return true;
    }

    void keep_from_now(const Keeping& keeping) override {
        {
            const base::Lock lock(mutex_);
            next_keeping_ = keeping;
        }
        busy_ = true;
        due_.notify_all();
    }

    Kept kept() const override {
        Kept out{.bytes = requests_->bytes(), .oldest = {}};
        if (const auto full = requests_->full_segments(); !full.empty())
            out.oldest = base::Time(std::chrono::milliseconds(full.front()->summary.first_time));
        return out;
    }

    base::Result<std::vector<End>> end_now() override {
        std::vector<End> ends;
        for (Stream* stream : streams()) {
            auto end = TRY(stream->end_now(options_.clock->now()));
            ends.push_back({.stream = end.head.stream,
                            .full = std::move(end.full),
                            .current = std::move(end.current),
                            .bytes = end.bytes,
                            .head = to_json(end.head)});
        }
        return ends;
    }

private:
    static constexpr size_t records_of_a_request_max = 1000;

    std::unique_ptr<Stream> make_stream(std::string_view name, uint64_t keep_bytes) {
        INVARIANT(reserve_);
        const uint64_t part = std::max(keep_bytes / segments_of_the_bytes_kept_min, segment_bytes_min);
        return std::make_unique<Stream>(StreamOptions{.directory = options_.directory,
                                                      .name = std::string(name),
                                                      .segment_bytes_max = std::min(options_.segment_bytes_max, part),
                                                      .key = options_.key,
                                                      .reserve = &*reserve_,
                                                      .made_by = options_.made_by});
    }
    [[nodiscard]] std::array<Stream*, 2> streams() const { return {requests_.get(), unauthenticated_.get()}; }
    [[nodiscard]] std::vector<SearchedStream> searched() const {
        return {{requests_.get(), first_of_this_run_}, {unauthenticated_.get(), 0}};
    }
    [[nodiscard]] std::string lines_text() const {
        return std::to_string(requests_->last_line()) + "." + std::to_string(unauthenticated_->last_line());
    }

    // A log that ends before the last head that was signed has been cut; one whose records are not those that the head was signed for was
    // rewritten. Either is noted before a new head takes the old one's place, so that it is found from then on.
    base::Result<void> compare_with_head_file(Stream& stream, std::string_view name, base::Time now) {
        const std::string& file = options_.previous_head_file.empty() ? options_.head_file : options_.previous_head_file;
        if (file.empty()) return {};
        const auto content = os::read_file(file);
        const bool is_missing = !content && content.error().code == base::code::FileNotFound;
        if (is_missing && !stream.last_head()) return {};  // nothing was signed yet
        if (!content && !is_missing) return base::fail(base::code::AuditUnavailable, content.error().message);
        const auto json = is_missing ? base::Result<text::Json>(text::Json()) : text::parse_json(*content);
        const auto head = json ? read_head((*json)[name]) : std::nullopt;
        std::string what, said;
        if (!head) {
            if (!is_missing && json && !(*json)[name].is_object()) return {};  // as above
            what = "broken";
            said = "the heads that were kept in " + file + (is_missing ? " are missing" : " cannot be read") +
                   ": whether records were altered before the server began is not known";
        } else if (head->lines > stream.last_line()) {
            what = "cut-off";
            said = "records up to " + std::to_string(head->lines) + " had been signed at " + time_of(*head) +
                   ", and the log ended at record " + std::to_string(stream.last_line()) +
                   " when the server began: it was cut off";
        } else if (!TRY(stream.has_records_of(*head))) {
            what = "broken";
            said = "the records up to " + std::to_string(head->lines) + " were not those that had been signed at " +
                   time_of(*head) + " when the server began: they were altered";
        } else {
            return {};
        }
        base::log_error("the audit log in " + options_.directory + ", stream " + std::string(name) + ": " + said);
        return stream.note(what, said, true, now);
    }

    static std::string time_of(const Head& head) {
        return text::iso8601_millis(base::Time(std::chrono::milliseconds(head.time)));
    }

    // What has come since the keeper looked counts, too. What is old enough to go it has removed before.
    [[nodiscard]] bool is_full() const { return full_ || (when_full_ == WhenFull::refuse && requests_->bytes() >= keep_bytes_); }
    static std::unexpected<base::Error> full() {
        return base::fail(base::code::AuditFull,
                          "the audit log has the size that it may have, and its oldest records are to be kept");
    }

    base::Result<void> append_unauthenticated(const Record& record, const RecordText& text, const std::string& said) {
        if (!take_from_budget(text, said.size(), record.error_code)) return {};
        auto written = unauthenticated_->append(text, said, outcome_refused, record.time);
        if (is_to_be_counted(written, text, record.error_code)) return {};
        const Place place = TRY(std::move(written));
        give_back(text, said.size(), place);
        wake();
        if (options_.sync == Sync::answers) return unauthenticated_->make_durable(place.line);
        return {};
    }

    // False: it was counted instead.
    bool take_from_budget(const RecordText& text, size_t more_bytes, std::string_view counted_as) {
        const size_t bytes = text.bytes() + more_bytes;
        const base::Lock lock(mutex_);
        if (budget_.take(bytes, text.time)) return true;
        budget_.count(text.stranger_at, text.stranger_key, std::string(counted_as), text.time);
        due_.notify_one();
        return false;
    }

    // What finds no room on the disk is counted as what finds none in the budget: strangers take nothing of the reserve.
    bool is_to_be_counted(const base::Result<Place>& written, const RecordText& text, std::string_view counted_as) {
        if (written || written.error().code != base::code::InsufficientStorage) return false;
        const base::Lock lock(mutex_);
        budget_.count(text.stranger_at, text.stranger_key, std::string(counted_as), text.time);
        due_.notify_one();
        return true;
    }

    // What it shares with others was there already.
    void give_back(const RecordText& text, size_t more_bytes, const Place& place) {
        const size_t taken = text.bytes() + more_bytes;
        if (place.bytes >= taken) return;
        const base::Lock lock(mutex_);
        budget_.give_back(taken - place.bytes);
    }

    // Something was written.
    void wake() {
        if (waiting_ > 0) {
            const base::Lock lock(mutex_);
            written_.notify_all();
        }
        if (!busy_.exchange(true)) {
            const base::Lock lock(mutex_);
            due_.notify_one();
        }
    }

    // ---- the keeper

    void keep() {
        // Heads and summaries are small, and few.
        const store::MayUseReserve keeps_the_log;
        auto next_head = steady_clock::now() + options_.between_heads;
        auto next_summary = steady_clock::now() + between_summaries;
        base::Lock lock(mutex_);
        while (!stopping_) {
            const bool idle = !has_work();
            if (idle) {
                busy_ = false;
                // Time alone makes records old enough to be removed.
                due_.wait_for(mutex_, full_ ? std::chrono::seconds(10) : std::chrono::hours(1),
                              [&]() REQUIRES(mutex_) { return stopping_ || busy_ || has_work(); });
                next_head = steady_clock::now() + options_.between_heads;
                if (busy_ || has_work()) continue;
                lock.unlock();
                keep_what_shall_be(options_.clock->now());
                lock.lock();
                continue;
            }
            due_.wait_for(mutex_, std::min<std::chrono::milliseconds>(between_syncs, options_.between_heads),
                          [&]() REQUIRES(mutex_) { return stopping_; });
            if (stopping_) break;
            const base::Time now = options_.clock->now();
            auto summaries = polling_.due(now, false);
            const auto steady = steady_clock::now();
            std::string counted;
            if (steady >= next_summary) {
                if (budget_.has_counted()) counted = budget_.summary();
                next_summary = steady + between_summaries;
            }
            lock.unlock();
            write_summaries(summaries, counted, now);
            const bool signs = steady >= next_head;
            for (Stream* stream : streams()) {
                stream->save_indexes();
                if (signs && stream->has_unsigned()) report(stream->sign(now));
                if (stream->has_unsynced()) report(stream->make_all_durable());
            }
            if (signs) {
                save_heads();
                next_head = steady + options_.between_heads;
            }
            keep_what_shall_be(now);
            lock.lock();
        }
    }

    [[nodiscard]] bool has_work() const REQUIRES(mutex_) {
        if (budget_.has_counted() || !polling_.is_empty()) return true;
        return std::ranges::any_of(streams(), [](const Stream* one) { return one->has_unsynced() || one->has_unsigned(); });
    }

    void stop() {
        const store::MayUseReserve keeps_the_log;
        const base::Time now = options_.clock->now();
        std::string counted;
        decltype(polling_.due(now, true)) summaries;
        {
            const base::Lock lock(mutex_);
            summaries = polling_.due(now, true);
            if (budget_.has_counted()) counted = budget_.summary();
        }
        write_summaries(summaries, counted, now);
        report(requests_->note("closed", "the server ended", false, now));
        for (Stream* stream : streams()) {
            if (stream->has_unsigned()) report(stream->sign(now));
            report(stream->make_all_durable());
            stream->save_indexes();
        }
        save_heads();
        retention_->end();
    }

    void write_summaries(const std::vector<Polling::Summary>& summaries, const std::string& counted, base::Time now) {
        for (const auto& summary : summaries)
            report(requests_->append(summary.text, summary.answer, outcome_succeeded, summary.last));
        if (!counted.empty()) report(unauthenticated_->note("counted", counted, true, now));
    }

    void save_heads() {
        if (options_.head_file.empty()) return;
        text::Json heads = text::Json::object();
        for (const Stream* stream : streams())
            if (auto head = stream->durable_head()) heads.set(head->stream, to_json(*head));
        std::string content = heads.pretty() + "\n";
        if (content == saved_heads_) return;
        auto saved = os::replace_file(options_.head_file, content);
        if (saved) saved_heads_ = std::move(content);
        report(saved);
    }

    void keep_what_shall_be(base::Time now) {
        std::optional<Keeping> next;
        {
            const base::Lock lock(mutex_);
            next.swap(next_keeping_);
        }
        if (next) {
            // The keeper's own from here on; who asks whether the log is full has copies.
            options_.keep_days = next->days;
            options_.keep_bytes = next->bytes == 0 ? std::numeric_limits<uint64_t>::max() : next->bytes;
            options_.when_full = next->when_full;
            keep_bytes_ = options_.keep_bytes;
            when_full_ = options_.when_full;
            retention_->days_changed();
        }
        full_ = !retention_->keep(now);
    }

    template <class T>
    void report(const base::Result<T>& done) {
        if (!done) base::log_error("the audit log: " + done.error().describe());
    }

    LogOptions options_;
    std::optional<store::SpaceReserve> reserve_;
    std::unique_ptr<Stream> requests_, unauthenticated_;
    uint64_t first_of_this_run_ = 0;
    std::atomic<bool> full_ = false;
    std::atomic<uint64_t> keep_bytes_ = 0;  // of options_, for all threads
    std::atomic<WhenFull> when_full_ = WhenFull::remove_oldest;
    mutable std::atomic<int> waiting_ = 0;
    std::atomic<bool> busy_ = false;
    std::string saved_heads_;             // the keeper's
    std::optional<Retention> retention_;  // the keeper's

    mutable base::Mutex mutex_;
    mutable base::Condition due_, written_;
    Budget budget_ GUARDED_BY(mutex_);
    Polling polling_ GUARDED_BY(mutex_);
    std::optional<Keeping> next_keeping_ GUARDED_BY(mutex_);
    bool stopping_ GUARDED_BY(mutex_) = false;

    std::thread keeper_;
};

base::Result<std::unique_ptr<Log>> Log::open(LogOptions options) {
    auto log = std::make_unique<FileLog>(std::move(options));
    TRY(log->start());
    return log;
}

}  // namespace audit
