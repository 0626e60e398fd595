// Amazon Resource Names: arn:partition:service:region:account:resource.
// Source: AWS General Reference, "Amazon Resource Names (ARNs)".
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace policy {

// Views into the text that was parsed.
struct Arn {
    std::string_view partition, service, region, account, resource;  // the resource may hold colons
};

// nullopt unless there are six segments and the first is `arn`.
[[nodiscard]] std::optional<Arn> parse_arn(std::string_view text);

}  // namespace policy
