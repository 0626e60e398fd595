// Filter patterns for unstructured log events.
//
// Source: CloudWatch Logs User Guide, "Filter pattern syntax": terms separated by spaces, all of which must appear (case
// matters);
// `"a phrase"`; `-term` must not appear; of the `?term`s at least one must appear, and they count only when there are no plain
// terms. JSON (`{…}`), space-delimited (`[…]`) and regular expression (`%…%`) patterns are refused.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace services::logs {

class Filter {
public:
    // Error `InvalidParameterException`.
    [[nodiscard]] static base::Result<Filter> parse(std::string_view pattern);
    [[nodiscard]] bool matches(std::string_view message) const;

private:
    std::vector<std::string> all_, none_, any_;
};

}  // namespace services::logs
