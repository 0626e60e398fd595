#include <fmt/core.h>

#include "identity/iam.hpp"
#include "services/iam/present.hpp"
#include "services/iam/registration.hpp"
#include "text/time.hpp"

namespace services::iam {

using gate::Permit;
using text::Json;

namespace {

// A key's owner by name, as it is spelled; nothing for root.
base::Result<void> set_owner(const identity::Iam& iam, const std::string& account, const std::string& user, Json& out) {
    if (!user.empty()) out.set("UserName", TRY(iam.user(account, user))->name);
    return {};
}

}  // namespace

void add_access_key_operations(Registration& registration) {
    identity::Iam& iam = registration.iam();
    const Classifier on_user = registration.on_user();

    registration.add("CreateAccessKey", on_user, [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
        const std::string user = TRY(user_name(permit.caller(), input));
        const auto key = TRY(iam.create_access_key(permit.account(), user));
        Json out = show(*key);
        TRY(set_owner(iam, permit.account(), user, out));
        out.set("SecretAccessKey", key->secret);
        return Json::object({{"AccessKey", std::move(out)}});
    });
    registration.add("ListAccessKeys", on_user, [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
        const std::string user = TRY(user_name(permit.caller(), input));
        std::vector<Row> rows;
        for (const auto& key : TRY(iam.access_keys(permit.account(), user))) {
            Json row = show(*key);
            TRY(set_owner(iam, permit.account(), user, row));
            rows.push_back({key->id, std::move(row)});
        }
        return page(input, "AccessKeyMetadata", std::move(rows));
    });
    registration.add("UpdateAccessKey", on_user, [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
        const std::string& status = input["Status"].as_string();
        if (status != "Active" && status != "Inactive") {
            return base::fail("ValidationError",
                              fmt::format("1 validation error detected: Value '{}' at 'status' failed to satisfy "
                                          "constraint: Member must satisfy enum value set: [Active, Inactive]",
                                          status));
        }
        const std::string user = TRY(user_name(permit.caller(), input));
        TRY(iam.update_access_key(permit.account(), user, input["AccessKeyId"].as_string(), status == "Active"));
        return Json::object();
    });
    registration.add("DeleteAccessKey", on_user, [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
        const std::string user = TRY(user_name(permit.caller(), input));
        TRY(iam.delete_access_key(permit.account(), user, input["AccessKeyId"].as_string()));
        return Json::object();
    });

    // The resource is the owner of the key; a key of nobody here is the caller's own account's business.
    const auto on_key_owner = [&iam, on_user](const identity::Caller& caller, const Json& input) -> base::Result<gate::Access> {
        gate::Access access;
        access.resource = fmt::format("arn:aws:iam::{}:user/*", caller.principal.account);
        const auto key = iam.access_key(input["AccessKeyId"].as_string());
        if (!key || (*key)->account != caller.principal.account) return access;
        if ((*key)->user.empty()) {
            access.resource = fmt::format("arn:aws:iam::{}:root", caller.principal.account);
        } else {
            return on_user(caller, Json::object({{"UserName", (*key)->user}}));
        }
        return access;
    };
    registration.add("GetAccessKeyLastUsed", on_key_owner, [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
        const auto key = iam.access_key(input["AccessKeyId"].as_string());
        if (!key || (*key)->account != permit.account()) {
            return base::fail("AccessDenied", "The access key is not one of this account.");
        }
        Json out = Json::object();
        TRY(set_owner(iam, permit.account(), (*key)->user, out));
        Json used = Json::object();
        if (const auto use = iam.last_use((*key)->id)) {
            used.set("LastUsedDate", text::iso8601(use->time));
            used.set("ServiceName", use->service);
            used.set("Region", use->region);
        } else {
            used.set("ServiceName", "N/A");
            used.set("Region", "N/A");
        }
        out.set("AccessKeyLastUsed", std::move(used));
        return out;
    });
}

}  // namespace services::iam
