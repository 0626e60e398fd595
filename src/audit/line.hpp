// Lines of a segment, and the chain that holds them in order. Pure.
//
//     {"n":17,…,"h":"5f0c9d1e8a7b6c5d"}
//
// `n` counts the lines of a stream from 1, across its segments. The chain value of a line is SHA-256(chain value of the line before,
// as 32 bytes, then this line's bytes up to `,"h":`); of the line before the first it is 32 zero bytes. `h` has the first 8 bytes of
// it in hexadecimal: enough to say where the chain breaks. What the signed heads vouch for is the whole value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "text/json.hpp"

namespace audit {

using Chain = std::string;  // 32 bytes
[[nodiscard]] Chain first_chain();

// A line in `out`, without its end, which is not part of it: begun, its members behind that, and ended; `begin` is where it begins.
// Moves `chain` on.
void begin_line(std::string& out, uint64_t number);
void end_line(std::string& out, size_t begin, Chain& chain);
// The same of members that are there already.
[[nodiscard]] std::string make_line(uint64_t number, std::string_view members, Chain& chain);

struct Line {
    uint64_t number = 0;
    bool holds = false;  // is `h` what the chain says
    text::Json json;     // null: the line cannot be read
};
// Reads a line, without its end; moves `chain` on, as far as the line can be taken apart, else over all its bytes.
[[nodiscard]] Line read_line(std::string_view line, Chain& chain);
// The chain alone, for who knows the line.
[[nodiscard]] bool follow(std::string_view line, Chain& chain);

// What a signed head says: as many lines of this stream have this chain value.
struct Head {
    std::string stream;
    uint64_t lines = 0;
    Chain chain;
    int64_t time = 0;  // milliseconds since 1970
    std::string key;   // id of the key that signed
    std::string signature;
};
// What is signed.
[[nodiscard]] std::string signed_text(const Head& head);
[[nodiscard]] text::Json to_json(const Head& head);
[[nodiscard]] std::optional<Head> read_head(const text::Json& json);

}  // namespace audit
