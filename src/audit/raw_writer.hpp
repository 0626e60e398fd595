// Writes the parts of a line one behind the other into memory that has room for them all: most parts are a few bytes, for which a call
// of memcpy costs more than the copy.
#pragma once

#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace audit {

class RawWriter {
public:
    static constexpr size_t number_bytes_max = 20;

    explicit RawWriter(char* begin) : at_(begin) {}

    [[gnu::always_inline]] void put(std::string_view text) {
        const size_t size = text.size();
        if (size > 2 * sizeof(Half))
            std::memcpy(at_, text.data(), size);
        else if (size >= sizeof(Half))
            put_ends<Half>(text);
        else if (size >= sizeof(uint64_t))
            put_ends<uint64_t>(text);
        else if (size >= sizeof(uint32_t))
            put_ends<uint32_t>(text);
        else
            for (size_t i = 0; i < size; ++i) at_[i] = text[i];
        at_ += size;
    }
    // Takes up to number_bytes_max, though the number may have fewer digits.
    [[gnu::always_inline]] void put_number(int64_t number) {
        if (static_cast<uint64_t>(number) < 10)
            *at_++ = static_cast<char>('0' + number);
        else
            at_ = write_number(at_, number);
    }
    [[nodiscard]] char* at() const { return at_; }

private:
    struct Half {
        uint64_t words[2];
    };

    static constexpr uint64_t zeros = 0x3030303030303030u;

    // The eight digits of a number below 10^8, as numbers: the first in the lowest byte. All at once: halves, then pairs, then digits.
    static uint64_t digits_of(uint32_t number) {
        uint64_t digits = number / 10'000 | uint64_t{number % 10'000} << 32;
        const uint64_t hundreds = digits * 5243 >> 19 & 0x0000007F0000007Fu;  // of each half
        digits = hundreds | (digits - hundreds * 100) << 16;
        const uint64_t tens = digits * 103 >> 10 & 0x000F000F000F000Fu;  // of each pair
        return tens | (digits - tens * 10) << 8;
    }
    // Without leading zeros: how many there are is known before the digits are, so that what follows need not wait for them.
    static char* write_digits(char* at, uint32_t number) {
        unsigned leading = sizeof(uint64_t) - 1;
        for (const uint32_t power : {10u, 100u, 1000u, 10'000u, 100'000u, 1'000'000u, 10'000'000u}) leading -= number >= power;
        const uint64_t text = (digits_of(number) | zeros) >> (leading * 8);
        std::memcpy(at, &text, sizeof text);
        return at + sizeof text - leading;
    }
    // Where it ends. Not of this object, which stays in registers.
    static char* write_number(char* at, int64_t number) {
        constexpr uint64_t eight_digits = 100'000'000;
        const auto value = static_cast<uint64_t>(number);
        if (value < eight_digits) return write_digits(at, static_cast<uint32_t>(value));
        if (value >= eight_digits * eight_digits) return std::to_chars(at, at + number_bytes_max, number).ptr;
        at = write_digits(at, static_cast<uint32_t>(value / eight_digits));
        const uint64_t digits = digits_of(static_cast<uint32_t>(value % eight_digits)) | zeros;
        std::memcpy(at, &digits, sizeof digits);
        return at + sizeof digits;
    }

    // Of a text of one to two of them: the first and the last, which may overlap.
    template <class Piece>
    void put_ends(std::string_view text) {
        Piece first, last;
        std::memcpy(&first, text.data(), sizeof first);
        std::memcpy(&last, text.data() + text.size() - sizeof last, sizeof last);
        std::memcpy(at_, &first, sizeof first);
        std::memcpy(at_ + text.size() - sizeof last, &last, sizeof last);
    }

    char* at_;
};
static_assert(std::endian::native == std::endian::little);

}  // namespace audit
