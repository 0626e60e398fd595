#include "base/nearest.hpp"

#include <algorithm>

#include "base/strings.hpp"

namespace base {
namespace {

constexpr size_t word_bytes_max = 128;  // longer ones are no slips of the finger

// Insertions, deletions, replacements and exchanges of neighbours that turn one word into the other.
size_t distance(std::string_view from, std::string_view to) {
    std::vector<std::vector<size_t>> rows(from.size() + 1, std::vector<size_t>(to.size() + 1));
    for (size_t i = 0; i <= from.size(); ++i) {
        for (size_t j = 0; j <= to.size(); ++j) {
            size_t& here = rows[i][j];
            if (i == 0 || j == 0) {
                here = i + j;
                continue;
            }
            const size_t replaced = rows[i - 1][j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
            here = std::min({rows[i - 1][j] + 1, rows[i][j - 1] + 1, replaced});
            const bool exchanged = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
            if (exchanged) here = std::min(here, rows[i - 2][j - 2] + 1);
        }
    }
    return rows[from.size()][to.size()];
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
    std::string best;
    if (word.size() > word_bytes_max) return best;
    const std::string wanted = lower(word);
    size_t least = std::max<size_t>(2, word.size() / 4 + 1);
    for (const std::string& each : known) {
        const size_t shorter = std::min(each.size(), word.size()), longer = std::max(each.size(), word.size());
        if (longer - shorter >= least) continue;
        const size_t far = distance(wanted, lower(each));
        if (far >= least) continue;
        least = far;
        best = each;
    }
    return best;
}

}  // namespace base
