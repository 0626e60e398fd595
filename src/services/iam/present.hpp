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

// One row of a list, and what it is sorted and found again by.
struct Row {
    std::string key;
    text::Json value;
};
// {member: [...], IsTruncated, Marker}: the page that MaxItems and Marker ask for, of rows in any order.
[[nodiscard]] base::Result<text::Json> page(const text::Json& input, std::string_view member, std::vector<Row> rows);

}  // namespace services::iam
