// Actions, resources and condition keys: Service Authorization Reference, "Actions, resources, and condition keys for AWS
// Identity and Access Management".
#include "services/iam/registration.hpp"

#include <fmt/core.h>

#include "identity/names.hpp"
#include "policy/arn.hpp"
#include "services/iam/operations.hpp"
#include "services/iam/resources.hpp"

namespace services::iam {

namespace {

using identity::Caller;
using text::Json;

std::string arn_of(const std::string& account, std::string_view type, std::string_view path, std::string_view name) {
    return fmt::format("arn:aws:iam::{}:{}{}{}", account, type, path, name);
}

void set_resource_tags(policy::Context& context, const identity::Tags& tags) {
    for (const auto& [key, value] : tags) {
        context.set("aws:ResourceTag/" + key, value);
        context.set("iam:ResourceTag/" + key, value);
    }
}

// What every operation shares: tags in the request, the policy it names, the boundary it sets.
void set_request_keys(policy::Context& context, const std::string& operation, const Json& input) {
    std::vector<std::string> keys;
    for (const Json& tag : input["Tags"].items()) {
        context.set("aws:RequestTag/" + tag["Key"].as_string(), tag["Value"].as_string());
        keys.push_back(tag["Key"].as_string());
    }
    for (const Json& key : input["TagKeys"].items()) keys.push_back(key.as_string());
    if (!keys.empty()) context.set_list("aws:TagKeys", std::move(keys));
    // Of attaching and detaching alone: AttachRolePolicy, DetachUserPolicy, …
    if (operation.starts_with("Attach") || operation.starts_with("Detach"))
        context.set("iam:PolicyARN", input["PolicyArn"].as_string());
    // A boundary that the request sets counts; where it sets none, the one that is there does (set by on_role and on_user).
    if (input.contains("PermissionsBoundary"))
        context.replace("iam:PermissionsBoundary", input["PermissionsBoundary"].as_string());
}

}  // namespace

void Registration::add(std::string name, Classifier classify, Handler handle, std::string tag_action, Classifier also) {
    gate::Operation operation;
    operation.service = "iam";
    operation.name = name;
    operation.classify = [name, classify = std::move(classify), tag_action = std::move(tag_action), also = std::move(also)](
                             const Caller& caller, wire::Call& call) -> base::Result<std::vector<gate::Access>> {
        // IAM takes no session of a user or root that came without MFA (STS API Reference, GetSessionToken).
        const bool own_session =
            caller.principal.kind == policy::PrincipalKind::user || caller.principal.kind == policy::PrincipalKind::root;
        if (own_session && caller.token_issue_time) {
            return base::fail("InvalidClientTokenId", "The security token included in the request is invalid");
        }
        gate::Access access = TRY(classify(caller, call.input));
        access.action = "iam:" + name;
        set_request_keys(access.context, name, call.input);
        std::vector<gate::Access> accesses = {access};
        if (!tag_action.empty() && call.input["Tags"].size() > 0) {
            access.action = tag_action;
            accesses.push_back(access);
        }
        if (also) {
            access.action = "iam:" + name;
            access.resource = TRY(also(caller, call.input)).resource;
            if (access.resource != accesses.front().resource) accesses.push_back(std::move(access));
        }
        return accesses;
    };
    operation.handle = [handle = std::move(handle)](const gate::Permit& permit, wire::Call& call) -> base::Result<wire::Answer> {
        wire::Answer answer;
        answer.output = TRY(handle(permit, call.input));
        return answer;
    };
    registry_.add(std::move(operation));
}

Classifier Registration::on_role() const {
    return [this_iam = &iam()](const Caller& caller, const Json& input) -> base::Result<gate::Access> {
        gate::Access access;
        const std::string& name = input["RoleName"].as_string();
        if (const auto found = this_iam->role(caller.principal.account, name)) {
            access.resource = (*found)->arn;
            set_resource_tags(access.context, (*found)->tags);
            if (!(*found)->boundary.empty()) access.context.set("iam:PermissionsBoundary", (*found)->boundary);
        } else {
            access.resource = arn_of(caller.principal.account, "role", "/", name);
        }
        return access;
    };
}

Classifier Registration::on_user() const {
    return [this_iam = &iam()](const Caller& caller, const Json& input) -> base::Result<gate::Access> {
        gate::Access access;
        const std::string name = TRY(user_name(caller, input));
        if (name.empty()) {
            access.resource = fmt::format("arn:aws:iam::{}:root", caller.principal.account);
        } else if (const auto found = this_iam->user(caller.principal.account, name)) {
            access.resource = (*found)->arn;
            set_resource_tags(access.context, (*found)->tags);
            if (!(*found)->boundary.empty()) access.context.set("iam:PermissionsBoundary", (*found)->boundary);
        } else {
            access.resource = arn_of(caller.principal.account, "user", "/", name);
        }
        return access;
    };
}

Classifier Registration::on_group() const {
    return [this_iam = &iam()](const Caller& caller, const Json& input) -> base::Result<gate::Access> {
        gate::Access access;
        const std::string& name = input["GroupName"].as_string();
        const auto found = this_iam->group(caller.principal.account, name);
        access.resource = found ? (*found)->arn : arn_of(caller.principal.account, "group", "/", name);
        return access;
    };
}

Classifier Registration::on_policy(bool changes) const {
    return [this_iam = &iam(), changes](const Caller& caller, const Json& input) -> base::Result<gate::Access> {
        gate::Access access;
        access.resource = input["PolicyArn"].as_string();
        TRY(identity::check_policy_arn(access.resource));
        const auto arn = policy::parse_arn(access.resource);
        // Everybody may read AWS's own policies as they may read their account's; changing them is somebody else's
        // resource, so that no policy of this account allows it (SEMANTICS R78).
        if (arn->account != "aws" || changes) access.resource_account = std::string(arn->account);
        if (const auto found = this_iam->managed_policy(caller.principal.account, access.resource)) {
            set_resource_tags(access.context, (*found)->tags);
        }
        return access;
    };
}

Classifier Registration::on_new(std::string type, std::string name_member) const {
    return [type = std::move(type), name_member = std::move(name_member)](const Caller& caller,
                                                                          const Json& input) -> base::Result<gate::Access> {
        gate::Access access;
        const std::string path = input["Path"].as_string_or("/");
        // Nobody is allowed to make these (SEMANTICS R78): IAM says so before it decides.
        if (type == "role" && (path.starts_with("/aws-service-role/") || path.starts_with("/aws-reserved/")))
            return base::fail("InvalidInput", fmt::format("The path {} is reserved for roles that services make.", path));
        access.resource = arn_of(caller.principal.account, type, path, input[name_member].as_string());
        return access;
    };
}

Classifier Registration::on_renamed(std::string type) const {
    return [this_iam = &iam(), type = std::move(type)](const Caller& caller, const Json& input) -> base::Result<gate::Access> {
        const bool user = type == "user";
        std::string path = "/", name = input[user ? "UserName" : "GroupName"].as_string();
        const auto take = [&](const auto& found) {
            if (!found) return;
            path = (*found)->path;
            name = (*found)->name;
        };
        if (user) {
            take(this_iam->user(caller.principal.account, name));
        } else {
            take(this_iam->group(caller.principal.account, name));
        }
        gate::Access access;
        access.resource = arn_of(caller.principal.account, type, input["NewPath"].as_string_or(path),
                                 input[user ? "NewUserName" : "NewGroupName"].as_string_or(name));
        return access;
    };
}

Classifier Registration::on_all(std::string type) const {
    return [type = std::move(type)](const Caller& caller, const Json& input) -> base::Result<gate::Access> {
        gate::Access access;
        access.resource = arn_of(caller.principal.account, type, input["PathPrefix"].as_string_or("/"), "");
        return access;
    };
}

Classifier Registration::on_account() {
    return [](const Caller&, const Json&) -> base::Result<gate::Access> { return gate::Access{}; };
}

base::Result<std::string> user_name(const Caller& caller, const Json& input) {
    if (input.contains("UserName")) {
        // An empty name means root below: nobody may say it.
        if (input["UserName"].as_string().empty())
            return base::fail("ValidationError", "The specified value for userName is invalid.");
        return input["UserName"].as_string();
    }
    switch (caller.principal.kind) {
        case policy::PrincipalKind::root:
            return std::string();
        case policy::PrincipalKind::user:
            return caller.principal.arn.substr(caller.principal.arn.rfind('/') + 1);
        default:
            return base::fail("ValidationError", "Must specify userName when calling with non-User credentials");
    }
}

void add_operations(gate::Registry& registry, identity::Directory& directory, SimulatorParts simulator) {
    registry.describer().add("iam", std::make_unique<Resources>(directory));
    Registration registration(registry, directory);
    add_role_operations(registration);
    add_user_operations(registration);
    add_group_operations(registration);
    add_holder_operations(registration);
    add_policy_operations(registration);
    add_access_key_operations(registration);
    add_account_operations(registration);
    add_absent_operations(registration);
    add_simulation_operations(registration, std::move(simulator));
}

}  // namespace services::iam
