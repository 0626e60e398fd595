// Entities as IAM's answers show them, and lists in pages.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "identity/iam.hpp"
#include "text/json.hpp"

namespace services::iam {

// Lists leave out what takes a Get to see: boundaries, tags, last use.
enum class Detail : uint8_t { list, full };

[[nodiscard]] text::Json show(const identity::Role& role, Detail detail,
                              const std::optional<identity::LastUse>& last_use = std::nullopt);
[[nodiscard]] text::Json show(const identity::User& user, Detail detail);
[[nodiscard]] text::Json show(const identity::Group& group);
[[nodiscard]] text::Json show(const identity::ManagedPolicy& policy, const identity::UsageCount& usage, Detail detail);
[[nodiscard]] text::Json show(const identity::ManagedPolicy& policy, const identity::PolicyVersion& version, bool with_document);
[[nodiscard]] text::Json show(const identity::AccessKey& key);  // without its secret
[[nodiscard]] text::Json show(const identity::Tags& tags);

[[nodiscard]] identity::Tags read_tags(const text::Json& list);
[[nodiscard]] std::vector<std::string> read_strings(const text::Json& list);

// Policy documents travel percent-encoded (RFC 3986), as IAM sends them.
[[nodiscard]] std::string encode_document(std::string_view document);

// A list in pages: MaxItems and Marker of the input, the rows that were added, in the order of their keys. A page is filled by seeking
// what is behind after(), so that it costs what it holds:
//
//     Page page = TRY(Page::of(input));
//     for (const auto& role : iam.roles(account, page.slice()))
//         if (!page.add(base::lower(role->name), [&] { return show(*role, Detail::list); })) break;
//     return page.result("Roles");
class Page {
public:
    [[nodiscard]] static base::Result<Page> of(const text::Json& input);
    // The key of the last row of the page before; empty: this is the first page.
    [[nodiscard]] const std::string& after() const { return after_; }
    // One more than there is room for: whether there is a next page shows by it.
    [[nodiscard]] size_t wanted() const { return most_ + 1 - rows_.size(); }
    [[nodiscard]] identity::Slice slice(std::string path_prefix = "") const { return {after_, std::move(path_prefix), wanted()}; }
    // False if the page is full: the row was not needed, and there is a next page.
    template <class MakeValue>
    bool add(std::string key, MakeValue&& make_value) {
        truncated_ = rows_.size() == most_;
        if (truncated_) return false;
        last_ = std::move(key);
        rows_.push_back(make_value());
        return true;
    }
    [[nodiscard]] const std::vector<text::Json>& rows() const { return rows_; }
    // {member: [...], IsTruncated, Marker}
    [[nodiscard]] text::Json result(std::string_view member) &&;
    // The same without a list: for answers that put the rows apart.
    [[nodiscard]] text::Json result() const;

private:
    std::string after_, last_;
    size_t most_ = 0;
    bool truncated_ = false;
    std::vector<text::Json> rows_;
};

// For lists that are short by their nature: one row of it, and what it is sorted and found again by.
struct Row {
    std::string key;
    text::Json value;
};
// {member: [...], IsTruncated, Marker}: the page that MaxItems and Marker ask for, of rows in any order.
[[nodiscard]] base::Result<text::Json> page(const text::Json& input, std::string_view member, std::vector<Row> rows);

}  // namespace services::iam
