// What is kept of the log: by the age of its records, by its size, and as the operator chose. The keeper's (log.cpp): one thread at a time.
#pragma once

#include <chrono>
#include <string>

#include "audit/age_removals.hpp"
#include "audit/believed_time.hpp"
#include "audit/log.hpp"
#include "audit/stream.hpp"

namespace audit {

class Retention {
public:
    // All outlive it. `options.keep_bytes`: not 0.
    Retention(const LogOptions& options, Stream& requests, Stream& unauthenticated);

    // Once the streams are open: goes on where the server before ended (retention_state.hpp). Where that is not known, nothing of a log
    // that is there already is removed for its age in the first period.
    void begin();
    // `options.keep_days` is another one now.
    void days_changed();
    // For the next server. What fails is in the server's log.
    void end();
    // Warns, and removes segments, each with a note before. False: the log of requests is larger than it may be, and its oldest records are
    // to be kept. What fails is in the server's log.
    [[nodiscard]] bool keep(base::Time now);

private:
    struct OfStream {
        Stream& stream;
        AgeRemovals& by_age;
        uint64_t keep_bytes;
        WhenFull when_full;
        std::string why_early;  // said where records go before their days are over; empty: that is as it should be
    };

    // Durable when it returns.
    [[nodiscard]] base::Result<void> save();
    void warn_where_it_fills(base::Time now);
    void say_what_waits(Stream& stream, const AgeRemovals& by_age, base::Time old_since, base::Time now);
    // False: it is larger than it may be, and what could be removed is to be kept. `old_since`: the time by which records are old.
    bool remove_old(const OfStream& of, base::Time now, base::Time old_since);

    const LogOptions& options_;
    Stream &requests_, &unauthenticated_;
    BelievedTime believed_;
    bool said_doubt_ = false;
    AgeRemovals requests_by_age_, unauthenticated_by_age_;
    std::string boot_;
    std::chrono::steady_clock::time_point next_warning_{}, next_save_{};
};

}  // namespace audit
