// How much of this server's disk logs may take, and how fast: of one training job (its workers' output and what they put
// themselves), of one account, of all. Over it, PutLogEvents is throttled, and a worker's output is dropped (writer.hpp).
//
// AWS bounds the rate alone (CloudWatch Logs quotas: transactions a second of an account), and throttles with `ThrottlingException`.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/mutex.hpp"

namespace logs {

// Where training jobs log: streams JOB/WORKER. What has the same JOB is one job's.
constexpr std::string_view job_group = "/aws/sagemaker/TrainingJobs";

// `serve --limit` (docs/limits.md).
struct Limits {
    uint64_t job_bytes_max = 2ULL << 30, job_bytes_per_second_max = 8ULL << 20;
    uint64_t account_bytes_max = 16ULL << 30, account_bytes_per_second_max = 32ULL << 20;
    uint64_t bytes_max = 64ULL << 30;
    uint64_t account_streams_max = 1'000'000;
};
constexpr int64_t burst_seconds = 8;  // so much of a second's bytes may come at once

// A bucket that fills at so many bytes a second. Pure.
class Rate {
public:
    explicit Rate(uint64_t bytes_per_second)
        : per_second_(static_cast<int64_t>(bytes_per_second)), left_(per_second_ * burst_seconds) {}
    // May more come at this time? What comes may be more than what is left: then nothing more may until it is paid back.
    [[nodiscard]] bool may(base::Time now);
    void take(uint64_t bytes) { left_ -= static_cast<int64_t>(bytes); }

private:
    int64_t per_second_, left_;
    base::Time last_{};
};

// Who writes: an account, and in it a training job, or nobody in particular.
struct Writer {
    std::string account;
    std::string job;  // unique in all accounts; "": no job
};
[[nodiscard]] Writer writer_of(const std::string& account, const std::string& region, std::string_view group,
                               std::string_view stream);

// Any thread.
class Quota {
public:
    explicit Quota(const Limits& limits) : limits_(limits) {}

    enum class Answer : uint8_t { granted, too_fast, full };
    // Whether so many bytes may be written; if so, they count from now on.
    [[nodiscard]] Answer take(const Writer& writer, uint64_t bytes, base::Time now);
    // Counts what is there whatever the limits say.
    void add(const Writer& writer, uint64_t bytes);
    void give_back(const Writer& writer, uint64_t bytes);
    // Streams of an account; false: it has as many as it may.
    [[nodiscard]] bool add_stream(const std::string& account, bool always = false);
    void remove_stream(const std::string& account);

    [[nodiscard]] uint64_t bytes_of(const std::string& account) const;
    [[nodiscard]] const Limits& limits() const { return limits_; }

private:
    struct Used {
        explicit Used(uint64_t bytes_per_second) : rate(bytes_per_second) {}
        uint64_t bytes = 0;
        uint64_t streams = 0;
        Rate rate;
    };
    using Table = std::map<std::string, Used, std::less<>>;
    Used& of_account(const std::string& account) REQUIRES(mutex_);
    Used* of_job(const std::string& job) REQUIRES(mutex_);

    const Limits limits_;
    mutable base::Mutex mutex_;
    Table accounts_ GUARDED_BY(mutex_), jobs_ GUARDED_BY(mutex_);
    uint64_t bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace logs
