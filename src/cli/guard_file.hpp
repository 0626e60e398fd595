// Files of access rules (proof/guard.hpp): YAML, docs/guards.md describes it, docs/access-rules.schema.json for editors.
//
//   rules:
//     - name: training data stays
//       deny:                                  # or allow, or only
//         principals: ["arn:aws:iam::*:role/*"]  # default: every principal; also services, anonymous, other-accounts
//         except: ["arn:aws:iam::*:role/janitor"]
//         actions: ["s3:DeleteObject*"]
//         resources: ["arn:aws:s3:::ml-data/*"]  # default: all
//         conditions: {aws:SecureTransport: "true"}
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "proof/guard.hpp"

namespace cli {

constexpr size_t guard_file_bytes_max = 1 << 20;
constexpr size_t guards_max = 1000;       // rules of a file
constexpr size_t guard_texts_max = 1000;  // patterns of one list
constexpr size_t guard_text_bytes_max = 2048;

// Error `InvalidArgument`; the message names the line and what may stand there.
[[nodiscard]] base::Result<std::vector<proof::Guard>> parse_guards(std::string_view document);
// The same, with the file's name before the line.
[[nodiscard]] base::Result<std::vector<proof::Guard>> read_guards(const std::string& path);

}  // namespace cli
