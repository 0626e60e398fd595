#include "model/iam/groups.hpp"

#include <fmt/core.h>

#include <array>

#include "base/strings.hpp"
#include "model/iam/service.hpp"
#include "services/iam/page.hpp"
#include "services/iam/request.hpp"
#include "services/iam/shown.hpp"

namespace services::iam {
namespace {

Result<m::CreateGroupResponse> create_group(Iam& iam, const Permit& permit, const m::CreateGroupRequest& in) {
    const auto group = TRY(iam->create_group(permit.account(), in.group_name, in.path.value_or("/")));
    return m::CreateGroupResponse{.group = shown(*group)};
}

Result<m::GetGroupResponse> get_group(Iam& iam, const Permit& permit, const m::GetGroupRequest& in) {
    const auto group = TRY(iam->group(permit.account(), in.group_name));
    Page page = TRY(Page::of(in));
    m::GetGroupResponse out{.group = shown(*group)};
    for (const auto& user : TRY(iam->members(permit.account(), in.group_name, page.slice()))) {
        if (!page.has_room_for(base::lower(user->name))) break;
        out.users.push_back(shown(*user, Detail::list));
    }
    page.close(out);
    return out;
}

Result<m::ListGroupsResponse> list_groups(Iam& iam, const Permit& permit, const m::ListGroupsRequest& in) {
    Page page = TRY(Page::of(in));
    m::ListGroupsResponse out;
    for (const auto& group : iam->groups(permit.account(), page.slice(in.path_prefix))) {
        if (!page.has_room_for(base::lower(group->name))) break;
        out.groups.push_back(shown(*group));
    }
    page.close(out);
    return out;
}

Result<Nothing> update_group(Iam& iam, const Permit& permit, const m::UpdateGroupRequest& in) {
    return done(iam->update_group(permit.account(), in.group_name, in.new_group_name, in.new_path));
}

Result<Nothing> delete_group(Iam& iam, const Permit& permit, const m::DeleteGroupRequest& in) {
    return done(iam->delete_group(permit.account(), in.group_name));
}

Result<Nothing> add_user(Iam& iam, const Permit& permit, const m::AddUserToGroupRequest& in) {
    return done(iam->add_user_to_group(permit.account(), in.group_name, in.user_name));
}

Result<Nothing> remove_user(Iam& iam, const Permit& permit, const m::RemoveUserFromGroupRequest& in) {
    return done(iam->remove_user_from_group(permit.account(), in.group_name, in.user_name));
}

Result<RequiredAccesses<>> update_needs(const Iam&, const RequestOrigin& asking, const m::UpdateGroupRequest& in) {
    return renaming_needs(asking, m::Action::iam_UpdateGroup,
                          fmt::format("arn:aws:iam::{}:group/{}", asking.caller.principal.account, in.group_name), in.new_path,
                          in.new_group_name);
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<Iam>>({
    operation<m::CreateGroup, create_group>(),
    operation<m::GetGroup, get_group>(),
    operation<m::ListGroups, list_groups>(),
    operation<m::UpdateGroup, update_group, update_needs>(),
    operation<m::DeleteGroup, delete_group>(),
    operation<m::AddUserToGroup, add_user>(),
    operation<m::RemoveUserFromGroup, remove_user>(),
});

}  // namespace

Rows group_operations() { return operations; }

}  // namespace services::iam
