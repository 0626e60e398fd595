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

// Four numbers of 0 to 255 without zeros in front: what inet_pton takes, at a fifth of its time.
bool parse_v4(std::string_view text, uint8_t* bytes) {
    size_t at = 0;
    for (int part = 0; part < 4; ++part) {
        if (part > 0 && (at == text.size() || text[at++] != '.')) return false;
        const size_t begin = at;
        unsigned value = 0;
        for (; at < text.size() && text[at] >= '0' && text[at] <= '9' && at - begin < 3; ++at)
            value = value * 10 + static_cast<unsigned>(text[at] - '0');
        if (at == begin || value > 255 || (at - begin > 1 && text[begin] == '0')) return false;
        bytes[part] = static_cast<uint8_t>(value);
    }
    return at == text.size();
}

bool parse_v6(std::string_view text, uint8_t* bytes) {
    char terminated[INET6_ADDRSTRLEN] = {};
    if (text.size() >= sizeof terminated || text.contains('\0')) return false;
    text.copy(terminated, text.size());
    return inet_pton(AF_INET6, terminated, bytes) == 1;
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
    out.whole_ = text.substr(0, dot);
    if (dot != std::string_view::npos) out.fraction_ = text.substr(dot + 1);
    if (!all_digits(out.whole_) || (dot != std::string_view::npos && !all_digits(out.fraction_))) return std::nullopt;
    out.point_ = static_cast<int>(out.whole_.size()) + exponent;
    const auto drop_front = [&](std::string_view& part) {
        const auto zeros = std::min(part.find_first_not_of('0'), part.size());
        part.remove_prefix(zeros);
        out.point_ -= static_cast<int>(zeros);
    };
    const auto drop_back = [](std::string_view& part) { part = part.substr(0, part.find_last_not_of('0') + 1); };
    drop_front(out.whole_);
    if (out.whole_.empty()) drop_front(out.fraction_);
    drop_back(out.fraction_);
    if (out.fraction_.empty()) drop_back(out.whole_);
    if (out.size() == 0) out.negative_ = false, out.point_ = 0;
    return out;
}

Decimal Decimal::of(bool negative, std::string_view digits, int point) {
    Decimal out;
    out.negative_ = negative;
    out.whole_ = digits;
    out.point_ = point;
    return out;
}

std::strong_ordering Decimal::operator<=>(const Decimal& other) const {
    if (negative_ != other.negative_) return negative_ ? std::strong_ordering::less : std::strong_ordering::greater;
    auto order = std::strong_ordering::equal;
    if (size() == 0 || other.size() == 0) {
        order = size() <=> other.size();
    } else if (point_ != other.point_) {
        order = point_ <=> other.point_;
    } else {
        for (size_t i = 0; order == 0 && i < size() && i < other.size(); ++i) order = digit(i) <=> other.digit(i);
        if (order == 0) order = size() <=> other.size();
    }
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
    const auto address = text.substr(0, slash);
    out.v6_ = address.contains(':');
    if (!(out.v6_ ? parse_v6 : parse_v4)(address, out.bytes_.data())) return std::nullopt;
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

std::string Network::text() const {
    char address[INET6_ADDRSTRLEN] = {};
    inet_ntop(v6_ ? AF_INET6 : AF_INET, bytes_.data(), address, sizeof address);
    return std::string(address) + "/" + std::to_string(prefix_);
}

}  // namespace policy
