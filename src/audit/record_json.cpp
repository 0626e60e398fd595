// How a decision looks as JSON. The same object is the audit line, the answer of ExplainRequest and what tests compare.
#include "audit/log.hpp"
#include "text/time.hpp"

namespace audit {
namespace {

using text::Json;

std::string_view type_of(policy::PrincipalKind kind) {
    switch (kind) {
        case policy::PrincipalKind::anonymous:
            return "Anonymous";
        case policy::PrincipalKind::root:
            return "Root";
        case policy::PrincipalKind::user:
            return "User";
        case policy::PrincipalKind::role_session:
            return "AssumedRole";
        case policy::PrincipalKind::federated_user:
            return "FederatedUser";
        case policy::PrincipalKind::service:
            return "Service";
    }
    return "Anonymous";
}

// The words of iam:SimulatePrincipalPolicy's EvalDecision.
std::string_view outcome_of(policy::Outcome outcome) {
    switch (outcome) {
        case policy::Outcome::allow:
            return "allowed";
        case policy::Outcome::explicit_deny:
            return "explicitDeny";
        case policy::Outcome::implicit_deny:
            return "implicitDeny";
    }
    return "implicitDeny";
}

// A referer may be a presigned URL, which is a credential: its query stays out.
std::string without_credentials(std::string_view key, const std::string& value) {
    if (key != "aws:referer") return value;
    size_t query = value.find('?');
    return query == std::string::npos ? value : value.substr(0, query) + "?…";
}

Json context_json(const policy::Context& context) {
    Json out = Json::object();
    for (const auto& entry : context.entries()) {
        Json values = Json::array();
        for (const auto& value : entry.values) values.push(without_credentials(entry.key, value));
        out.set(entry.key, std::move(values));
    }
    return out;
}

Json statement_json(const policy::StatementRef& ref) {
    Json out = Json::object({{"PolicyType", policy::describe(ref.layer)},
                             {"PolicyName", ref.policy_name},
                             {"StatementIndex", static_cast<uint64_t>(ref.statement)},
                             {"Effect", ref.info.effect == policy::Effect::allow ? "Allow" : "Deny"}});
    if (!ref.info.sid.empty()) out.set("Sid", ref.info.sid);
    if (ref.info.position.line != 0) {
        out.set("Line", static_cast<uint64_t>(ref.info.position.line));
        out.set("Column", static_cast<uint64_t>(ref.info.position.column));
    }
    return out;
}

void set_if(Json& out, std::string_view name, const std::string& value) {
    if (!value.empty()) out.set(name, value);
}

}  // namespace

Json to_json(const policy::Principal& principal) {
    Json out = Json::object({{"Type", type_of(principal.kind)}});
    set_if(out, "Arn", principal.arn);
    set_if(out, "Account", principal.account);
    set_if(out, "Id", principal.unique_id);
    set_if(out, "RoleArn", principal.role_arn);
    set_if(out, "Service", principal.service);
    return out;
}

Json to_json(const DecidedAccess& access) {
    Json because = Json::array();
    for (const auto& ref : access.decision.because) because.push(statement_json(ref));
    Json missing = Json::array();
    for (policy::Layer layer : access.decision.missing) missing.push(policy::describe(layer));
    Json out = Json::object({{"Action", access.request.action}, {"Resource", access.request.resource}});
    set_if(out, "ResourceAccount", access.request.resource_account);
    out.set("Decision", outcome_of(access.decision.outcome));
    out.set("DecidedBy", policy::describe(access.decision.layer));
    out.set("MatchedStatements", std::move(because));
    if (access.decision.outcome == policy::Outcome::implicit_deny) out.set("MissingAllowIn", std::move(missing));
    out.set("Context", context_json(access.request.context));
    return out;
}

Json to_json(const Record& record) {
    Json out = Json::object({{"Time", text::iso8601_millis(record.time)}, {"RequestId", record.request_id}});
    set_if(out, "Service", record.service);
    set_if(out, "Operation", record.operation);
    out.set("Principal", to_json(record.principal));
    set_if(out, "AccessKeyId", record.access_key_id);
    set_if(out, "SessionName", record.session_name);
    set_if(out, "SourceAddress", record.source_address);
    set_if(out, "UserAgent", record.user_agent);
    Json accesses = Json::array();
    for (const auto& access : record.accesses) accesses.push(to_json(access));
    out.set("Accesses", std::move(accesses));
    set_if(out, "ErrorCode", record.error_code);
    set_if(out, "ErrorMessage", record.error_message);
    return out;
}

}  // namespace audit
