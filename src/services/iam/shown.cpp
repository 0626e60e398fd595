#include "services/iam/shown.hpp"

#include <chrono>

#include "services/iam/request.hpp"
#include "text/uri.hpp"

namespace services::iam {

std::string encode_document(std::string_view document) { return text::encode_uri(document); }

base::Time shown(base::Time time) { return std::chrono::floor<std::chrono::seconds>(time); }

std::vector<m::Tag> shown(const identity::Tags& tags) {
    std::vector<m::Tag> out;
    out.reserve(tags.size());
    for (const auto& [key, value] : tags) out.push_back({.key = key, .value = value});
    return out;
}

std::vector<Row<m::Tag>> rows_of(const identity::Tags& tags) {
    std::vector<Row<m::Tag>> rows;
    for (const auto& [key, value] : tags) rows.push_back({key, {.key = key, .value = value}});
    return rows;
}

std::optional<m::AttachedPermissionsBoundary> shown_boundary(const std::string& boundary) {
    if (boundary.empty()) return std::nullopt;
    return m::AttachedPermissionsBoundary{.permissions_boundary_type = m::PermissionsBoundaryAttachmentType::policy,
                                          .permissions_boundary_arn = boundary};
}

std::optional<std::vector<m::Tag>> shown_tags(const identity::Tags& tags) {
    if (tags.empty()) return std::nullopt;
    return shown(tags);
}

m::RoleLastUsed shown_use(const std::optional<identity::LastUse>& last_use) {
    if (!last_use) return {};
    return {.last_used_date = shown(last_use->time), .region = last_use->region};
}

m::AttachedPolicy shown_attached(const std::string& policy_arn) {
    return {.policy_name = policy_arn.substr(policy_arn.rfind('/') + 1), .policy_arn = policy_arn};
}

m::Role shown(const identity::Role& role, Detail detail, const std::optional<identity::LastUse>& last_use) {
    m::Role out{.path = role.path,
                .role_name = role.name,
                .role_id = role.id,
                .arn = role.arn,
                .create_date = shown(role.created),
                .assume_role_policy_document = encode_document(role.trust->text()),
                .max_session_duration = static_cast<int32_t>(role.max_session_seconds)};
    if (!role.description.empty()) out.description = role.description;
    if (detail == Detail::list) return out;
    out.permissions_boundary = shown_boundary(role.boundary);
    out.tags = shown_tags(role.tags);
    out.role_last_used = shown_use(last_use);
    return out;
}

m::User shown(const identity::User& user, Detail detail) {
    m::User out{
        .path = user.path, .user_name = user.name, .user_id = user.id, .arn = user.arn, .create_date = shown(user.created)};
    if (detail == Detail::list) return out;
    out.permissions_boundary = shown_boundary(user.boundary);
    out.tags = shown_tags(user.tags);
    return out;
}

m::Group shown(const identity::Group& group) {
    return {.path = group.path,
            .group_name = group.name,
            .group_id = group.id,
            .arn = group.arn,
            .create_date = shown(group.created)};
}

m::PolicyVersion shown(const identity::ManagedPolicy& policy, const identity::PolicyVersion& version, bool with_document) {
    m::PolicyVersion out{.version_id = version.id,
                         .is_default_version = version.id == policy.default_version,
                         .create_date = shown(version.created)};
    if (with_document) out.document = encode_document(version.policy->text());
    return out;
}

}  // namespace services::iam
