// Lists in pages: MaxItems and Marker of a request, IsTruncated and Marker of its answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "identity/iam.hpp"

namespace services::iam {

// One row of a list, and what it is sorted and found again by.
template <class T>
struct Row {
    std::string key;
    T value;
};

// The rows come in the order of their keys. A page is filled by seeking what is behind after(), so that it costs what it holds:
//
//     Page page = TRY(Page::of(in));
//     for (const auto& role : iam->roles(account, page.slice(in.path_prefix))) {
//         if (!page.has_room_for(base::lower(role->name))) break;
//         out.roles.push_back(shown(*role, Detail::list));
//     }
//     page.close(out);
class Page {
public:
    template <class Input>
    [[nodiscard]] static base::Result<Page> of(const Input& in) {
        return make(in.marker, in.max_items);
    }
    // Error `ValidationError`: a marker that no answer had.
    [[nodiscard]] static base::Result<Page> make(const std::optional<std::string>& marker, std::optional<int32_t> max_items);

    // The key of the last row of the page before; empty: this is the first page.
    [[nodiscard]] const std::string& after() const { return after_; }
    // One more than there is room for: whether there is a next page shows by it.
    [[nodiscard]] size_t wanted() const { return room_ + 1; }
    [[nodiscard]] identity::Slice slice(const std::optional<std::string>& path_prefix = std::nullopt) const {
        return {after_, path_prefix.value_or(""), wanted()};
    }
    // False if the page is full: the row is not needed, and there is a next page.
    [[nodiscard]] bool has_room_for(std::string key);
    // Of a list that is short by its nature, the page's part: of rows in any order, those behind after().
    template <class T>
    [[nodiscard]] std::vector<T> part_of(std::vector<Row<T>> rows) {
        std::vector<std::string_view> keys;
        for (const auto& row : rows) keys.push_back(row.key);
        std::vector<T> out;
        for (const size_t place : places(keys)) out.push_back(std::move(rows[place].value));
        return out;
    }
    template <class Output>
    void close(Output& out) const {
        out.is_truncated = truncated_;
        if (truncated_) out.marker = marker();
    }

private:
    // Of the rows with these keys, those of the page, in the order of their keys.
    [[nodiscard]] std::vector<size_t> places(const std::vector<std::string_view>& keys);
    [[nodiscard]] std::string marker() const;

    std::string after_, last_;
    size_t room_ = 0;
    bool truncated_ = false;
};

// The answer to a request for such a list: the page's part of the rows, as this member of it.
template <class Output, class List, class T, class Input>
[[nodiscard]] base::Result<Output> one_page(const Input& in, List Output::* list, std::vector<Row<T>> rows) {
    Page page = TRY(Page::of(in));
    Output out;
    out.*list = page.part_of(std::move(rows));
    page.close(out);
    return out;
}

}  // namespace services::iam
