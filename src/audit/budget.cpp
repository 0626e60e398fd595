#include "audit/budget.hpp"

#include <algorithm>

#include "audit/value.hpp"
#include "text/time.hpp"

namespace audit {
namespace {

constexpr size_t counted_key_bytes_max = 32;  // AWS's have 20

std::string listed(const std::map<std::string, uint64_t>& counts) {
    std::string out;
    for (const auto& [name, count] : counts) out += (out.empty() ? "" : ", ") + escaped(name) + " " + std::to_string(count);
    return out;
}

void count_one(std::map<std::string, uint64_t>& counts, const std::string& name) {
    const bool known = counts.contains(name) || counts.size() < counted_addresses_max;
    ++counts[known ? name : "others"];
}

}  // namespace

bool Budget::take(uint64_t bytes, base::Time now) {
    if (now > filled_) {
        const auto passed = static_cast<uint64_t>((now - filled_).count());
        // Nothing overflows: after so long it is full.
        const uint64_t more = passed > 1000 * (most_ / std::max<uint64_t>(rate_, 1) + 1) ? most_ : passed * rate_ / 1000;
        if (more > 0) {
            left_ = std::min(most_, left_ + more);
            filled_ = now;
        }
    }
    if (bytes > left_) return false;
    left_ -= bytes;
    return true;
}

void Budget::count(const std::string& address, const std::string& access_key_id, const std::string& error_code, base::Time now) {
    if (counted_++ == 0) first_ = now;
    last_ = now;
    count_one(by_address_, address);
    if (!access_key_id.empty()) count_one(by_key_, access_key_id.substr(0, counted_key_bytes_max));
    count_one(by_error_, error_code);
}

std::string Budget::summary() {
    std::string out = std::to_string(counted_) + " more requests without valid credentials came between " +
                      text::iso8601_millis(first_) + " and " + text::iso8601_millis(last_) +
                      " and not written one by one: from " + listed(by_address_) + "; " + listed(by_error_);
    if (!by_key_.empty()) out += "; with the access keys " + listed(by_key_);
    counted_ = 0;
    by_address_.clear();
    by_error_.clear();
    by_key_.clear();
    return out;
}

}  // namespace audit
