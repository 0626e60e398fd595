// Text from clients on its way into the record: whatever bytes it has, and however many, a line of the record can be read.
//
// Escapes. A value that is UTF-8 and has no `\x` stands as it is. Any other has every byte that is not UTF-8 written as `\xNN` and
// every backslash doubled, so that exactly the values with `\x` in them are escaped and each stands for one text.
//
// Cuts. A value that takes more bytes in the record than its limit, escapes included, ends in `…[cut: N bytes, sha256 HEX]`: its whole
// length and the digest of all of it. A value that says so itself is escaped: what a client sends never reads as a cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace audit {

// Of one value in a record: the longest S3 key (1,024 bytes) with its ARN, or the longest ARN (2,048), is not cut.
constexpr size_t value_bytes_max = 2048;

[[nodiscard]] std::string escaped(std::string_view bytes);
[[nodiscard]] std::string unescaped(std::string_view text);

// Is the value neither escaped nor cut, and JSON as it is? Most are; others may be, too.
[[nodiscard]] bool stands_as_it_is(std::string_view bytes);

// The value as the record has it: escaped, and cut so that it takes at most `most` bytes as JSON, without the words of the cut.
[[nodiscard]] std::string capped(std::string_view bytes, size_t most = value_bytes_max);
// What the record itself says where it cuts.
constexpr std::string_view cut_marker = "…[cut: ";
[[nodiscard]] std::string cut_text(std::string_view whole);  // `…[cut: N bytes, sha256 HEX]`
// Appends a JSON string of what is not a client's: it is neither escaped nor cut.
void append_own(std::string& out, std::string_view text);

// Appends a JSON string: the value, capped and escaped.
void append_quoted(std::string& out, std::string_view bytes, size_t most = value_bytes_max);
// Appends `"name":"value"` with a comma before it unless `out` ends in `{`.
void append_member(std::string& out, std::string_view name, std::string_view value, size_t most = value_bytes_max);
void append_number(std::string& out, int64_t number);
// Appends `"name":`, the name capped and escaped.
void append_member_name(std::string& out, std::string_view name);
// The same with a value that is JSON already.
void append_raw_member(std::string& out, std::string_view name, std::string_view json);

}  // namespace audit
