// Lists in pages: maxResults and nextToken of a request, nextToken of its answer. A token is the key of the last item of its page, and a mark of the
// question: it goes on with the same one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace services::access_analyzer {

constexpr int32_t results_default = 100;
constexpr int32_t results_max = 1000;

struct Page {
    std::string after;  // the key of the last item before it; empty: the first page
    bool is_first = true;
    size_t most = 0;
    std::string mark;

    // Errors `ValidationException`: a token that is of no answer to this question, a number that is out of range. `question`: what was asked, but
    // for the page.
    [[nodiscard]] static base::Result<Page> of(const std::optional<std::string>& token, std::optional<int32_t> most,
                                               std::string_view question);
    [[nodiscard]] std::string token_after(std::string_view key) const;
};

enum class Order : uint8_t { ascending, descending };

// Of items in the order of their keys, those of the page; `key` gives each one of its own. A page goes on behind the key of the last item before it, whether
// that is still there or not.
template <class T, class Key>
[[nodiscard]] std::pair<std::vector<T>, std::optional<std::string>> part_of(const Page& page, std::vector<T> items, Key&& key,
                                                                            Order order = Order::ascending) {
    const auto is_before = [&](const T& item) {
        const auto& own = key(item);
        return !page.is_first && (order == Order::ascending ? own <= page.after : own >= page.after);
    };
    size_t at = static_cast<size_t>(std::ranges::partition_point(items, is_before) - items.begin());
    const size_t end = std::min(items.size(), at + page.most);
    std::optional<std::string> next;
    if (end < items.size() && end > at) next = page.token_after(key(items[end - 1]));
    std::vector<T> out;
    for (; at < end; ++at) out.push_back(std::move(items[at]));
    return {std::move(out), std::move(next)};
}

// Of items that have no key: their places, as text that is in their order.
[[nodiscard]] std::string key_of_place(size_t place);

}  // namespace services::access_analyzer
