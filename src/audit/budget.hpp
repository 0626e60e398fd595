// How many bytes of unauthenticated refusals are written one by one, and a summary of those that are not. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/clock.hpp"

namespace audit {

constexpr size_t counted_addresses_max = 64;  // and access keys: each by its own; the rest together

class Budget {
public:
    Budget(uint64_t bytes_per_second, uint64_t bytes_at_once)
        : rate_(bytes_per_second), most_(bytes_at_once), left_(bytes_at_once) {}

    // Takes the bytes, if there are as many.
    bool take(uint64_t bytes, base::Time now);
    // More was taken than was needed.
    void give_back(uint64_t bytes) { left_ = left_ + bytes > most_ ? most_ : left_ + bytes; }
    // `access_key_id`: that the request named; empty: none.
    void count(const std::string& address, const std::string& access_key_id, const std::string& error_code, base::Time now);
    [[nodiscard]] bool has_counted() const { return counted_ > 0; }
    // What was counted since the last time, in words.
    [[nodiscard]] std::string summary();

private:
    uint64_t rate_, most_, left_;
    base::Time filled_{};
    uint64_t counted_ = 0;
    base::Time first_{}, last_{};
    std::map<std::string, uint64_t> by_address_, by_key_, by_error_;
};

}  // namespace audit
