// STS, thin: what each call needs, and the Directory doing it.
//
// Sources: AWS STS API Reference; Service Authorization Reference, "Actions, resources, and condition keys for AWS STS";
// IAM User Guide, "Pass session tags", "Monitor and control actions taken with assumed roles" (source identity).
//
// AssumeRole needs up to three actions, each allowed by the role's trust policy: sts:AssumeRole, sts:TagSession when tags are
// passed, sts:SetSourceIdentity when a source identity is passed or already carried. A role that does not exist is refused in the
// same words as a role that does not trust the caller: the answer does not reveal which roles there are.
#include "services/sts/operations.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "gate/operation.hpp"
#include "model/sts/operations.hpp"
#include "model/sts/service.hpp"
#include "policy/arn.hpp"

namespace services::sts {
namespace {

namespace m = model::sts;
using base::Result;
using gate::operation;
using gate::Permit;
using gate::RequestOrigin;
using gate::RequiredAccesses;
using identity::Caller;
using policy::PrincipalKind;

constexpr int64_t session_seconds_default = 3600;
constexpr int64_t chained_session_seconds_max = 3600;
constexpr int64_t session_token_seconds_default = 43'200;
constexpr int64_t root_session_token_seconds_max = 3600;

struct Sts {
    identity::Directory& directory;
};

template <class Member>
Result<void> refuse_unsupported(const std::optional<Member>& member, std::string_view name) {
    if (member)
        return base::fail(base::code::ValidationError,
                          "The parameter " + std::string(name) + " is not supported by Trainwarden.");
    return {};
}

// A session keeps the source identity it came with: it can be set once.
Result<std::string> source_identity_of(const Caller& caller, std::string_view wanted) {
    if (wanted.empty()) return caller.source_identity;
    if (caller.source_identity.empty() || wanted == caller.source_identity) return std::string(wanted);
    return base::fail(base::code::ValidationError, "SourceIdentity cannot be changed: the calling session already carries one.");
}

// What AssumeRole's request is about: found out once, for the decision and for what follows.
struct Assumption {
    std::string source_identity;
};

policy::Context context_of(const m::AssumeRoleRequest& in, const std::string& source_identity) {
    policy::Context context;
    context.set("sts:RoleSessionName", in.role_session_name);
    if (in.external_id) context.set("sts:ExternalId", *in.external_id);
    if (!source_identity.empty()) context.set("sts:SourceIdentity", source_identity);
    std::vector<std::string> keys;
    for (const auto& tag : model::items(in.tags)) {
        context.set("aws:RequestTag/" + tag.key, tag.value);
        keys.push_back(tag.key);
    }
    if (!keys.empty()) context.set_list("aws:TagKeys", keys);
    if (!model::items(in.transitive_tag_keys).empty()) context.set_list("sts:TransitiveTagKeys", *in.transitive_tag_keys);
    return context;
}

Result<RequiredAccesses<Assumption>> assume_role_needs(const Sts&, const RequestOrigin& asking, const m::AssumeRoleRequest& in) {
    const Caller& caller = asking.caller;
    TRY(refuse_unsupported(in.serial_number, "SerialNumber"));
    TRY(refuse_unsupported(in.token_code, "TokenCode"));
    TRY(refuse_unsupported(in.provided_contexts, "ProvidedContexts"));
    auto arn = policy::parse_arn(in.role_arn);
    if (!arn || arn->partition != "aws" || arn->service != "iam" || !arn->region.empty() || !arn->resource.starts_with("role/"))
        return base::fail(base::code::ValidationError, in.role_arn + " is invalid");
    RequiredAccesses<Assumption> needs({.source_identity = TRY(source_identity_of(caller, model::text(in.source_identity)))});
    const std::string& source_identity = needs.prepared.source_identity;
    // With its trust policy; that of a role that is not there trusts no one.
    const gate::Description role = TRY(asking.find(in.role_arn, m::Action::sts_AssumeRole));
    const policy::Context keys = context_of(in, source_identity);
    needs.add(m::Action::sts_AssumeRole, role, keys);
    // Tags that the calling session hands on are passed too.
    if (!model::items(in.tags).empty() || !caller.transitive_tag_keys.empty()) needs.add(m::Action::sts_TagSession, role, keys);
    if (!source_identity.empty()) needs.add(m::Action::sts_SetSourceIdentity, role, keys);
    // A session policy of the new session would stand beside the job's, not within it.
    if (caller.lease && !caller.lease->session.empty()) needs.refuse_last_by(policy::ServiceRule::jobs_session_assumes_no_role);
    return needs;
}

m::Credentials shown(const identity::Credentials& credentials) {
    INVARIANT(credentials.expiration.has_value());  // only sessions are shown here
    return {.access_key_id = credentials.access_key_id,
            .secret_access_key = credentials.secret_access_key,
            .session_token = credentials.session_token,
            .expiration = std::chrono::floor<std::chrono::seconds>(*credentials.expiration)};
}

Result<m::AssumeRoleResponse> assume_role(Sts& sts, const Permit& permit, const m::AssumeRoleRequest& in, Assumption&& prepared) {
    const Caller& caller = permit.caller();
    identity::AssumeRole request;
    request.role_arn = in.role_arn;
    request.session_name = in.role_session_name;
    request.duration = std::chrono::seconds(in.duration_seconds.value_or(session_seconds_default));
    if (caller.principal.kind == PrincipalKind::role_session && request.duration.count() > chained_session_seconds_max)
        return base::fail(base::code::ValidationError,
                          "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.");
    request.session_policy = model::text(in.policy);
    for (const auto& policy : model::items(in.policy_arns)) request.session_policy_arns.emplace_back(model::text(policy.arn));
    for (const auto& tag : model::items(in.tags)) request.tags.emplace_back(tag.key, tag.value);
    request.source_identity = std::move(prepared.source_identity);
    request.external_id = model::text(in.external_id);
    request.transitive_tag_keys = in.transitive_tag_keys.value_or(std::vector<std::string>());
    if (caller.principal.kind == PrincipalKind::role_session) request.chained_from = &caller;
    identity::AssumedRole role = TRY(sts.directory.assume_role(request));

    m::AssumeRoleResponse out{
        .credentials = shown(role.credentials),
        .assumed_role_user = m::AssumedRoleUser{.assumed_role_id = role.assumed_role_id, .arn = role.assumed_role_arn}};
    if (role.packed_policy_percent > 0) out.packed_policy_size = role.packed_policy_percent;
    if (!request.source_identity.empty()) out.source_identity = request.source_identity;
    return out;
}

Result<m::GetCallerIdentityResponse> get_caller_identity(Sts&, const Permit& permit, const m::GetCallerIdentityRequest&) {
    const policy::Principal& principal = permit.caller().principal;
    return m::GetCallerIdentityResponse{.user_id = principal.unique_id, .account = principal.account, .arn = principal.arn};
}

Result<m::GetSessionTokenResponse> get_session_token(Sts& sts, const Permit& permit, const m::GetSessionTokenRequest& in) {
    TRY(refuse_unsupported(in.serial_number, "SerialNumber"));
    TRY(refuse_unsupported(in.token_code, "TokenCode"));
    const Caller& caller = permit.caller();
    const bool root = caller.principal.kind == PrincipalKind::root;
    int64_t seconds = in.duration_seconds.value_or(session_token_seconds_default);
    // AWS shortens a root user's session instead of refusing it.
    if (root) seconds = std::min(seconds, root_session_token_seconds_max);
    return m::GetSessionTokenResponse{.credentials =
                                          shown(TRY(sts.directory.session_token(caller, std::chrono::seconds(seconds))))};
}

Result<m::GetAccessKeyInfoResponse> get_access_key_info(Sts& sts, const Permit&, const m::GetAccessKeyInfoRequest& in) {
    auto found = sts.directory.authenticate(in.access_key_id, "");
    if (!found)
        return base::fail(base::code::ValidationError,
                          "The access key id " + in.access_key_id + " is not a long-term key of this server.");
    return m::GetAccessKeyInfoResponse{.account = (*found)->caller.principal.account};
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<Sts>>({
    operation<m::AssumeRole, assume_role, assume_role_needs>(),
    operation<m::GetAccessKeyInfo, get_access_key_info>(),
    operation<m::GetCallerIdentity, get_caller_identity>(),
    operation<m::GetSessionToken, get_session_token>(),
});

}  // namespace

void add_operations(gate::Registry& registry, identity::Directory& directory) {
    gate::add_operations<Sts>(registry, Sts{directory}, operations);
}

}  // namespace services::sts
