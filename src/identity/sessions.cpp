// Minting temporary credentials: AssumeRole and GetSessionToken. Who may is not decided here.
// Source: STS API Reference; IAM User Guide, "Pass session tags in AWS STS", "Methods to assume a role" (role chaining).
#include <fmt/core.h>

#include <algorithm>

#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "base/outdated.hpp"
#include "base/strings.hpp"
#include "identity/names.hpp"
#include "identity/state.hpp"

namespace identity {

namespace {

constexpr std::chrono::seconds role_duration_min{900};
constexpr std::chrono::seconds role_duration_max{43200};
constexpr std::chrono::seconds chained_duration_max{3600};
constexpr std::chrono::seconds user_duration_max{129600};
constexpr std::chrono::seconds root_duration_max{3600};
constexpr size_t session_policy_characters_max = 2048;
constexpr size_t session_policy_arns_max = 10;
// AWS packs policies and tags into a binary form of unpublished size; here they count as they are.
constexpr size_t packed_bytes_max = 4096;

bool is_session_name(std::string_view name) {
    return name.size() >= 2 && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      std::string_view("_+=,.@-").contains(c);
           });
}

base::Result<void> check_constraint(bool holds, std::string_view value, std::string_view member, std::string_view constraint) {
    if (holds) return {};
    return base::fail(base::code::ValidationError,
                      fmt::format("1 validation error detected: Value '{}' at '{}' failed to satisfy constraint: {}", value,
                                  member, constraint));
}

base::Result<void> check_duration(std::chrono::seconds duration, std::chrono::seconds most) {
    TRY(check_constraint(duration >= role_duration_min, std::to_string(duration.count()), "durationSeconds",
                         fmt::format("Member must have value greater than or equal to {}", role_duration_min.count())));
    return check_constraint(duration <= most, std::to_string(duration.count()), "durationSeconds",
                            fmt::format("Member must have value less than or equal to {}", most.count()));
}

base::Result<void> check_session_tags(const Tags& tags) {
    auto checked = check_tags(tags);
    if (!checked && checked.error().code == base::code::InvalidInput)
        return base::fail(base::code::InvalidParameterValue, checked.error().message);
    return checked;
}

base::Result<void> check_source_identity(const AssumeRole& request) {
    if (!request.source_identity.empty()) {
        TRY(check_constraint(
            is_session_name(request.source_identity) && !base::lower(request.source_identity).starts_with("aws:"),
            request.source_identity, "sourceIdentity", "Member must satisfy regular expression pattern: [\\w+=,.@-]*"));
    }
    return {};
}

// The tags that the new session carries: its own, and those of the session it comes from that are transitive.
base::Result<void> add_tags(const AssumeRole& request, Session& session) {
    TRY(check_session_tags(request.tags));
    session.tags = request.tags;
    for (const auto& key : request.transitive_tag_keys) {
        const bool known =
            std::ranges::any_of(request.tags, [&](const auto& tag) { return base::equals_ignoring_case(tag.first, key); });
        if (!known) {
            return base::fail(base::code::InvalidParameterValue,
                              fmt::format("The transitive tag key {} is not among the session tags.", key));
        }
        session.transitive_tag_keys.push_back(key);
    }
    if (request.chained_from == nullptr) return {};
    for (const auto& key : request.chained_from->transitive_tag_keys) {
        for (const auto& tag : request.chained_from->tags) {
            if (!base::equals_ignoring_case(tag.first, key)) continue;
            if (std::ranges::any_of(session.tags, [&](const auto& own) { return base::equals_ignoring_case(own.first, key); })) {
                return base::fail(base::code::InvalidParameterValue,
                                  "One of the specified transitive tag keys can't be set because it conflicts "
                                  "with a transitive tag key from the calling session.");
            }
            session.tags.push_back(tag);
            session.transitive_tag_keys.push_back(key);
        }
    }
    return {};
}

std::unexpected<base::Error> too_large(bool policies, size_t percent) {
    return base::fail(base::code::PackedPolicyTooLarge,
                      policies ? fmt::format("Packed policy consumes {}% of allotted space, please use smaller policy.", percent)
                               : fmt::format("Packed size of session tags consumes {}% of allotted space.", percent));
}

size_t percent_of(size_t part, size_t whole) { return (part * 100 + whole - 1) / whole; }

// How much of the packed form's room the policies and tags take (PackedPolicySize). Inline policy and managed policies' ARNs are
// also one plaintext with a limit of its own: STS API Reference, AssumeRole, PolicyArns.
base::Result<int> packed_percent(const AssumeRole& request, const Session& session) {
    size_t arns = 0, tags = 0;
    for (const auto& arn : request.session_policy_arns) arns += characters(arn);
    for (const auto& [key, value] : session.tags) tags += key.size() + value.size();
    const bool policies = !request.session_policy.empty() || arns > 0;
    const size_t plaintext = characters(request.session_policy) + arns;
    if (plaintext > session_policy_characters_max)
        return too_large(policies, percent_of(plaintext, session_policy_characters_max));
    const size_t percent = percent_of(measure(request.session_policy) + arns + tags, packed_bytes_max);
    if (percent > 100) return too_large(policies, percent);
    return static_cast<int>(percent);
}

}  // namespace

base::Result<AssumedRole> DirectoryState::assume_role(const AssumeRole& request) {
    TRY(check_constraint(is_session_name(request.session_name), request.session_name, "roleSessionName",
                         "Member must satisfy regular expression pattern: [\\w+=,.@-]*"));
    TRY(check_duration(request.duration, role_duration_max));
    TRY(check_source_identity(request));
    const bool chained =
        request.chained_from != nullptr && request.chained_from->principal.kind == policy::PrincipalKind::role_session;
    if (chained && request.duration > chained_duration_max) {
        return base::fail(base::code::ValidationError,
                          "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining");
    }
    TRY(check_constraint(request.session_policy_arns.size() <= session_policy_arns_max, "", "policyArns",
                         fmt::format("Member must have length less than or equal to {}", session_policy_arns_max)));
    // A session policy of the new session would stand beside the lease's, not within it. What a lease cuts assumes no roles.
    // It was refused by the gate (policy::ServiceRule::jobs_session_assumes_no_role), unless its lease has changed since.
    if (request.chained_from != nullptr && request.chained_from->lease && !request.chained_from->lease->session.empty())
        return base::fail_outdated("the lease of the session");
    Session session;
    session.kind = SessionKind::role;
    TRY(add_tags(request, session));
    if (!request.session_policy.empty()) {
        TRY(check_constraint(characters(request.session_policy) <= session_policy_characters_max, "", "policy",
                             fmt::format("Member must have length less than or equal to {}", session_policy_characters_max)));
        TRY(policy::Policy::parse(request.session_policy, policy::PolicyKind::session));
    }
    const int percent = TRY(packed_percent(request, session));

    const base::SharedLock lock(mutex_);
    const RolePtr role = state_.role_by_arn(request.role_arn);
    if (!role) return base::fail(base::code::NoSuchEntity, fmt::format("The role {} cannot be found.", request.role_arn));
    if (!request.by_service && request.duration.count() > role->max_session_seconds) {
        return base::fail(base::code::ValidationError,
                          "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
    }
    for (const auto& arn : request.session_policy_arns) {
        if (!state_.usable_policy(role->account, arn)) {
            return base::fail(base::code::InvalidParameterValue, fmt::format("The session policy {} does not exist.", arn));
        }
    }
    session.account = role->account;
    session.principal_id = role->id;
    session.principal_key = key_of(role->name);
    session.session_name = request.session_name;
    session.issued = dependencies_.clock->now();
    session.expires = session.issued + request.duration;
    session.policy = request.session_policy;
    session.policy_arns = request.session_policy_arns;
    session.lease = request.lease;
    // A session that comes from a leased one dies with it: chaining is no way out of a job.
    if (session.lease.empty() && request.chained_from != nullptr) session.lease = request.chained_from->lease_id;
    session.source_identity = request.source_identity;
    // For good: role chaining changes no source identity.
    if (request.chained_from != nullptr && !request.chained_from->source_identity.empty())
        session.source_identity = request.chained_from->source_identity;
    AssumedRole out;
    out.credentials.access_key_id = make_access_key_id(*dependencies_.random, "ASIA", session.account);
    const auto keys = sealing();
    out.credentials.session_token =
        seal_session(session, out.credentials.access_key_id, keys->sessions.front(), *dependencies_.random);
    out.credentials.secret_access_key = session_secret(out.credentials.session_token, keys->sessions.front());
    out.credentials.expiration = session.expires;
    remember_session(session, out.credentials.access_key_id, out.credentials.session_token);
    out.assumed_role_id = role->id + ":" + request.session_name;
    out.assumed_role_arn = fmt::format("arn:aws:sts::{}:assumed-role/{}/{}", role->account, role->name, request.session_name);
    out.packed_policy_percent = percent;
    return out;
}

base::Result<Credentials> DirectoryState::session_token(const Caller& caller, std::chrono::seconds duration) {
    const bool root = caller.principal.kind == policy::PrincipalKind::root;
    // Others were refused by the gate (policy::ServiceRule::sessions_get_no_session_token).
    INVARIANT((root || caller.principal.kind == policy::PrincipalKind::user) && !caller.token_issue_time);
    TRY(check_duration(duration, user_duration_max));
    Session session;
    session.kind = root ? SessionKind::root : SessionKind::user;
    session.account = caller.principal.account;
    session.principal_id = caller.principal.unique_id;
    if (!root) session.principal_key = key_of(caller.principal.arn.substr(caller.principal.arn.rfind('/') + 1));
    session.issued = dependencies_.clock->now();
    // Root's sessions last an hour, however much more was asked for.
    session.expires = session.issued + (root ? std::min(duration, root_duration_max) : duration);
    Credentials out;
    out.access_key_id = make_access_key_id(*dependencies_.random, "ASIA", session.account);
    const auto keys = sealing();
    out.session_token = seal_session(session, out.access_key_id, keys->sessions.front(), *dependencies_.random);
    out.secret_access_key = session_secret(out.session_token, keys->sessions.front());
    out.expiration = session.expires;
    return out;
}

}  // namespace identity
