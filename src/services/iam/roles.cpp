#include "base/strings.hpp"
#include "identity/iam.hpp"
#include "services/iam/present.hpp"
#include "services/iam/registration.hpp"

namespace services::iam {

using gate::Permit;
using text::Json;

void add_role_operations(Registration& registration) {
    identity::Iam& iam = registration.iam();
    const Classifier on_role = registration.on_role();

    registration.add(
        "CreateRole", registration.on_new("role", "RoleName"),
        [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
            identity::CreateRole request;
            request.account = permit.account();
            request.name = input["RoleName"].as_string();
            request.path = input["Path"].as_string_or("/");
            request.trust_document = input["AssumeRolePolicyDocument"].as_string();
            request.description = input["Description"].as_string();
            request.boundary = input["PermissionsBoundary"].as_string();
            request.max_session_seconds = input["MaxSessionDuration"].as_int(3600);
            request.tags = read_tags(input["Tags"]);
            return Json::object({{"Role", show(*TRY(iam.create_role(request)), Detail::full)}});
        },
        "iam:TagRole");
    registration.add("GetRole", on_role, [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
        const auto role = TRY(iam.role(permit.account(), input["RoleName"].as_string()));
        return Json::object({{"Role", show(*role, Detail::full, iam.last_use(role->id))}});
    });
    registration.add("ListRoles", registration.on_all("role"),
                     [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
                         Page page = TRY(Page::of(input));
                         for (const auto& role : iam.roles(permit.account(), page.slice(input["PathPrefix"].as_string())))
                             if (!page.add(base::lower(role->name), [&] { return show(*role, Detail::list); })) break;
                         return std::move(page).result("Roles");
                     });
    registration.add("UpdateAssumeRolePolicy", on_role, [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
        TRY(iam.update_trust(permit.account(), input["RoleName"].as_string(), input["PolicyDocument"].as_string()));
        return Json::object();
    });
    registration.add("UpdateRole", on_role, [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
        std::optional<std::string> description;
        std::optional<int64_t> max_session_seconds;
        if (input.contains("Description")) description = input["Description"].as_string();
        if (input.contains("MaxSessionDuration")) max_session_seconds = input["MaxSessionDuration"].as_int();
        TRY(iam.update_role(permit.account(), input["RoleName"].as_string(), description, max_session_seconds));
        return Json::object();
    });
    registration.add("UpdateRoleDescription", on_role, [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
        const auto role =
            TRY(iam.update_role(permit.account(), input["RoleName"].as_string(), input["Description"].as_string(), std::nullopt));
        return Json::object({{"Role", show(*role, Detail::full, iam.last_use(role->id))}});
    });
    registration.add("DeleteRole", on_role, [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
        TRY(iam.delete_role(permit.account(), input["RoleName"].as_string()));
        return Json::object();
    });
    registration.add("ListRoleTags", on_role, [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
        std::vector<Row> rows;
        for (const auto& tag : TRY(iam.role(permit.account(), input["RoleName"].as_string()))->tags) {
            rows.push_back({tag.first, show(identity::Tags{tag}).items().front()});
        }
        return page(input, "Tags", std::move(rows));
    });
}

}  // namespace services::iam
