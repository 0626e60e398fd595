// Requests that clients make again and again to follow something: the first is recorded like any other, those that are the same but
// for time and id, within an interval and answered with success, are counted and recorded together. Pure; one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "audit/record_text.hpp"
#include "base/clock.hpp"

namespace audit {

// What is over these is recorded one by one. Of one principal (all sessions of a role are one), so that none takes every place.
constexpr size_t followed_max = 4096;
constexpr size_t followed_by_principal_max = 128;
constexpr size_t followed_bytes_max = 32u << 20;  // of all that is remembered

class Polling {
public:
    explicit Polling(std::chrono::milliseconds interval) : interval_(interval) {}

    // Has the same been recorded within the interval?
    [[nodiscard]] bool is_repeat(const std::string& sameness, base::Time now) const;
    // One that was recorded and answered with success: what follows is compared with it.
    void recorded(const RecordText& text);
    // One more of the same was answered with success. False: it is no longer counted, record it.
    bool repeated(const std::string& sameness, int status, base::Time time);

    struct Summary {
        RecordText text;     // of the last …
        std::string answer;  // … with the count
        base::Time last;
    };
    // Those whose interval is over (or all), and that were repeated.
    [[nodiscard]] std::vector<Summary> due(base::Time now, bool all);
    [[nodiscard]] bool is_empty() const { return followed_.empty(); }

private:
    struct Followed {
        RecordText text;
        size_t bytes = 0;
        base::Time first{}, last{};
        uint64_t count = 0;
        int status = 200;
    };
    [[nodiscard]] bool is_over(const Followed& followed, base::Time now) const;

    std::chrono::milliseconds interval_;
    std::unordered_map<std::string, Followed> followed_;  // by digest
    std::unordered_map<std::string, size_t> by_principal_;
    size_t bytes_ = 0;
};

}  // namespace audit
