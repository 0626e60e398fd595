// What roles, users and groups share: attached policies, inline policies, boundaries, tags. One loop makes AttachRolePolicy,
// AttachUserPolicy and AttachGroupPolicy out of one definition.
#include <fmt/core.h>

#include "base/strings.hpp"
#include "identity/iam.hpp"
#include "policy/arn.hpp"
#include "services/iam/present.hpp"
#include "services/iam/registration.hpp"

namespace services::iam {

using gate::Permit;
using identity::Holder;
using identity::HolderKind;
using text::Json;

namespace {

struct Kind {
    HolderKind kind;
    std::string word;         // Role
    std::string name_member;  // RoleName

    [[nodiscard]] Holder holder(const Permit& permit, const Json& input) const {
        return {kind, permit.account(), input[name_member].as_string()};
    }
};

using EntityPtr = std::shared_ptr<const identity::Entity>;

base::Result<EntityPtr> find(const identity::Iam& iam, const Holder& holder) {
    switch (holder.kind) {
        case HolderKind::role:
            return EntityPtr(TRY(iam.role(holder.account, holder.name)));
        case HolderKind::user:
            return EntityPtr(TRY(iam.user(holder.account, holder.name)));
        case HolderKind::group:
            return EntityPtr(TRY(iam.group(holder.account, holder.name)));
    }
    return base::fail("InternalFailure", "an unknown kind of holder");
}

void add_attached(Registration& registration, const Kind& kind, const Classifier& on_holder) {
    identity::Iam& iam = registration.iam();
    registration.add(fmt::format("Attach{}Policy", kind.word), on_holder,
                     [&iam, kind](const Permit& permit, const Json& input) -> base::Result<Json> {
                         TRY(iam.attach_policy(kind.holder(permit, input), input["PolicyArn"].as_string()));
                         return Json::object();
                     });
    registration.add(fmt::format("Detach{}Policy", kind.word), on_holder,
                     [&iam, kind](const Permit& permit, const Json& input) -> base::Result<Json> {
                         TRY(iam.detach_policy(kind.holder(permit, input), input["PolicyArn"].as_string()));
                         return Json::object();
                     });
    registration.add(
        fmt::format("ListAttached{}Policies", kind.word), on_holder,
        [&iam, kind](const Permit& permit, const Json& input) -> base::Result<Json> {
            std::vector<Row> rows;
            for (const auto& arn : TRY(find(iam, kind.holder(permit, input)))->attached) {
                const std::string_view path_and_name = std::string_view(arn).substr(arn.find(":policy/") + 7);
                if (!path_and_name.starts_with(input["PathPrefix"].as_string())) continue;
                rows.push_back({arn, Json::object({{"PolicyName", arn.substr(arn.rfind('/') + 1)}, {"PolicyArn", arn}})});
            }
            return page(input, "AttachedPolicies", std::move(rows));
        });
}

void add_inline(Registration& registration, const Kind& kind, const Classifier& on_holder) {
    identity::Iam& iam = registration.iam();
    registration.add(fmt::format("Put{}Policy", kind.word), on_holder,
                     [&iam, kind](const Permit& permit, const Json& input) -> base::Result<Json> {
                         TRY(iam.put_inline_policy(kind.holder(permit, input), input["PolicyName"].as_string(),
                                                   input["PolicyDocument"].as_string()));
                         return Json::object();
                     });
    registration.add(fmt::format("Get{}Policy", kind.word), on_holder,
                     [&iam, kind](const Permit& permit, const Json& input) -> base::Result<Json> {
                         const auto entity = TRY(find(iam, kind.holder(permit, input)));
                         const std::string& name = input["PolicyName"].as_string();
                         for (const auto& one : entity->inline_policies) {
                             if (one.name != name) continue;
                             return Json::object({{kind.name_member, entity->name},
                                                  {"PolicyName", one.name},
                                                  {"PolicyDocument", encode_document(one.policy->text())}});
                         }
                         return base::fail("NoSuchEntity", fmt::format("The {} policy with name {} cannot be found.",
                                                                       base::lower(kind.word), name));
                     });
    registration.add(fmt::format("Delete{}Policy", kind.word), on_holder,
                     [&iam, kind](const Permit& permit, const Json& input) -> base::Result<Json> {
                         TRY(iam.delete_inline_policy(kind.holder(permit, input), input["PolicyName"].as_string()));
                         return Json::object();
                     });
    registration.add(fmt::format("List{}Policies", kind.word), on_holder,
                     [&iam, kind](const Permit& permit, const Json& input) -> base::Result<Json> {
                         std::vector<Row> rows;
                         for (const auto& one : TRY(find(iam, kind.holder(permit, input)))->inline_policies) {
                             rows.push_back({one.name, one.name});
                         }
                         return page(input, "PolicyNames", std::move(rows));
                     });
}

void add_boundary_and_tags(Registration& registration, const Kind& kind, const Classifier& on_holder) {
    identity::Iam& iam = registration.iam();
    registration.add(fmt::format("Put{}PermissionsBoundary", kind.word), on_holder,
                     [&iam, kind](const Permit& permit, const Json& input) -> base::Result<Json> {
                         TRY(iam.put_boundary(kind.holder(permit, input), input["PermissionsBoundary"].as_string()));
                         return Json::object();
                     });
    registration.add(fmt::format("Delete{}PermissionsBoundary", kind.word), on_holder,
                     [&iam, kind](const Permit& permit, const Json& input) -> base::Result<Json> {
                         TRY(iam.delete_boundary(kind.holder(permit, input)));
                         return Json::object();
                     });
    registration.add(fmt::format("Tag{}", kind.word), on_holder,
                     [&iam, kind](const Permit& permit, const Json& input) -> base::Result<Json> {
                         TRY(iam.tag(kind.holder(permit, input), read_tags(input["Tags"])));
                         return Json::object();
                     });
    registration.add(fmt::format("Untag{}", kind.word), on_holder,
                     [&iam, kind](const Permit& permit, const Json& input) -> base::Result<Json> {
                         TRY(iam.untag(kind.holder(permit, input), read_strings(input["TagKeys"])));
                         return Json::object();
                     });
}

}  // namespace

void add_holder_operations(Registration& registration) {
    const Kind role{HolderKind::role, "Role", "RoleName"}, user{HolderKind::user, "User", "UserName"},
        group{HolderKind::group, "Group", "GroupName"};
    for (const auto& [kind, on_holder] : {std::pair{role, registration.on_role()}, std::pair{user, registration.on_user()},
                                          std::pair{group, registration.on_group()}}) {
        add_attached(registration, kind, on_holder);
        add_inline(registration, kind, on_holder);
        if (kind.kind != HolderKind::group) add_boundary_and_tags(registration, kind, on_holder);
    }
}

}  // namespace services::iam
