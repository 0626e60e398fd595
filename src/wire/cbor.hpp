// CBOR (RFC 8949) item by item, as far as Smithy's RPC v2 uses it. Private to the codecs. Pure.
//
//   initial byte = major type (3 bits) additional information (5 bits) [argument of 1, 2, 4 or 8 bytes, big-endian]
//   0 unsigned, 1 negative, 2 bytes, 3 text, 4 array, 5 map, 6 tag, 7 simple values and floats; 31: indefinite length, or its end
//
// Strict: reserved encodings, text that is not UTF-8, lengths beyond the end and items left over are errors; memory is taken for
// bytes that are there, never for a count that is claimed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace wire {

constexpr int cbor_depth_max = 64;

enum class CborMajor : uint8_t { unsigned_integer, negative, bytes, text, array, map, tag, simple };

struct CborHead {
    CborMajor major = CborMajor::simple;
    uint8_t information = 0;  // of the initial byte
    uint64_t argument = 0;    // value, length, count, tag or the bits of a float
    bool indefinite = false;  // bytes, text, array, map

    [[nodiscard]] bool is_null() const { return major == CborMajor::simple && (information == 22 || information == 23); }
    [[nodiscard]] bool is_bool() const { return major == CborMajor::simple && (information == 20 || information == 21); }
    [[nodiscard]] bool is_float() const { return major == CborMajor::simple && information >= 25 && information <= 27; }
    [[nodiscard]] bool is_integer() const { return major == CborMajor::unsigned_integer || major == CborMajor::negative; }
    [[nodiscard]] double float_value() const;  // REQUIRES: is_float()
};

// Errors of all: `SerializationException`, with the place in bytes.
class CborReader {
public:
    // More than `items_max` items, nested ones counted, are an error.
    CborReader(std::string_view bytes, size_t items_max) : bytes_(bytes), items_left_(items_max) {}
    [[nodiscard]] base::Result<CborHead> take_head();
    // The content of bytes or text whose head was taken; pieces of an indefinite one are put together.
    [[nodiscard]] base::Result<std::string> take_string(const CborHead& head);
    // Is the array or map whose head was taken at its end, `taken` items (pairs) on? Takes the end of an indefinite one.
    [[nodiscard]] base::Result<bool> at_end(const CborHead& head, uint64_t taken);
    [[nodiscard]] base::Result<void> skip_item(int depth);
    [[nodiscard]] bool all_taken() const { return at_ == bytes_.size(); }
    [[nodiscard]] std::unexpected<base::Error> malformed(std::string_view what) const;

private:
    [[nodiscard]] base::Result<void> skip_rest(const CborHead& head, int depth);
    [[nodiscard]] base::Result<std::string_view> take_bytes(uint64_t count);
    std::string_view bytes_;
    size_t at_ = 0;
    size_t items_left_;
};

// Writing: shortest heads, definite lengths.
void put_cbor_head(CborMajor major, uint64_t argument, std::string& out);
void put_cbor_text(std::string_view text, std::string& out);
void put_cbor_double(double value, std::string& out);

}  // namespace wire
