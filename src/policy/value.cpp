#include "policy/value.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "text/time.hpp"

namespace policy {

namespace {

bool all_digits(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<int> small_number(std::string_view text, int most) {
    int value = 0;
    const auto* end = text.data() + text.size();
    const auto got = std::from_chars(text.data(), end, value);
    if (!all_digits(text) || got.ec != std::errc() || got.ptr != end || value > most) return std::nullopt;
    return value;
}

constexpr int exponent_max = 10000;
constexpr size_t decimal_chars_max = 512;

}  // namespace

std::optional<Decimal> Decimal::parse(std::string_view text) {
    Decimal out;
    if (text.size() > decimal_chars_max) return std::nullopt;
    if (text.starts_with('-') || text.starts_with('+')) {
        out.negative_ = text.front() == '-';
        text.remove_prefix(1);
    }
    int exponent = 0;
    if (const auto e = text.find_first_of("eE"); e != std::string_view::npos) {
        auto digits = text.substr(e + 1);
        const bool negative = digits.starts_with('-');
        if (negative || digits.starts_with('+')) digits.remove_prefix(1);
        const auto value = small_number(digits, exponent_max);
        if (!value) return std::nullopt;
        exponent = negative ? -*value : *value;
        text = text.substr(0, e);
    }
    const auto dot = text.find('.');
    const auto whole = text.substr(0, dot);
    const auto fraction = dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
    if (!all_digits(whole) || (dot != std::string_view::npos && !all_digits(fraction))) return std::nullopt;
    out.digits_.append(whole).append(fraction);
    out.point_ = static_cast<int>(whole.size()) + exponent;
    const auto first = std::min(out.digits_.find_first_not_of('0'), out.digits_.size());
    out.digits_.erase(0, first);
    out.point_ -= static_cast<int>(first);
    while (out.digits_.ends_with('0')) out.digits_.pop_back();
    if (out.digits_.empty()) out.negative_ = false, out.point_ = 0;
    return out;
}

std::strong_ordering Decimal::operator<=>(const Decimal& other) const {
    if (negative_ != other.negative_) return negative_ ? std::strong_ordering::less : std::strong_ordering::greater;
    auto order = std::strong_ordering::equal;
    if (digits_.empty() || other.digits_.empty())
        order = digits_.size() <=> other.digits_.size();
    else if (point_ != other.point_)
        order = point_ <=> other.point_;
    else
        order = digits_ <=> other.digits_;
    return negative_ ? 0 <=> order : order;
}

std::optional<base::Time> parse_date(std::string_view text) {
    // Four digits are a year, W3C's shortest profile; more are seconds.
    const auto seconds = text.starts_with('-') ? text.substr(1) : text;
    if (all_digits(seconds) && seconds.size() != 4 && seconds.size() < 15) {
        int64_t value = 0;
        std::from_chars(text.data(), text.data() + text.size(), value);
        return base::Time(std::chrono::seconds(value));
    }
    return text::parse_iso8601(text);
}

std::optional<Network> Network::parse(std::string_view text) {
    Network out;
    const auto slash = text.find('/');
    const std::string address(text.substr(0, slash));
    out.v6_ = address.contains(':');
    if (inet_pton(out.v6_ ? AF_INET6 : AF_INET, address.c_str(), out.bytes_.data()) != 1) return std::nullopt;
    const int bits = out.v6_ ? 128 : 32;
    out.prefix_ = bits;
    if (slash != std::string_view::npos) {
        const auto prefix = small_number(text.substr(slash + 1), bits);
        if (!prefix) return std::nullopt;
        out.prefix_ = *prefix;
    }
    return out;
}

bool Network::contains(const Network& other) const {
    if (v6_ != other.v6_ || other.prefix_ < prefix_) return false;
    const auto whole = static_cast<size_t>(prefix_ / 8);
    if (!std::equal(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(whole), other.bytes_.begin())) return false;
    const int rest = prefix_ % 8;
    return rest == 0 || (bytes_[whole] ^ other.bytes_[whole]) >> (8 - rest) == 0;
}

}  // namespace policy
