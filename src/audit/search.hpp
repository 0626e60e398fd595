// Questions to streams, by their indexes: what is read is what the answer shows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "audit/log.hpp"
#include "audit/stream.hpp"

namespace audit {

// As Query::written_since: all that a log still holds, oldest first.
inline constexpr std::string_view since_the_beginning = "n0.0";

struct SearchedStream {
    const Stream* stream = nullptr;
    uint64_t first_of_this_run = 0;  // line from which on a request without an answer is still going on
};

// Newest first, or with `written_since` oldest first. Error `InvalidToken`.
[[nodiscard]] base::Result<Page> search(const std::vector<SearchedStream>& streams, const Query& query);

}  // namespace audit
