// STS, thin: what each call needs (classify) and the Directory doing it (handle).
//
// Sources: AWS STS API Reference; Service Authorization Reference, "Actions, resources, and condition keys for AWS STS";
// IAM User Guide, "Pass session tags", "Monitor and control actions taken with assumed roles" (source identity).
//
// AssumeRole needs up to three actions, each allowed by the role's trust policy: sts:AssumeRole, sts:TagSession when tags are
// passed, sts:SetSourceIdentity when a source identity is passed or already carried. A role that does not exist is refused in the
// same words as a role that does not trust the caller: the answer tells nobody which roles there are.
#include "services/sts/operations.hpp"

#include <algorithm>

#include "policy/arn.hpp"
#include "text/time.hpp"

namespace services::sts {
namespace {

using identity::Caller;
using policy::PrincipalKind;
using text::Json;

constexpr int64_t chained_session_seconds_max = 3600;
constexpr int64_t session_token_seconds_default = 43'200;
constexpr int64_t root_session_token_seconds_max = 3600;

// Stands in for the trust policy of a role that is not there: trusts nobody.
policy::AttachedPolicy trusts_nobody(const std::string& role_arn) {
    static const policy::PolicyPtr nobody = policy::Policy::parse_stored(
        R"({"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"sts:NoSuchRole"}]})",
        policy::PolicyKind::trust);
    return {nobody, "trust policy of " + role_arn};
}

base::Result<void> refuse_unsupported(const Json& input, std::initializer_list<std::string_view> members) {
    for (std::string_view member : members) {
        if (input.contains(member))
            return base::fail("ValidationError", "The parameter " + std::string(member) + " is not supported by Trainwarden.");
    }
    return {};
}

bool is_temporary(const Caller& caller) { return caller.token_issue_time.has_value(); }

// A session keeps the source identity it came with: it can be set once.
base::Result<std::string> source_identity_of(const Caller& caller, const Json& input) {
    const std::string wanted = input["SourceIdentity"].as_string();
    if (caller.source_identity.empty() || wanted.empty() || wanted == caller.source_identity)
        return wanted.empty() ? caller.source_identity : wanted;
    return base::fail("ValidationError", "SourceIdentity cannot be changed: the calling session already carries one.");
}

std::vector<std::string> strings_of(const Json& list) {
    std::vector<std::string> strings;
    for (const Json& item : list.items()) strings.push_back(item.as_string());
    return strings;
}

policy::Context assume_role_context(const Json& input, const std::string& source_identity) {
    policy::Context context;
    context.set("sts:RoleSessionName", input["RoleSessionName"].as_string());
    if (input.contains("ExternalId")) context.set("sts:ExternalId", input["ExternalId"].as_string());
    if (!source_identity.empty()) context.set("sts:SourceIdentity", source_identity);
    std::vector<std::string> keys;
    for (const Json& tag : input["Tags"].items()) {
        context.set("aws:RequestTag/" + tag["Key"].as_string(), tag["Value"].as_string());
        keys.push_back(tag["Key"].as_string());
    }
    if (!keys.empty()) context.set_list("aws:TagKeys", keys);
    std::vector<std::string> transitive = strings_of(input["TransitiveTagKeys"]);
    if (!transitive.empty()) context.set_list("sts:TransitiveTagKeys", std::move(transitive));
    return context;
}

base::Result<std::vector<gate::Access>> classify_assume_role(const identity::Directory& directory, const Caller& caller,
                                                             wire::Call& call) {
    const Json& input = call.input;
    TRY(refuse_unsupported(input, {"SerialNumber", "TokenCode", "ProvidedContexts"}));
    const std::string role_arn = input["RoleArn"].as_string();
    auto arn = policy::parse_arn(role_arn);
    if (!arn || arn->service != "iam" || !arn->resource.starts_with("role/"))
        return base::fail("ValidationError", role_arn + " is invalid");
    const std::string source_identity = TRY(source_identity_of(caller, input));

    auto trust = directory.trust_policy(role_arn);
    if (!trust && trust.error().code != "NoSuchEntity") return base::fail(trust.error());
    gate::Access access;
    access.action = "sts:AssumeRole";
    access.resource = role_arn;
    access.resource_account = std::string(arn->account);
    access.context = assume_role_context(input, source_identity);
    access.resource_policy = trust ? *trust : trusts_nobody(role_arn);
    if (auto role = directory.role_caller(role_arn, input["RoleSessionName"].as_string())) {
        for (const auto& [key, value] : role->tags) {
            access.context.set("aws:ResourceTag/" + key, value);
            access.context.set("iam:ResourceTag/" + key, value);
        }
    }

    std::vector<gate::Access> accesses{access};
    // Tags that the calling session hands on are passed too.
    if (!input["Tags"].items().empty() || !caller.transitive_tag_keys.empty()) {
        access.action = "sts:TagSession";
        accesses.push_back(access);
    }
    if (!source_identity.empty()) {
        access.action = "sts:SetSourceIdentity";
        accesses.push_back(access);
    }
    return accesses;
}

Json credentials_json(const identity::Credentials& credentials) {
    Json out = Json::object({{"AccessKeyId", credentials.access_key_id},
                             {"SecretAccessKey", credentials.secret_access_key},
                             {"SessionToken", credentials.session_token}});
    if (credentials.expiration) out.set("Expiration", text::iso8601(*credentials.expiration));
    return out;
}

base::Result<wire::Answer> assume_role(identity::Directory& directory, const gate::Permit& permit, wire::Call& call) {
    const Json& input = call.input;
    const Caller& caller = permit.caller();
    identity::AssumeRole request;
    request.role_arn = input["RoleArn"].as_string();
    request.session_name = input["RoleSessionName"].as_string();
    request.duration = std::chrono::seconds(input["DurationSeconds"].as_int(3600));
    if (caller.principal.kind == PrincipalKind::role_session && request.duration.count() > chained_session_seconds_max)
        return base::fail("ValidationError",
                          "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.");
    request.session_policy = input["Policy"].as_string();
    for (const Json& item : input["PolicyArns"].items()) request.session_policy_arns.push_back(item["arn"].as_string());
    for (const Json& tag : input["Tags"].items()) request.tags.emplace_back(tag["Key"].as_string(), tag["Value"].as_string());
    request.source_identity = TRY(source_identity_of(caller, input));
    request.external_id = input["ExternalId"].as_string();
    request.transitive_tag_keys = strings_of(input["TransitiveTagKeys"]);
    if (caller.principal.kind == PrincipalKind::role_session) request.chained_from = &caller;
    identity::AssumedRole role = TRY(directory.assume_role(request));

    wire::Answer answer;
    answer.output = Json::object(
        {{"Credentials", credentials_json(role.credentials)},
         {"AssumedRoleUser", Json::object({{"AssumedRoleId", role.assumed_role_id}, {"Arn", role.assumed_role_arn}})}});
    if (role.packed_policy_percent > 0) answer.output.set("PackedPolicySize", static_cast<int64_t>(role.packed_policy_percent));
    if (!request.source_identity.empty()) answer.output.set("SourceIdentity", request.source_identity);
    return answer;
}

base::Result<wire::Answer> get_caller_identity(const gate::Permit& permit, wire::Call&) {
    const policy::Principal& principal = permit.caller().principal;
    wire::Answer answer;
    answer.output = Json::object({{"UserId", principal.unique_id}, {"Account", principal.account}, {"Arn", principal.arn}});
    return answer;
}

base::Result<wire::Answer> get_session_token(identity::Directory& directory, const gate::Permit& permit, wire::Call& call) {
    TRY(refuse_unsupported(call.input, {"SerialNumber", "TokenCode"}));
    const Caller& caller = permit.caller();
    if (is_temporary(caller)) return base::fail("AccessDenied", "Cannot call GetSessionToken with session credentials");
    const bool root = caller.principal.kind == PrincipalKind::root;
    int64_t seconds = call.input["DurationSeconds"].as_int(session_token_seconds_default);
    // AWS shortens a root user's session instead of refusing it.
    if (root) seconds = std::min(seconds, root_session_token_seconds_max);
    wire::Answer answer;
    const identity::Credentials session = TRY(directory.session_token(caller, std::chrono::seconds(seconds)));
    answer.output = Json::object({{"Credentials", credentials_json(session)}});
    return answer;
}

base::Result<wire::Answer> get_access_key_info(const identity::Directory& directory, wire::Call& call) {
    const std::string id = call.input["AccessKeyId"].as_string();
    auto found = directory.authenticate(id, "");
    if (!found) return base::fail("ValidationError", "The access key id " + id + " is not a long-term key of this server.");
    wire::Answer answer;
    answer.output = Json::object({{"Account", found->caller.principal.account}});
    return answer;
}

}  // namespace

void add_operations(gate::Registry& registry, identity::Directory& directory) {
    identity::Directory* people = &directory;
    auto nothing = [](const Caller&, wire::Call&) -> base::Result<std::vector<gate::Access>> {
        return std::vector<gate::Access>{};
    };
    registry.add(
        {.service = "sts",
         .name = "AssumeRole",
         .classify = [people](const Caller& caller, wire::Call& call) { return classify_assume_role(*people, caller, call); },
         .handle = [people](const gate::Permit& permit, wire::Call& call) { return assume_role(*people, permit, call); }});
    registry.add({.service = "sts",
                  .name = "GetCallerIdentity",
                  .classify = nothing,
                  .handle = get_caller_identity,
                  .needs_no_permission = true});
    // No policy controls GetSessionToken: "Permissions for GetSessionToken", IAM User Guide.
    registry.add(
        {.service = "sts",
         .name = "GetSessionToken",
         .classify = nothing,
         .handle = [people](const gate::Permit& permit, wire::Call& call) { return get_session_token(*people, permit, call); },
         .needs_no_permission = true});
    registry.add({.service = "sts",
                  .name = "GetAccessKeyInfo",
                  .classify = [](const Caller&, wire::Call&) -> base::Result<std::vector<gate::Access>> {
                      return std::vector<gate::Access>{{.action = "sts:GetAccessKeyInfo"}};
                  },
                  .handle = [people](const gate::Permit&, wire::Call& call) { return get_access_key_info(*people, call); }});
}

}  // namespace services::sts
