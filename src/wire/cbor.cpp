#include "wire/cbor.hpp"

#include <bit>
#include <cmath>

#include "base/error_codes.hpp"

namespace wire {

using base::fail;
using base::Result;

namespace {

constexpr uint8_t break_byte = 0xff;

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text) {
    for (size_t at = 0; at < text.size();) {
        const auto first = static_cast<uint8_t>(text[at++]);
        if (first < 0x80) continue;
        int more = 0;
        uint8_t low = 0x80, high = 0xbf;  // of the second byte
        if (first >= 0xc2 && first <= 0xdf) {
            more = 1;
        } else if ((first & 0xf0) == 0xe0) {
            more = 2;
            if (first == 0xe0) low = 0xa0;
            if (first == 0xed) high = 0x9f;
        } else if (first >= 0xf0 && first <= 0xf4) {
            more = 3;
            if (first == 0xf0) low = 0x90;
            if (first == 0xf4) high = 0x8f;
        } else {
            return false;
        }
        for (; more > 0; --more, ++at) {
            if (at == text.size()) return false;
            const auto byte = static_cast<uint8_t>(text[at]);
            if (byte < low || byte > high) return false;
            low = 0x80;
            high = 0xbf;
        }
    }
    return true;
}

double half_value(uint64_t bits) {
    const auto exponent = static_cast<int>(bits >> 10 & 0x1f);
    const auto fraction = static_cast<double>(bits & 0x3ff);
    double value = 0;
    if (exponent == 0)
        value = std::ldexp(fraction, -24);
    else if (exponent == 31)
        value = fraction == 0 ? INFINITY : NAN;
    else
        value = std::ldexp(fraction + 1024, exponent - 25);
    return bits & 0x8000 ? -value : value;
}

}  // namespace

double CborHead::float_value() const {
    if (information == 25) return half_value(argument);
    if (information == 26) return std::bit_cast<float>(static_cast<uint32_t>(argument));
    return std::bit_cast<double>(argument);
}

std::unexpected<base::Error> CborReader::malformed(std::string_view what) const {
    return fail(base::code::SerializationException,
                "The CBOR is malformed at byte " + std::to_string(at_) + ": " + std::string(what));
}

Result<std::string_view> CborReader::take_bytes(uint64_t count) {
    if (count > bytes_.size() - at_) return malformed("it ends too early");
    const auto taken = bytes_.substr(at_, static_cast<size_t>(count));
    at_ += static_cast<size_t>(count);
    return taken;
}

Result<CborHead> CborReader::take_head() {
    if (items_left_ == 0) return malformed("it holds too many items");
    --items_left_;
    const auto initial = static_cast<uint8_t>(TRY(take_bytes(1)).front());
    CborHead head{.major = static_cast<CborMajor>(initial >> 5), .information = static_cast<uint8_t>(initial & 0x1f)};
    if (head.information < 24) {
        head.argument = head.information;
    } else if (head.information < 28) {
        for (const char byte : TRY(take_bytes(uint64_t{1} << (head.information - 24))))
            head.argument = head.argument << 8 | static_cast<uint8_t>(byte);
    } else if (head.information == 31 && head.major >= CborMajor::bytes && head.major <= CborMajor::map) {
        head.indefinite = true;
    } else {
        return malformed("a reserved encoding");
    }
    // Of the simple values there are false, true, null, undefined and floats.
    if (head.major == CborMajor::simple && !head.is_bool() && !head.is_null() && !head.is_float())
        return malformed("a simple value that is not assigned");
    return head;
}

Result<std::string> CborReader::take_string(const CborHead& head) {
    const auto piece = [&](uint64_t length) -> Result<std::string_view> {
        const auto content = TRY(take_bytes(length));
        if (head.major == CborMajor::text && !is_utf8(content)) return malformed("text that is not UTF-8");
        return content;
    };
    if (!head.indefinite) return std::string(TRY(piece(head.argument)));
    std::string out;
    while (true) {
        if (TRY(at_end(head, 0))) return out;
        const auto next = TRY(take_head());
        if (next.major != head.major || next.indefinite) return malformed("a piece of another type");
        out += TRY(piece(next.argument));
    }
}

Result<bool> CborReader::at_end(const CborHead& head, uint64_t taken) {
    if (!head.indefinite) return taken == head.argument;
    if (all_taken()) return malformed("it ends too early");
    if (static_cast<uint8_t>(bytes_[at_]) != break_byte) return false;
    ++at_;
    return true;
}

Result<void> CborReader::skip_item(int depth) {
    const auto head = TRY(take_head());
    return skip_rest(head, depth);
}

Result<void> CborReader::skip_rest(const CborHead& head, int depth) {
    if (depth > cbor_depth_max) return malformed("it is nested too deep");
    switch (head.major) {
        case CborMajor::bytes:
        case CborMajor::text:
            (void)TRY(take_string(head));
            return {};
        case CborMajor::array:
        case CborMajor::map:
            for (uint64_t taken = 0; !TRY(at_end(head, taken)); ++taken)
                for (int part = 0; part < (head.major == CborMajor::map ? 2 : 1); ++part) TRY(skip_item(depth + 1));
            return {};
        case CborMajor::tag:
            return skip_item(depth + 1);
        default:
            return {};
    }
}

void put_cbor_head(CborMajor major, uint64_t argument, std::string& out) {
    const auto initial = static_cast<uint8_t>(static_cast<uint8_t>(major) << 5);
    int bytes = 0;
    if (argument < 24) {
        out += static_cast<char>(initial | argument);
        return;
    }
    if (argument <= UINT8_MAX)
        bytes = 0;
    else if (argument <= UINT16_MAX)
        bytes = 1;
    else if (argument <= UINT32_MAX)
        bytes = 2;
    else
        bytes = 3;
    out += static_cast<char>(initial | (24 + bytes));
    for (int shift = ((1 << bytes) - 1) * 8; shift >= 0; shift -= 8) out += static_cast<char>(argument >> shift & 0xff);
}

void put_cbor_text(std::string_view text, std::string& out) {
    put_cbor_head(CborMajor::text, text.size(), out);
    out += text;
}

void put_cbor_double(double value, std::string& out) {
    out += static_cast<char>(0xfb);
    const auto bits = std::bit_cast<uint64_t>(value);
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(bits >> shift & 0xff);
}

}  // namespace wire
