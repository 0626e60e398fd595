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

// An exact decimal: 0.1 is 0.1, and 64-bit byte counts keep their last digit.
// text = ["-" | "+"] digits ["." digits] [("e" | "E") ["-" | "+"] digits]
class Decimal {
public:
    [[nodiscard]] static std::optional<Decimal> parse(std::string_view text);
    [[nodiscard]] std::strong_ordering operator<=>(const Decimal& other) const;
    [[nodiscard]] bool operator==(const Decimal& other) const { return (*this <=> other) == 0; }

private:
    bool negative_ = false;
    std::string digits_;  // no zeros in front or behind; empty is zero
    int point_ = 0;       // 0.digits times ten to this power
};

// ISO 8601 in the W3C profiles, or seconds since the epoch (R61).
[[nodiscard]] std::optional<base::Time> parse_date(std::string_view text);

// An address or a CIDR block; an address is a block of one (R62). Version 4 and version 6 never meet.
class Network {
public:
    [[nodiscard]] static std::optional<Network> parse(std::string_view text);
    [[nodiscard]] bool contains(const Network& other) const;

private:
    bool v6_ = false;
    std::array<uint8_t, 16> bytes_{};
    int prefix_ = 32;
};

}  // namespace policy
