// How a decision looks as JSON. The same object is the audit line, the answer of ExplainRequest and what tests compare.
#include "audit/log.hpp"
#include "base/utf8.hpp"
#include "policy/explain.hpp"
#include "text/time.hpp"

namespace audit {
namespace {

using text::Json;

constexpr policy::PrincipalKind all_kinds[] = {policy::PrincipalKind::anonymous,      policy::PrincipalKind::root,
                                               policy::PrincipalKind::user,           policy::PrincipalKind::role_session,
                                               policy::PrincipalKind::federated_user, policy::PrincipalKind::service};

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
        // Keys that differ stay different: a record with one key twice could not be read.
        const bool valid = base::valid_utf8(entry.key) == entry.key;
        out.set(valid ? entry.key : base::printable(entry.key), std::move(values));
    }
    return out;
}

Json statement_json(const policy::StatementRef& ref, const policy::Request& request) {
    Json out = Json::object({{"PolicyType", policy::policy_type(ref.layer, request)}, {"PolicyName", ref.policy_name}});
    if (!ref.policy_version.empty()) out.set("PolicyVersion", ref.policy_version);
    out.set("StatementIndex", static_cast<uint64_t>(ref.statement));
    out.set("Effect", ref.info.effect == policy::Effect::allow ? "Allow" : "Deny");
    if (!ref.info.sid.empty()) out.set("Sid", ref.info.sid);
    if (ref.info.position.line != 0) {
        out.set("Line", static_cast<uint64_t>(ref.info.position.line));
        out.set("Column", static_cast<uint64_t>(ref.info.position.column));
    }
    return out;
}

// The statements whose Condition mattered, with it.
Json conditions_json(const DecidedAccess& access) {
    Json list = Json::array();
    for (const policy::Conditioned& one : access.decision.conditioned) {
        Json shown = statement_json(one.statement, access.request);
        Json keys = Json::array();
        for (const std::string& key : one.keys) keys.push(key);
        shown.set("Keys", std::move(keys));
        shown.set("Condition", one.condition);
        list.push(std::move(shown));
    }
    return list;
}

policy::StatementRef read_statement(const Json& json) {
    policy::StatementRef ref;
    ref.layer = policy::layer_of(json["PolicyType"].as_string());
    ref.policy_name = json["PolicyName"].as_string();
    ref.policy_version = json["PolicyVersion"].as_string();
    ref.statement = static_cast<size_t>(json["StatementIndex"].as_int());
    ref.info.sid = json["Sid"].as_string();
    ref.info.effect = json["Effect"].as_string() == "Allow" ? policy::Effect::allow : policy::Effect::deny;
    ref.info.position = {static_cast<uint32_t>(json["Line"].as_int()), static_cast<uint32_t>(json["Column"].as_int())};
    return ref;
}

std::vector<policy::StatementRef> read_statements(const Json& list) {
    std::vector<policy::StatementRef> out;
    for (const Json& one : list.items()) out.push_back(read_statement(one));
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
    const auto statements = [&](const std::vector<policy::StatementRef>& refs) {
        Json list = Json::array();
        for (const auto& ref : refs) list.push(statement_json(ref, access.request));
        return list;
    };
    Json missing = Json::array();
    for (policy::Layer layer : access.decision.missing) missing.push(policy::policy_type(layer, access.request));
    Json out = Json::object({{"Action", access.request.action}, {"Resource", access.request.resource}});
    set_if(out, "ResourceAccount", access.request.resource_account);
    out.set("Decision", outcome_of(access.decision.outcome));
    out.set("DecidedBy", policy::policy_type(access.decision.layer, access.request));
    out.set("MatchedStatements", statements(access.decision.because));
    if (access.decision.outcome == policy::Outcome::implicit_deny) {
        out.set("MissingAllowIn", std::move(missing));
        if (!access.decision.granted.empty()) out.set("AllowedBy", statements(access.decision.granted));
    }
    if (!access.decision.conditioned.empty()) out.set("Conditions", conditions_json(access));
    out.set("Context", context_json(access.request.context));
    return out;
}

DecidedAccess read_access(const Json& access, const Json& principal) {
    DecidedAccess out;
    for (const auto kind : all_kinds)
        if (type_of(kind) == principal["Type"].as_string()) out.request.principal.kind = kind;
    out.request.principal.arn = principal["Arn"].as_string();
    out.request.principal.account = principal["Account"].as_string();
    out.request.principal.unique_id = principal["Id"].as_string();
    out.request.principal.role_arn = principal["RoleArn"].as_string();
    out.request.principal.service = principal["Service"].as_string();
    out.request.action = access["Action"].as_string();
    out.request.resource = access["Resource"].as_string();
    out.request.resource_account = access["ResourceAccount"].as_string();
    for (const auto outcome : {policy::Outcome::allow, policy::Outcome::explicit_deny})
        if (outcome_of(outcome) == access["Decision"].as_string()) out.decision.outcome = outcome;
    out.decision.layer = policy::layer_of(access["DecidedBy"].as_string());
    out.decision.because = read_statements(access["MatchedStatements"]);
    for (const Json& type : access["MissingAllowIn"].items()) out.decision.missing.push_back(policy::layer_of(type.as_string()));
    out.decision.granted = read_statements(access["AllowedBy"]);
    for (const Json& one : access["Conditions"].items()) {
        policy::Conditioned read{read_statement(one), {}, one["Condition"].as_string()};
        for (const Json& key : one["Keys"].items()) read.keys.push_back(key.as_string());
        out.decision.conditioned.push_back(std::move(read));
    }
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
