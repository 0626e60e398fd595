#include "proof/subjects.hpp"

#include <string>
#include <vector>

namespace proof {

namespace {

Subject principal_of(const AnyOf& which, const char* type, const std::string& arns) {
    Subject out;
    out.principal.account = which.account;
    out.known.set("aws:PrincipalAccount", which.account);
    out.known.set("aws:PrincipalType", type);
    out.known.set("aws:PrincipalIsAWSService", "false");
    out.open = {{"aws:principalarn", which.arn.empty() ? arns : which.arn}, {"aws:principaltag/", "?*", true}};
    if (which.is_given_anything) {
        out.open.push_back({"aws:principalorgid", "o-?*", true});
        out.open.push_back({"aws:principalorgpaths", "o-?*", true});
    }
    return out;
}

}  // namespace

Subject anonymous_subject() {
    Subject out;
    out.known.set("aws:PrincipalType", "Anonymous");
    out.known.set("aws:userid", "anonymous");
    return out;
}

Subject any_user_of(const AnyOf& which) {
    const std::string users = "arn:" + which.partition + ":iam::" + which.account + ":user/";
    Subject out = principal_of(which, "User", users + "?*");
    out.principal.kind = policy::PrincipalKind::user;
    out.principal.unique_id = "AIDAOTHERACCOUNT";
    out.principal.arn = out.principal.user_arn = users + "other";
    out.open.push_back({"aws:username", "?*"});
    if (which.is_given_anything)
        out.open.push_back({"aws:userid", "AIDA?*"});
    else
        out.known.set("aws:userid", out.principal.unique_id);
    return out;
}

Subject any_session_of(const AnyOf& which) {
    const std::string roles = "arn:" + which.partition + ":iam::" + which.account + ":role/";
    Subject out = principal_of(which, "AssumedRole", roles + "?*");
    out.principal.kind = policy::PrincipalKind::role_session;
    out.principal.unique_id = "AROAOTHERACCOUNT:session";
    out.principal.arn = "arn:" + which.partition + ":sts::" + which.account + ":assumed-role/other/session";
    out.principal.role_arn = roles + "other";
    out.principal.role_id = "AROAOTHERACCOUNT";
    out.open.push_back({"aws:userid", which.is_given_anything ? "AROA?*:?*" : "AROAOTHERACCOUNT:?*"});
    out.open.push_back({"aws:sourceidentity", "?*", true});
    return out;
}

const policy::PolicyPtr& allows_everything() {
    static const policy::PolicyPtr policy = policy::Policy::parse_stored(
        R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]})", policy::PolicyKind::identity);
    return policy;
}

Subject any_session_of_role(const policy::Principal& role, const policy::Context& known) {
    Subject out{.principal = role, .known = known};
    std::vector<std::string> brought{"aws:userid", "aws:sourceidentity"};
    for (const auto& entry : out.known.entries())
        if (entry.key.starts_with("aws:principaltag/")) brought.push_back(entry.key);
    for (const std::string& key : brought) out.known.erase(key);
    out.open = {{"aws:userid", role.role_id + ":?*"}, {"aws:sourceidentity", "?*", true}, {"aws:principaltag/", "?*", true}};
    return out;
}

}  // namespace proof
