// Entities as IAM's answers show them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "identity/iam.hpp"
#include "model/iam/shared.hpp"
#include "services/iam/page.hpp"

namespace services::iam {

// Lists leave out what takes a Get to see: boundaries, tags, last use.
enum class Detail : uint8_t { list, full };

[[nodiscard]] model::iam::Role shown(const identity::Role& role, Detail detail,
                                     const std::optional<identity::LastUse>& last_use = std::nullopt);
[[nodiscard]] model::iam::User shown(const identity::User& user, Detail detail);
[[nodiscard]] model::iam::Group shown(const identity::Group& group);
// `document`: percent-encoded, as all documents travel.
[[nodiscard]] model::iam::PolicyVersion shown(const identity::ManagedPolicy& policy, const identity::PolicyVersion& version,
                                              bool with_document);
[[nodiscard]] std::vector<model::iam::Tag> shown(const identity::Tags& tags);
[[nodiscard]] std::vector<Row<model::iam::Tag>> rows_of(const identity::Tags& tags);

// Parts of entities that some answers leave out where they are empty.
[[nodiscard]] std::optional<model::iam::AttachedPermissionsBoundary> shown_boundary(const std::string& boundary);
[[nodiscard]] std::optional<std::vector<model::iam::Tag>> shown_tags(const identity::Tags& tags);
[[nodiscard]] model::iam::RoleLastUsed shown_use(const std::optional<identity::LastUse>& last_use);
[[nodiscard]] model::iam::AttachedPolicy shown_attached(const std::string& policy_arn);

// Times travel in whole seconds.
[[nodiscard]] base::Time shown(base::Time time);

}  // namespace services::iam
