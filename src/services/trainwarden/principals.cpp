#include "services/trainwarden/principals.hpp"

#include "gate/decide.hpp"
#include "policy/arn.hpp"

namespace services::trainwarden {
namespace {

using identity::Caller;

Caller root_of(const std::string& account) {
    Caller root;
    root.principal.kind = policy::PrincipalKind::root;
    root.principal.account = account;
    root.principal.arn = "arn:aws:iam::" + account + ":root";
    root.principal.unique_id = account;
    root.context.set("aws:PrincipalArn", root.principal.arn);
    root.context.set("aws:PrincipalAccount", account);
    root.context.set("aws:PrincipalType", "Account");
    root.context.set("aws:userid", account);
    return root;
}

bool is_session_of(const policy::Arn& session, const Caller& role) {
    // assumed-role/ROLE/SESSION knows the role by its last name alone.
    constexpr std::string_view prefix = "assumed-role/";
    if (role.principal.kind != policy::PrincipalKind::role_session || session.service != "sts" ||
        !session.resource.starts_with(prefix))
        return false;
    std::string_view name = session.resource.substr(prefix.size());
    name = name.substr(0, name.find('/'));
    const std::string& arn = role.principal.role_arn;
    return session.account == role.principal.account && arn.substr(arn.rfind('/') + 1) == name;
}

}  // namespace

base::Result<Caller> find_principal(const identity::Directory& directory, const std::string& arn) {
    if (arn == "*") return gate::anonymous_caller();
    const auto parsed = policy::parse_arn(arn);
    if (parsed && parsed->resource == "root" && parsed->account == directory.default_account())
        return root_of(std::string(parsed->account));
    if (parsed) {
        for (Caller& caller : directory.all_callers()) {
            if (caller.principal.arn == arn || caller.principal.role_arn == arn) return std::move(caller);
            if (is_session_of(*parsed, caller)) {
                std::string session(parsed->resource.substr(parsed->resource.rfind('/') + 1));
                return directory.role_caller(caller.principal.role_arn, session);
            }
        }
    }
    return base::fail("NoSuchPrincipal", "there is no principal " + arn + " on this server");
}

std::vector<Caller> every_principal(const identity::Directory& directory) {
    std::vector<Caller> all = directory.all_callers();
    all.push_back(root_of(directory.default_account()));
    all.push_back(gate::anonymous_caller());
    return all;
}

}  // namespace services::trainwarden
