// The typed values that conditions compare: decimals, dates, networks.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace policy {

// An exact decimal: 0.1 is 0.1, and 64-bit byte counts keep their last digit. A view of the text it was read from.
// text = ["-" | "+"] digits ["." digits] [("e" | "E") ["-" | "+"] digits]
class Decimal {
public:
    [[nodiscard]] static std::optional<Decimal> parse(std::string_view text);
    // From what `negative`, `digits` and `point` said.
    [[nodiscard]] static Decimal of(bool negative, std::string_view digits, int point);
    [[nodiscard]] std::strong_ordering operator<=>(const Decimal& other) const;
    [[nodiscard]] bool operator==(const Decimal& other) const { return (*this <=> other) == 0; }

    [[nodiscard]] bool negative() const { return negative_; }
    [[nodiscard]] std::string digits() const { return std::string(whole_).append(fraction_); }
    [[nodiscard]] int point() const { return point_; }  // 0.digits times ten to this power

private:
    [[nodiscard]] size_t size() const { return whole_.size() + fraction_.size(); }
    [[nodiscard]] char digit(size_t i) const { return i < whole_.size() ? whole_[i] : fraction_[i - whole_.size()]; }
    bool negative_ = false;
    std::string_view whole_, fraction_;  // the digits before and after the dot; together no zeros in front or behind
    int point_ = 0;
};

// ISO 8601 in the W3C profiles, or seconds since the epoch (R61).
[[nodiscard]] std::optional<base::Time> parse_date(std::string_view text);

// An address or a CIDR block; an address is a block of one (R62). Version 4 and version 6 never meet.
class Network {
public:
    [[nodiscard]] static std::optional<Network> parse(std::string_view text);
    [[nodiscard]] bool contains(const Network& other) const;
    [[nodiscard]] std::string text() const;  // address/prefix
    [[nodiscard]] bool v6() const { return v6_; }
    [[nodiscard]] const std::array<uint8_t, 16>& bytes() const { return bytes_; }  // the first 4 of a version 4 address
    [[nodiscard]] int prefix() const { return prefix_; }

private:
    bool v6_ = false;
    std::array<uint8_t, 16> bytes_{};
    int prefix_ = 32;
};

}  // namespace policy
