#include "model/iam/users.hpp"

#include <fmt/core.h>

#include <array>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "model/iam/service.hpp"
#include "services/iam/page.hpp"
#include "services/iam/request.hpp"
#include "services/iam/shown.hpp"

namespace services::iam {
namespace {

identity::Holder holder(const Permit& permit, const std::string& user) {
    return {identity::HolderKind::user, permit.account(), user};
}

Result<m::CreateUserResponse> create_user(Iam& iam, const Permit& permit, const m::CreateUserRequest& in) {
    const auto user = TRY(iam->create_user({.account = permit.account(),
                                            .name = in.user_name,
                                            .path = in.path.value_or("/"),
                                            .boundary = in.permissions_boundary.value_or(""),
                                            .tags = tags_of(model::items(in.tags))}));
    return m::CreateUserResponse{.user = shown(*user, Detail::full)};
}

Result<m::GetUserResponse> get_user(Iam& iam, const Permit& permit, const m::GetUserRequest& in) {
    const std::string name = TRY(user_name(permit.caller(), in.user_name));
    if (!name.empty()) return m::GetUserResponse{.user = shown(*TRY(iam->user(permit.account(), name)), Detail::full)};
    const auto account = iam->account(permit.account());
    return m::GetUserResponse{
        .user = {.user_id = account->id, .arn = permit.caller().principal.arn, .create_date = shown(account->created)}};
}

Result<m::ListUsersResponse> list_users(Iam& iam, const Permit& permit, const m::ListUsersRequest& in) {
    Page page = TRY(Page::of(in));
    m::ListUsersResponse out;
    for (const auto& user : iam->users(permit.account(), page.slice(in.path_prefix))) {
        if (!page.has_room_for(base::lower(user->name))) break;
        out.users.push_back(shown(*user, Detail::list));
    }
    page.close(out);
    return out;
}

Result<Nothing> update_user(Iam& iam, const Permit& permit, const m::UpdateUserRequest& in) {
    return done(iam->update_user(permit.account(), in.user_name, in.new_user_name, in.new_path));
}

Result<Nothing> delete_user(Iam& iam, const Permit& permit, const m::DeleteUserRequest& in) {
    return done(iam->delete_user(permit.account(), in.user_name));
}

Result<Nothing> tag_user(Iam& iam, const Permit& permit, const m::TagUserRequest& in) {
    return done(iam->tag(holder(permit, in.user_name), tags_of(in.tags)));
}

Result<Nothing> untag_user(Iam& iam, const Permit& permit, const m::UntagUserRequest& in) {
    return done(iam->untag(holder(permit, in.user_name), in.tag_keys));
}

Result<m::ListUserTagsResponse> list_tags(Iam& iam, const Permit& permit, const m::ListUserTagsRequest& in) {
    const auto user = TRY(iam->user(permit.account(), in.user_name));
    return one_page(in, &m::ListUserTagsResponse::tags, rows_of(user->tags));
}

Result<m::ListGroupsForUserResponse> list_groups(Iam& iam, const Permit& permit, const m::ListGroupsForUserRequest& in) {
    std::vector<Row<m::Group>> rows;
    for (const auto& group : TRY(iam->groups_of(permit.account(), in.user_name)))
        rows.push_back({base::lower(group->name), shown(*group)});
    return one_page(in, &m::ListGroupsForUserResponse::groups, std::move(rows));
}

Result<RequiredAccesses<>> update_needs(const Iam&, const RequestOrigin& asking, const m::UpdateUserRequest& in) {
    return renaming_needs(asking, m::Action::iam_UpdateUser,
                          fmt::format("arn:aws:iam::{}:user/{}", asking.caller.principal.account, in.user_name), in.new_path,
                          in.new_user_name);
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<Iam>>({
    operation<m::CreateUser, create_user>(),
    operation<m::GetUser, get_user>(),
    operation<m::ListUsers, list_users>(),
    operation<m::UpdateUser, update_user, update_needs>(),
    operation<m::DeleteUser, delete_user>(),
    operation<m::TagUser, tag_user>(),
    operation<m::UntagUser, untag_user>(),
    operation<m::ListUserTags, list_tags>(),
    operation<m::ListGroupsForUser, list_groups>(),
});

}  // namespace

Result<std::string> user_name(const identity::Caller& caller, const std::optional<std::string>& named) {
    if (named) return *named;
    switch (caller.principal.kind) {
        case policy::PrincipalKind::root:
            return std::string();
        case policy::PrincipalKind::user:
            return caller.principal.arn.substr(caller.principal.arn.rfind('/') + 1);
        default:
            return base::fail(base::code::ValidationError, "Must specify userName when calling with non-User credentials");
    }
}

Rows user_operations() { return operations; }

}  // namespace services::iam
