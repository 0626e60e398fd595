#include "policy/public_access.hpp"

#include "base/strings.hpp"
#include "policy/evaluate.hpp"

namespace policy {

bool is_spared_bucket_policy(const Principal& caller, std::string_view owner, std::string_view lower_action) {
    if (caller.kind != PrincipalKind::root || caller.account != owner) return false;
    return lower_action == "s3:getbucketpolicy" || lower_action == "s3:putbucketpolicy" ||
           lower_action == "s3:deletebucketpolicy";
}

KeptOut kept_out_by_restriction(const Principal& caller, std::string_view owner, bool is_public) {
    if (caller.kind == PrincipalKind::anonymous) return KeptOut::yes;
    if (caller.kind == PrincipalKind::service || caller.account == owner) return KeptOut::no;
    return is_public ? KeptOut::yes : KeptOut::if_unknown_granted;
}

const Principal& unknown_principal() {
    static const Principal out{.kind = PrincipalKind::user,
                               .account = "000000000000",
                               .arn = "arn:aws:iam::000000000000:user/stranger",
                               .unique_id = "AIDA00000000000000000"};
    return out;
}

bool is_lost_by_unknown(std::string_view lower_key) {
    return lower_key.starts_with("aws:principal") || lower_key == "aws:username" || lower_key == "aws:sourceidentity";
}

Context context_of_unknown(const Context& context) {
    Context out = context;
    for (const auto& entry : context.entries())
        if (is_lost_by_unknown(entry.key)) out.erase(entry.key);
    const Principal& unknown = unknown_principal();
    out.replace("aws:userid", unknown.unique_id);
    out.replace("aws:PrincipalAccount", unknown.account);
    out.replace("aws:PrincipalArn", unknown.arn);
    out.replace("aws:PrincipalType", "User");
    out.replace("aws:PrincipalIsAWSService", "false");
    return out;
}

bool is_granted_to_unknown(const Request& request, const AttachedPolicy& policy) {
    Request unknown = request;
    unknown.principal = unknown_principal();
    unknown.context = context_of_unknown(request.context);
    const Question question(unknown);
    const Verdict verdict = decide(question, PrincipalPolicies{}, &policy);
    const bool granted = (verdict.missing >> static_cast<unsigned>(Layer::resource) & 1) == 0;
    return verdict.outcome != Outcome::explicit_deny && granted;
}

const AttachedPolicy* applying_policy(const Request& request, const RestrictedPolicy& of) {
    if (of.policy == nullptr) return nullptr;
    const std::string& owner = request.resource_account.empty() ? request.principal.account : request.resource_account;
    if (is_spared_bucket_policy(request.principal, owner, base::lower(request.action))) return nullptr;
    if (!of.restricts_public) return of.policy;
    switch (kept_out_by_restriction(request.principal, owner, of.is_public)) {
        case KeptOut::no:
            return of.policy;
        case KeptOut::yes:
            return nullptr;
        case KeptOut::if_unknown_granted:
            return is_granted_to_unknown(request, *of.policy) ? nullptr : of.policy;
    }
    return of.policy;
}

}  // namespace policy
