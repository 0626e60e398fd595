#include "gate/decide.hpp"

#include <algorithm>
#include <charconv>

#include "base/strings.hpp"
#include "gate/globals.hpp"
#include "identity/service_call.hpp"
#include "policy/passed_resource.hpp"
#include "text/time.hpp"
#include "wire/region.hpp"

namespace gate {
namespace {

// Stands in for a bucket policy where RestrictPublicBuckets makes it count for nobody (R79).
const policy::PolicyPtr& allows_nobody() {
    static const policy::PolicyPtr policy = policy::Policy::parse_stored(
        R"({"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:NoSuchAction","Resource":"*"}]})",
        policy::PolicyKind::resource);
    return policy;
}

// Whom nobody knows: an account that does not exist.
policy::Request asked_by_a_stranger(const policy::Request& request) {
    policy::Request out = request;
    out.principal = {.kind = policy::PrincipalKind::user,
                     .account = "000000000000",
                     .arn = "arn:aws:iam::000000000000:user/stranger",
                     .unique_id = "AIDA00000000000000000"};
    for (const auto& entry : request.context.entries())
        if (entry.key.starts_with("aws:principal") || entry.key == "aws:username" || entry.key == "aws:sourceidentity")
            out.context.erase(entry.key);
    out.context.replace("aws:userid", out.principal.unique_id);
    out.context.replace("aws:PrincipalAccount", out.principal.account);
    out.context.replace("aws:PrincipalArn", out.principal.arn);
    out.context.replace("aws:PrincipalType", "User");
    out.context.replace("aws:PrincipalIsAWSService", "false");
    return out;
}

// RestrictPublicBuckets (R79). Does not rest on what the policy was taken for: a grant that a stranger would get too is public.
bool is_kept_out(const Access& access, const policy::Request& request) {
    const auto& caller = request.principal;
    if (caller.kind == policy::PrincipalKind::anonymous) return true;
    if (caller.kind == policy::PrincipalKind::service || caller.account == request.resource_account) return false;
    if (access.resource_policy_is_public) return true;
    const policy::Request stranger = asked_by_a_stranger(request);
    policy::PolicySet resource_alone;
    resource_alone.resource = access.resource_policy;
    const policy::Ruling ruling = policy::decide(policy::Question(stranger), resource_alone);
    const bool granted = (ruling.missing >> static_cast<unsigned>(policy::Layer::resource) & 1) == 0;
    return ruling.outcome != policy::Outcome::explicit_deny && granted;
}

// The root user of the owning account reads, writes and removes a bucket's policy whatever it says, lest a bucket lock everybody
// out.
bool is_spared_the_policy(const policy::Request& request) {
    if (request.principal.kind != policy::PrincipalKind::root || request.principal.account != request.resource_account)
        return false;
    const std::string action = base::lower(request.action);
    return action == "s3:getbucketpolicy" || action == "s3:putbucketpolicy" || action == "s3:deletebucketpolicy";
}

const policy::AttachedPolicy* find(const policy::PolicySet& policies, const policy::StatementRef& ref) {
    const auto in = [&](const auto& layer) -> const policy::AttachedPolicy* {
        const auto found = std::ranges::find(layer, ref.policy_name, &policy::AttachedPolicy::name);
        return found == layer.end() ? nullptr : &*found;
    };
    switch (ref.layer) {
        case policy::Layer::identity:
            return in(policies.identity);
        case policy::Layer::boundary:
            return policies.boundary ? &*policies.boundary : nullptr;
        case policy::Layer::session:
            return policies.session ? in(*policies.session) : nullptr;
        default:
            return nullptr;  // only managed policies have versions
    }
}

// The engine tells a policy by its name; a managed policy had a version at that moment, which explanations name.
void add_versions(std::vector<policy::StatementRef>& statements, const policy::PolicySet& policies) {
    for (policy::StatementRef& ref : statements)
        if (const auto* attached = find(policies, ref)) ref.policy_version = attached->version;
}

void keep_times_together(policy::Context& context, const policy::Context& said) {
    const auto* current = said.find("aws:CurrentTime");
    const auto* epoch = said.find("aws:EpochTime");
    if (current != nullptr && epoch == nullptr && !current->values.empty()) {
        if (const auto time = text::parse_iso8601(current->values.front()))
            context.replace("aws:EpochTime",
                            std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time->time_since_epoch()).count()));
    }
    if (epoch != nullptr && current == nullptr && !epoch->values.empty()) {
        const std::string& text = epoch->values.front();
        int64_t seconds = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
        if (error == std::errc() && end == text.data() + text.size())
            context.replace("aws:CurrentTime", text::iso8601(base::Time(std::chrono::seconds(seconds))));
    }
}

}  // namespace

policy::Context supposed_context(const identity::Caller& caller, const Supposition& supposition) {
    const bool service = caller.principal.kind == policy::PrincipalKind::service;
    policy::Context context =
        service ? identity::context_of(
                      {.service = caller.principal.service, .region = supposition.region, .source_account = "", .source_arn = ""},
                      supposition.now)
                : global_context({.region = supposition.region, .now = supposition.now});
    if (caller.principal.kind == policy::PrincipalKind::role_session && !caller.token_issue_time) {
        context.set("aws:TokenIssueTime", text::iso8601(supposition.now));
        context.set("aws:MultiFactorAuthPresent", "false");
    }
    context.merge(supposition.said);
    keep_times_together(context, supposition.said);
    return context;
}

std::string supposed_region(const Access& access, const std::string& asker) {
    const std::string action = base::lower(access.action);
    if (action.starts_with("iam:") && action != "iam:passrole") return std::string(wire::global_region);
    return access.region.empty() ? asker : access.region;
}

audit::DecidedAccess decide_supposed(const identity::Caller& caller, const Access& access, const Supposition& supposition) {
    Supposition of_access = supposition;
    of_access.region = supposed_region(access, supposition.region);
    return std::move(decide_each(caller, {access}, supposed_context(caller, of_access)).front());
}

identity::Caller anonymous_caller() {
    identity::Caller caller;
    caller.context.set("aws:PrincipalType", "Anonymous");
    caller.context.set("aws:userid", "anonymous");
    return caller;
}

std::vector<audit::DecidedAccess> decide_each(const identity::Caller& caller, const std::vector<Access>& accesses,
                                              const policy::Context& globals) {
    std::vector<audit::DecidedAccess> decided;
    decided.reserve(accesses.size());
    policy::PolicySet policies = caller.policies;
    const policy::Context::Entry* requested_region = globals.find("aws:RequestedRegion");
    const std::string region =
        requested_region != nullptr && !requested_region->values.empty() ? requested_region->values.front() : "";
    for (const Access& access : accesses) {
        policy::Request request;
        request.principal = caller.principal;
        request.action = access.action;
        request.resource = policy::passed_resource(access.action, access.resource, caller.principal.account, region);
        request.resource_account = access.resource_account.empty() ? caller.principal.account : access.resource_account;
        request.context = access.context;
        if (caller.lease && caller.lease->describe) caller.lease->describe(access.resource, request.context);
        request.context.merge(caller.context);
        request.context.merge(globals);
        if (!request.resource_account.empty()) request.context.replace("aws:ResourceAccount", request.resource_account);
        policies.resource = access.resource_policy;
        if (is_spared_the_policy(request)) policies.resource.reset();
        if (access.restrict_public && policies.resource && is_kept_out(access, request))
            policies.resource->policy = allows_nobody();
        policy::Decision decision = policy::evaluate(request, policies);
        add_versions(decision.because, policies);
        add_versions(decision.granted, policies);
        for (policy::Conditioned& one : decision.conditioned)
            if (const auto* attached = find(policies, one.statement)) one.statement.policy_version = attached->version;
        decided.push_back({std::move(request), std::move(decision)});
    }
    return decided;
}

}  // namespace gate
