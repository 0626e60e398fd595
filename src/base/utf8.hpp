// Text from elsewhere (keys of objects, headers, what workers and programs print) on its way into JSON, a log or a terminal.
#pragma once

#include <string>
#include <string_view>

namespace base {

// UTF-8 with every byte that does not belong replaced by U+FFFD.
[[nodiscard]] std::string valid_utf8(std::string_view bytes);

enum class Keep { nothing, lines };  // lines: line feeds and tabs stay

// What a terminal shows and does not obey: control characters (C0, DEL, C1), characters that change the direction of writing or
// show as nothing, line and paragraph separators, and bytes that are no UTF-8 are spelt out: `\n`, `\x1b`, `\u202e`, `\xff`.
// Everything else stays, so a text without such characters is its own printable form.
[[nodiscard]] std::string printable(std::string_view text, Keep keep = Keep::nothing);

// The same for a JSON document whose layout stays: inside its strings such a character becomes JSON's own `\u009b`, so the
// document says what it said.
[[nodiscard]] std::string printable_json(std::string_view document);

}  // namespace base
