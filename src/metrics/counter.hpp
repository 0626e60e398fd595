// Numbers that many threads add to and one reads now and then. Adding is a relaxed atomic addition, on a cache line that threads share with few
// others: they are striped. A reader sees each number at some moment of its reading, not all at the same one.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace metrics {

constexpr size_t stripes = 8;
constexpr size_t cache_line = 64;

// Which stripe this thread adds to: threads take turns when they first ask.
[[nodiscard]] inline size_t stripe() {
    static constinit std::atomic<size_t> next = 0;
    static thread_local const size_t mine = next.fetch_add(1, std::memory_order_relaxed) % stripes;
    return mine;
}

class Counter {
public:
    void add(uint64_t count = 1) { values_[stripe()].value.fetch_add(count, std::memory_order_relaxed); }
    [[nodiscard]] uint64_t value() const {
        uint64_t sum = 0;
        for (const auto& one : values_) sum += one.value.load(std::memory_order_relaxed);
        return sum;
    }

private:
    struct alignas(cache_line) Value {
        std::atomic<uint64_t> value = 0;
    };
    std::array<Value, stripes> values_;
};

// Upper bounds of durations, in nanoseconds; what is longer falls into the last bucket, which has none.
constexpr auto duration_bounds =
    std::to_array<int64_t>({100'000, 250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000, 25'000'000, 50'000'000,
                            100'000'000, 250'000'000, 500'000'000, 1'000'000'000, 2'500'000'000, 10'000'000'000, 60'000'000'000});
constexpr size_t duration_buckets = duration_bounds.size() + 1;

struct HistogramValue {
    std::array<uint64_t, duration_buckets> counts{};  // of each bucket alone
    uint64_t nanoseconds = 0;                         // of all
    [[nodiscard]] uint64_t count() const {
        uint64_t sum = 0;
        for (const uint64_t one : counts) sum += one;
        return sum;
    }
    void add(const HistogramValue& other) {
        for (size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
        nanoseconds += other.nanoseconds;
    }
};

// How long something took.
class Histogram {
public:
    void add(std::chrono::nanoseconds took) {
        const int64_t count = took.count() < 0 ? 0 : took.count();
        size_t bucket = 0;
        while (bucket < duration_bounds.size() && count > duration_bounds[bucket]) ++bucket;
        auto& mine = values_[stripe()];
        mine.counts[bucket].fetch_add(1, std::memory_order_relaxed);
        mine.nanoseconds.fetch_add(static_cast<uint64_t>(count), std::memory_order_relaxed);
    }
    [[nodiscard]] HistogramValue value() const {
        HistogramValue sum;
        for (const auto& one : values_) {
            for (size_t i = 0; i < duration_buckets; ++i) sum.counts[i] += one.counts[i].load(std::memory_order_relaxed);
            sum.nanoseconds += one.nanoseconds.load(std::memory_order_relaxed);
        }
        return sum;
    }

private:
    struct alignas(cache_line) Values {
        std::array<std::atomic<uint64_t>, duration_buckets> counts{};
        std::atomic<uint64_t> nanoseconds = 0;
    };
    std::array<Values, stripes> values_;
};

}  // namespace metrics
