#include "model/iam/roles.hpp"

#include <array>

#include "base/strings.hpp"
#include "services/iam/page.hpp"
#include "services/iam/request.hpp"
#include "services/iam/shown.hpp"

namespace services::iam {
namespace {

constexpr int32_t session_seconds_default = 3600;

identity::Holder holder(const Permit& permit, const std::string& role) {
    return {identity::HolderKind::role, permit.account(), role};
}

Result<m::CreateRoleResponse> create_role(Iam& iam, const Permit& permit, const m::CreateRoleRequest& in) {
    const auto role = TRY(iam->create_role({.account = permit.account(),
                                            .name = in.role_name,
                                            .path = in.path.value_or("/"),
                                            .trust_document = in.assume_role_policy_document,
                                            .description = in.description.value_or(""),
                                            .boundary = in.permissions_boundary.value_or(""),
                                            .max_session_seconds = in.max_session_duration.value_or(session_seconds_default),
                                            .tags = tags_of(model::items(in.tags))}));
    return m::CreateRoleResponse{.role = shown(*role, Detail::full)};
}

Result<m::GetRoleResponse> get_role(Iam& iam, const Permit& permit, const m::GetRoleRequest& in) {
    const auto role = TRY(iam->role(permit.account(), in.role_name));
    return m::GetRoleResponse{.role = shown(*role, Detail::full, iam->last_use(role->id))};
}

Result<m::ListRolesResponse> list_roles(Iam& iam, const Permit& permit, const m::ListRolesRequest& in) {
    Page page = TRY(Page::of(in));
    m::ListRolesResponse out;
    for (const auto& role : iam->roles(permit.account(), page.slice(in.path_prefix))) {
        if (!page.has_room_for(base::lower(role->name))) break;
        out.roles.push_back(shown(*role, Detail::list));
    }
    page.close(out);
    return out;
}

Result<Nothing> update_trust(Iam& iam, const Permit& permit, const m::UpdateAssumeRolePolicyRequest& in) {
    return done(iam->update_trust(permit.account(), in.role_name, in.policy_document));
}

Result<m::UpdateRoleResponse> update_role(Iam& iam, const Permit& permit, const m::UpdateRoleRequest& in) {
    TRY(iam->update_role(permit.account(), in.role_name, in.description, in.max_session_duration));
    return m::UpdateRoleResponse{};
}

Result<m::UpdateRoleDescriptionResponse> update_description(Iam& iam, const Permit& permit,
                                                            const m::UpdateRoleDescriptionRequest& in) {
    const auto role = TRY(iam->update_role(permit.account(), in.role_name, in.description, std::nullopt));
    return m::UpdateRoleDescriptionResponse{.role = shown(*role, Detail::full, iam->last_use(role->id))};
}

Result<Nothing> delete_role(Iam& iam, const Permit& permit, const m::DeleteRoleRequest& in) {
    return done(iam->delete_role(permit.account(), in.role_name));
}

Result<Nothing> tag_role(Iam& iam, const Permit& permit, const m::TagRoleRequest& in) {
    return done(iam->tag(holder(permit, in.role_name), tags_of(in.tags)));
}

Result<Nothing> untag_role(Iam& iam, const Permit& permit, const m::UntagRoleRequest& in) {
    return done(iam->untag(holder(permit, in.role_name), in.tag_keys));
}

Result<m::ListRoleTagsResponse> list_tags(Iam& iam, const Permit& permit, const m::ListRoleTagsRequest& in) {
    const auto role = TRY(iam->role(permit.account(), in.role_name));
    return one_page(in, &m::ListRoleTagsResponse::tags, rows_of(role->tags));
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<Iam>>({
    operation<m::CreateRole, create_role>(),
    operation<m::GetRole, get_role>(),
    operation<m::ListRoles, list_roles>(),
    operation<m::UpdateAssumeRolePolicy, update_trust>(),
    operation<m::UpdateRole, update_role>(),
    operation<m::UpdateRoleDescription, update_description>(),
    operation<m::DeleteRole, delete_role>(),
    operation<m::TagRole, tag_role>(),
    operation<m::UntagRole, untag_role>(),
    operation<m::ListRoleTags, list_tags>(),
});

}  // namespace

Rows role_operations() { return operations; }

}  // namespace services::iam
