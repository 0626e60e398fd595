#include "base/strings.hpp"
#include "identity/iam.hpp"
#include "services/iam/present.hpp"
#include "services/iam/registration.hpp"

namespace services::iam {

using gate::Permit;
using text::Json;

void add_group_operations(Registration& registration) {
    identity::Iam& iam = registration.iam();
    const Classifier on_group = registration.on_group();

    registration.add("CreateGroup", registration.on_new("group", "GroupName"),
                     [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
                         const auto group = TRY(
                             iam.create_group(permit.account(), input["GroupName"].as_string(), input["Path"].as_string_or("/")));
                         return Json::object({{"Group", show(*group)}});
                     });
    registration.add("GetGroup", on_group, [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
        const std::string& name = input["GroupName"].as_string();
        const auto group = TRY(iam.group(permit.account(), name));
        Page page = TRY(Page::of(input));
        for (const auto& user : TRY(iam.members(permit.account(), name, page.slice())))
            if (!page.add(base::lower(user->name), [&] { return show(*user, Detail::list); })) break;
        Json out = std::move(page).result("Users");
        out.set("Group", show(*group));
        return out;
    });
    registration.add("ListGroups", registration.on_all("group"),
                     [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
                         Page page = TRY(Page::of(input));
                         for (const auto& group : iam.groups(permit.account(), page.slice(input["PathPrefix"].as_string())))
                             if (!page.add(base::lower(group->name), [&] { return show(*group); })) break;
                         return std::move(page).result("Groups");
                     });
    registration.add(
        "UpdateGroup", on_group,
        [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
            std::optional<std::string> new_name, new_path;
            if (input.contains("NewGroupName")) new_name = input["NewGroupName"].as_string();
            if (input.contains("NewPath")) new_path = input["NewPath"].as_string();
            TRY(iam.update_group(permit.account(), input["GroupName"].as_string(), new_name, new_path));
            return Json::object();
        },
        "", registration.on_renamed("group"));
    registration.add("DeleteGroup", on_group, [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
        TRY(iam.delete_group(permit.account(), input["GroupName"].as_string()));
        return Json::object();
    });
    registration.add("AddUserToGroup", on_group, [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
        TRY(iam.add_user_to_group(permit.account(), input["GroupName"].as_string(), input["UserName"].as_string()));
        return Json::object();
    });
    registration.add("RemoveUserFromGroup", on_group, [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
        TRY(iam.remove_user_from_group(permit.account(), input["GroupName"].as_string(), input["UserName"].as_string()));
        return Json::object();
    });
}

}  // namespace services::iam
