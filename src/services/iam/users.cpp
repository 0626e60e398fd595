#include "base/strings.hpp"
#include "identity/iam.hpp"
#include "services/iam/present.hpp"
#include "services/iam/registration.hpp"
#include "text/time.hpp"

namespace services::iam {

using gate::Permit;
using text::Json;

void add_user_operations(Registration& registration) {
    identity::Iam& iam = registration.iam();
    const Classifier on_user = registration.on_user();

    registration.add(
        "CreateUser", registration.on_new("user", "UserName"),
        [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
            identity::CreateUser request;
            request.account = permit.account();
            request.name = input["UserName"].as_string();
            request.path = input["Path"].as_string_or("/");
            request.boundary = input["PermissionsBoundary"].as_string();
            request.tags = read_tags(input["Tags"]);
            return Json::object({{"User", show(*TRY(iam.create_user(request)), Detail::full)}});
        },
        "iam:TagUser");
    registration.add("GetUser", on_user, [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
        const std::string name = TRY(user_name(permit.caller(), input));
        if (!name.empty()) return Json::object({{"User", show(*TRY(iam.user(permit.account(), name)), Detail::full)}});
        const auto account = iam.account(permit.account());
        return Json::object({{"User", Json::object({{"UserId", account->id},
                                                    {"Arn", permit.caller().principal.arn},
                                                    {"CreateDate", text::iso8601(account->created)}})}});
    });
    registration.add("ListUsers", registration.on_all("user"),
                     [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
                         Page page = TRY(Page::of(input));
                         for (const auto& user : iam.users(permit.account(), page.slice(input["PathPrefix"].as_string())))
                             if (!page.add(base::lower(user->name), [&] { return show(*user, Detail::list); })) break;
                         return std::move(page).result("Users");
                     });
    registration.add(
        "UpdateUser", on_user,
        [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
            std::optional<std::string> new_name, new_path;
            if (input.contains("NewUserName")) new_name = input["NewUserName"].as_string();
            if (input.contains("NewPath")) new_path = input["NewPath"].as_string();
            TRY(iam.update_user(permit.account(), input["UserName"].as_string(), new_name, new_path));
            return Json::object();
        },
        "", registration.on_renamed("user"));
    registration.add("DeleteUser", on_user, [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
        TRY(iam.delete_user(permit.account(), input["UserName"].as_string()));
        return Json::object();
    });
    registration.add("ListUserTags", on_user, [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
        std::vector<Row> rows;
        for (const auto& tag : TRY(iam.user(permit.account(), input["UserName"].as_string()))->tags) {
            rows.push_back({tag.first, show(identity::Tags{tag}).items().front()});
        }
        return page(input, "Tags", std::move(rows));
    });
    registration.add("ListGroupsForUser", on_user, [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
        std::vector<Row> rows;
        for (const auto& group : TRY(iam.groups_of(permit.account(), input["UserName"].as_string()))) {
            rows.push_back({base::lower(group->name), show(*group)});
        }
        return page(input, "Groups", std::move(rows));
    });
}

}  // namespace services::iam
