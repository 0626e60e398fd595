#include "audit/retention.hpp"

#include "audit/retention_state.hpp"
#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "os/file.hpp"
#include "text/time.hpp"

namespace audit {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::hours between_warnings{1};
constexpr std::chrono::minutes between_saves{1};
constexpr std::chrono::hours clock_jump_said_min{24};

std::string path_of_state(const LogOptions& options) { return options.directory + "/" + std::string(retention_state_file); }

std::chrono::milliseconds since_boot(steady_clock::time_point time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch());
}

void report(const base::Result<void>& done) {
    if (!done) base::log_error("the audit log: " + done.error().describe());
}

}  // namespace

Retention::Retention(const LogOptions& options, Stream& requests, Stream& unauthenticated)
    : options_(options),
      requests_(requests),
      unauthenticated_(unauthenticated),
      believed_(options.clock_believed_after),
      requests_by_age_(std::chrono::days(options.keep_days)),
      unauthenticated_by_age_(std::chrono::days(options.keep_days)) {}

void Retention::begin() {
    const auto steady = steady_clock::now();
    if (auto boot = os::read_file("/proc/sys/kernel/random/boot_id")) boot_ = *boot;  // without: as if the machine had been off
    const auto content = os::read_file(path_of_state(options_));
    const auto state = content ? read_retention_state(*content) : base::Result<RetentionState>(std::unexpected(content.error()));
    if (state) {
        const auto passed = passed_since(*state, boot_, since_boot(steady));
        believed_.resume(state->believed + passed, state->doubted_for, steady);
        if (state->requests) requests_by_age_.resume(*state->requests, steady - passed);
        if (state->unauthenticated) unauthenticated_by_age_.resume(*state->unauthenticated, steady - passed);
        return;
    }
    const bool is_new = !content && content.error().code == base::code::FileNotFound;
    if (!is_new) base::log_warn("the audit log: " + path_of_state(options_) + ": " + state.error().describe());
    if (const int64_t newest = requests_.newest_time(); newest != 0)
        believed_.begin(base::Time(std::chrono::milliseconds(newest)), steady);
    if (!requests_.full_segments().empty()) requests_by_age_.begin_with_nothing_left(steady);
    if (!unauthenticated_.full_segments().empty()) unauthenticated_by_age_.begin_with_nothing_left(steady);
}

void Retention::end() { report(save()); }

base::Result<void> Retention::save() {
    const auto steady = steady_clock::now();
    next_save_ = steady + between_saves;
    const auto believed = believed_.last();
    if (!believed) return {};
    RetentionState state{.boot = boot_,
                         .at = since_boot(steady),
                         .believed = *believed,
                         .doubted_for = believed_.doubted_for(),
                         .requests = requests_by_age_.state(steady),
                         .unauthenticated = unauthenticated_by_age_.state(steady)};
    return os::replace_file(path_of_state(options_), to_text(state));
}

void Retention::days_changed() {
    requests_by_age_.keep_for(std::chrono::days(options_.keep_days));
    unauthenticated_by_age_.keep_for(std::chrono::days(options_.keep_days));
}

bool Retention::keep(base::Time now) {
    warn_where_it_fills(now);
    const base::Time old_since = believed_.now(now, steady_clock::now());
    if (const bool doubts = now - old_since > clock_jump_said_min; doubts != said_doubt_) {
        said_doubt_ = doubts;
        if (doubts)
            base::log_warn("the clock is far ahead of the newest record of the audit log (" + text::iso8601(old_since) +
                           "): until it has been so for an hour, nothing is removed for its age");
    }
    remove_old({unauthenticated_, unauthenticated_by_age_, options_.keep_unauthenticated_bytes, WhenFull::remove_oldest, ""}, now,
               old_since);
    const bool removes = options_.when_full == WhenFull::remove_oldest;
    const bool fits = remove_old({requests_, requests_by_age_, options_.keep_bytes, options_.when_full,
                                  removes ? "earlier than the days that were asked for" : ""},
                                 now, old_since);
    if (steady_clock::now() >= next_save_) report(save());
    return fits || removes;
}

// Before anything is removed for its size.
void Retention::warn_where_it_fills(base::Time now) {
    const uint64_t bytes = requests_.bytes();
    if (bytes < options_.keep_bytes / 10 * 8 || steady_clock::now() < next_warning_) return;
    next_warning_ = steady_clock::now() + between_warnings;
    const std::string said = "the audit log has " + std::to_string(bytes) + " of " + std::to_string(options_.keep_bytes) +
                             " bytes; when it is full, " +
                             (options_.when_full == WhenFull::refuse ? "requests are answered 503"
                                                                     : "its oldest records are removed before their " +
                                                                           std::to_string(options_.keep_days) + " days are over");
    base::log_warn(said + " (serve --audit-keep-bytes, --audit-keep-days, --audit-when-full)");
    report(requests_.note("filling", said, true, now));
}

bool Retention::remove_old(const OfStream& of, base::Time now, base::Time old_since) {
    Stream& stream = of.stream;
    const base::Time kept_since = old_since - std::chrono::days(options_.keep_days);
    for (;;) {
        const auto full = stream.full_segments();
        const bool too_large = stream.bytes() > of.keep_bytes;
        if (full.empty()) return !too_large;
        const SegmentSummary& oldest = full.front()->summary;
        const bool is_young = oldest.last_time >= kept_since.time_since_epoch().count();
        if (!too_large && (is_young || options_.keep_days == 0)) return true;
        if (is_young && of.when_full == WhenFull::refuse) return false;
        if (!too_large && !of.by_age.take(oldest.bytes, stream.bytes(), steady_clock::now())) {
            if (of.by_age.begins_to_wait()) say_what_waits(stream, of.by_age, old_since, now);
            return true;
        }
        // Before it is gone: who ends the server now has not won a segment.
        if (!too_large)
            if (auto saved = save(); !saved) return report(saved), true;
        const uint64_t last = oldest.first_number + oldest.lines - 1;
        const std::string said = "segment " + std::to_string(full.front()->number) + " was removed, with records " +
                                 std::to_string(oldest.first_number) + " to " + std::to_string(last) + ", up to " +
                                 text::iso8601_millis(base::Time(std::chrono::milliseconds(oldest.last_time))) +
                                 (is_young && !of.why_early.empty() ? ": " + of.why_early
                                  : !is_young ? ": older than " + std::to_string(options_.keep_days) + " days"
                                              : "");
        // Said first: a segment that is missing without a word was stolen.
        if (auto noted = stream.note("removed", said, true, now, full.front()->number); !noted) return report(noted), true;
        if (is_young && !of.why_early.empty())
            base::log_warn("the audit log: " + said);
        else
            base::log_info("the audit log: " + said);
        if (auto removed = stream.remove_oldest(); !removed) return report(removed), true;
    }
}

// A clock that is wrong, or a server that was off for long.
void Retention::say_what_waits(Stream& stream, const AgeRemovals& by_age, base::Time old_since, base::Time now) {
    const std::string said = "by the clock (" + text::iso8601(old_since) + "), more than a quarter of the log is older than " +
                             std::to_string(options_.keep_days) + " days: no more than a quarter is removed for its age in " +
                             std::to_string(by_age.period().count()) + " hours";
    base::log_warn("the audit log: " + said);
    report(stream.note("waiting", said, true, now));
    report(save());
}

}  // namespace audit
