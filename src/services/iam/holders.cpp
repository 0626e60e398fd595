// What roles, users and groups share: attached policies, inline policies, boundaries. AttachRolePolicy, AttachUserPolicy and
// AttachGroupPolicy are one definition.
#include "model/iam/holders.hpp"

#include <fmt/core.h>

#include <array>

#include "base/error_codes.hpp"
#include "identity/iam.hpp"
#include "services/iam/page.hpp"
#include "services/iam/request.hpp"
#include "services/iam/shown.hpp"

namespace services::iam {
namespace {

using identity::Holder;
using identity::HolderKind;

// RoleName, UserName or GroupName of a request or an answer.
template <class Struct>
auto& name_in(Struct& in) {
    if constexpr (requires { in.role_name; })
        return in.role_name;
    else if constexpr (requires { in.user_name; })
        return in.user_name;
    else
        return in.group_name;
}

// Not in the templates below: once, not once an operation.
Holder holder_of(HolderKind kind, const Permit& permit, const std::string& name) { return {kind, permit.account(), name}; }

template <class Input>
constexpr HolderKind kind_of = requires(Input in) { in.role_name; }   ? HolderKind::role
                               : requires(Input in) { in.user_name; } ? HolderKind::user
                                                                      : HolderKind::group;

template <class Input>
Holder holder(const Permit& permit, const Input& in) {
    return holder_of(kind_of<Input>, permit, name_in(in));
}

std::string_view word_of(HolderKind kind) {
    switch (kind) {
        case HolderKind::role:
            return "role";
        case HolderKind::user:
            return "user";
        case HolderKind::group:
            return "group";
    }
    return "";
}

using EntityPtr = std::shared_ptr<const identity::Entity>;

Result<EntityPtr> find(const Iam& iam, const Holder& holder) {
    switch (holder.kind) {
        case HolderKind::role:
            return EntityPtr(TRY(iam->role(holder.account, holder.name)));
        case HolderKind::user:
            return EntityPtr(TRY(iam->user(holder.account, holder.name)));
        case HolderKind::group:
            return EntityPtr(TRY(iam->group(holder.account, holder.name)));
    }
    return base::fail(base::code::InternalFailure, "an unknown kind of holder");
}

template <class Operation>
Result<Nothing> attach(Iam& iam, const Permit& permit, const typename Operation::Input& in) {
    return done(iam->attach_policy(holder(permit, in), in.policy_arn));
}

template <class Operation>
Result<Nothing> detach(Iam& iam, const Permit& permit, const typename Operation::Input& in) {
    return done(iam->detach_policy(holder(permit, in), in.policy_arn));
}

Result<std::vector<Row<m::AttachedPolicy>>> attached_rows(const Iam& iam, const Holder& holder, std::string_view path_prefix) {
    std::vector<Row<m::AttachedPolicy>> rows;
    for (const auto& arn : TRY(find(iam, holder))->attached) {
        const std::string_view path_and_name = std::string_view(arn).substr(arn.find(":policy/") + 7);
        if (path_and_name.starts_with(path_prefix)) rows.push_back({arn, shown_attached(arn)});
    }
    return rows;
}

template <class Operation>
Result<typename Operation::Output> list_attached(Iam& iam, const Permit& permit, const typename Operation::Input& in) {
    auto rows = TRY(attached_rows(iam, holder(permit, in), model::text(in.path_prefix)));
    return one_page(in, &Operation::Output::attached_policies, std::move(rows));
}

template <class Operation>
Result<Nothing> put_inline(Iam& iam, const Permit& permit, const typename Operation::Input& in) {
    return done(iam->put_inline_policy(holder(permit, in), in.policy_name, in.policy_document));
}

struct Inline {
    std::string holder, document;
};
Result<Inline> inline_policy(const Iam& iam, const Holder& holder, const std::string& name) {
    const auto entity = TRY(find(iam, holder));
    for (const auto& one : entity->inline_policies)
        if (one.name == name) return Inline{.holder = entity->name, .document = encode_document(one.policy->text())};
    return base::fail(base::code::NoSuchEntity,
                      fmt::format("The {} policy with name {} cannot be found.", word_of(holder.kind), name));
}

template <class Operation>
Result<typename Operation::Output> get_inline(Iam& iam, const Permit& permit, const typename Operation::Input& in) {
    auto found = TRY(inline_policy(iam, holder(permit, in), in.policy_name));
    typename Operation::Output out;
    name_in(out) = std::move(found.holder);
    out.policy_name = in.policy_name;
    out.policy_document = std::move(found.document);
    return out;
}

template <class Operation>
Result<Nothing> delete_inline(Iam& iam, const Permit& permit, const typename Operation::Input& in) {
    return done(iam->delete_inline_policy(holder(permit, in), in.policy_name));
}

Result<std::vector<Row<std::string>>> inline_rows(const Iam& iam, const Holder& holder) {
    std::vector<Row<std::string>> rows;
    for (const auto& one : TRY(find(iam, holder))->inline_policies) rows.push_back({one.name, one.name});
    return rows;
}

template <class Operation>
Result<typename Operation::Output> list_inline(Iam& iam, const Permit& permit, const typename Operation::Input& in) {
    auto rows = TRY(inline_rows(iam, holder(permit, in)));
    return one_page(in, &Operation::Output::policy_names, std::move(rows));
}

template <class Operation>
Result<Nothing> put_boundary(Iam& iam, const Permit& permit, const typename Operation::Input& in) {
    return done(iam->put_boundary(holder(permit, in), in.permissions_boundary));
}

template <class Operation>
Result<Nothing> delete_boundary(Iam& iam, const Permit& permit, const typename Operation::Input& in) {
    return done(iam->delete_boundary(holder(permit, in)));
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<Iam>>({
    operation<m::AttachRolePolicy, attach<m::AttachRolePolicy>>(),
    operation<m::AttachUserPolicy, attach<m::AttachUserPolicy>>(),
    operation<m::AttachGroupPolicy, attach<m::AttachGroupPolicy>>(),
    operation<m::DetachRolePolicy, detach<m::DetachRolePolicy>>(),
    operation<m::DetachUserPolicy, detach<m::DetachUserPolicy>>(),
    operation<m::DetachGroupPolicy, detach<m::DetachGroupPolicy>>(),
    operation<m::ListAttachedRolePolicies, list_attached<m::ListAttachedRolePolicies>>(),
    operation<m::ListAttachedUserPolicies, list_attached<m::ListAttachedUserPolicies>>(),
    operation<m::ListAttachedGroupPolicies, list_attached<m::ListAttachedGroupPolicies>>(),
    operation<m::PutRolePolicy, put_inline<m::PutRolePolicy>>(),
    operation<m::PutUserPolicy, put_inline<m::PutUserPolicy>>(),
    operation<m::PutGroupPolicy, put_inline<m::PutGroupPolicy>>(),
    operation<m::GetRolePolicy, get_inline<m::GetRolePolicy>>(),
    operation<m::GetUserPolicy, get_inline<m::GetUserPolicy>>(),
    operation<m::GetGroupPolicy, get_inline<m::GetGroupPolicy>>(),
    operation<m::DeleteRolePolicy, delete_inline<m::DeleteRolePolicy>>(),
    operation<m::DeleteUserPolicy, delete_inline<m::DeleteUserPolicy>>(),
    operation<m::DeleteGroupPolicy, delete_inline<m::DeleteGroupPolicy>>(),
    operation<m::ListRolePolicies, list_inline<m::ListRolePolicies>>(),
    operation<m::ListUserPolicies, list_inline<m::ListUserPolicies>>(),
    operation<m::ListGroupPolicies, list_inline<m::ListGroupPolicies>>(),
    operation<m::PutRolePermissionsBoundary, put_boundary<m::PutRolePermissionsBoundary>>(),
    operation<m::PutUserPermissionsBoundary, put_boundary<m::PutUserPermissionsBoundary>>(),
    operation<m::DeleteRolePermissionsBoundary, delete_boundary<m::DeleteRolePermissionsBoundary>>(),
    operation<m::DeleteUserPermissionsBoundary, delete_boundary<m::DeleteUserPermissionsBoundary>>(),
});

}  // namespace

Rows holder_operations() { return operations; }

}  // namespace services::iam
