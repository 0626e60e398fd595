// Which accounts, regions and partitions a question about a document has to be asked about, so that its answer holds of all. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lint/statement.hpp"

namespace lint {

// Whose requests, and whose resources: a question is about one account, region and partition.
struct World {
    std::string partition, account, region;
};

// The accounts, regions and partitions that a document's ARNs and values name, and one of each that it does not. Regions by patterns, too: one that each of them
// matches. None: there are more than `most`.
[[nodiscard]] std::vector<World> worlds_of(std::string_view text, const Document& document, size_t most);

}  // namespace lint
