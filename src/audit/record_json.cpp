// How a decision looks as JSON. The same members are in the record, in the answer of ExplainRequest and in what tests compare.
#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "audit/record.hpp"
#include "audit/record_text.hpp"
#include "audit/record_view.hpp"
#include "base/invariant.hpp"
#include "crypto/digest.hpp"
#include "policy/explain.hpp"

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

// Both for answers, where nothing is cut, and for the record.
class Writer {
public:
    Writer(std::string& out, size_t most) : out_(out), most_(most) {}
    void member(std::string_view name, std::string_view value) { append_member(out_, name, value, most_); }
    void member_if(std::string_view name, std::string_view value) {
        if (!value.empty()) member(name, value);
    }
    void number(std::string_view name, uint64_t value) { append_raw_member(out_, name, std::to_string(value)); }
    // `each(one)` writes the members of an object for one of the items.
    template <class Items, class Each>
    void objects(std::string_view name, const Items& items, Each each) {
        append_raw_member(out_, name, "[");
        for (size_t i = 0; i < items.size(); ++i) {
            out_ += i == 0 ? "{" : ",{";
            each(items[i]);
            out_ += '}';
        }
        out_ += ']';
    }
    template <class Items, class Text>
    void strings(std::string_view name, const Items& items, Text text) {
        append_raw_member(out_, name, "[");
        for (size_t i = 0; i < items.size(); ++i) {
            if (i > 0) out_ += ',';
            append_quoted(out_, text(items[i]), most_);
        }
        out_ += ']';
    }

private:
    std::string& out_;
    size_t most_;
};

void write_principal(Writer& out, const policy::Principal& principal) {
    out.member(member::type, type_of(principal.kind));
    out.member_if(member::arn, principal.arn);
    out.member_if(member::account, principal.account);
    out.member_if(member::id, principal.unique_id);
    out.member_if(member::role_arn, principal.role_arn);
    out.member_if(member::service, principal.service);
}

void write_statement(Writer& out, const policy::StatementRef& ref, const policy::Request& request) {
    out.member("PolicyType", policy::policy_type(ref.layer, request));
    out.member("PolicyName", ref.policy_name);
    out.member_if("PolicyVersion", ref.policy_version);
    out.number("StatementIndex", ref.statement);
    out.member("Effect", ref.info.effect == policy::Effect::allow ? "Allow" : "Deny");
    out.member_if("Sid", ref.info.sid);
    if (ref.info.position.line == 0) return;
    out.number("Line", ref.info.position.line);
    out.number("Column", ref.info.position.column);
}

// After Action and Resource.
void write_decision(Writer& out, const DecidedAccess& access) {
    const policy::Request& request = access.request;
    const policy::Decision& decision = access.decision;
    const auto statement = [&](const policy::StatementRef& ref) { write_statement(out, ref, request); };
    out.member_if(member::resource_account, request.resource_account);
    out.member("Decision", outcome_of(decision.outcome));
    out.member("DecidedBy", policy::policy_type(decision.layer, request));
    out.member_if("Rule", policy::name_of(decision.rule));
    out.objects("MatchedStatements", decision.because, statement);
    if (decision.outcome == policy::Outcome::implicit_deny) {
        out.strings("MissingAllowIn", decision.missing, [&](policy::Layer layer) { return policy::policy_type(layer, request); });
        if (!decision.granted.empty()) out.objects("AllowedBy", decision.granted, statement);
    }
    if (decision.conditioned.empty()) return;
    // The statements whose Condition mattered, with it.
    out.objects("Conditions", decision.conditioned, [&](const policy::Conditioned& one) {
        statement(one.statement);
        out.strings("Keys", one.keys, [](const std::string& key) { return key; });
        out.member("Condition", one.condition);
    });
}

// Made of text that was written here: it can be read.
Json parsed(const std::string& text) {
    auto json = text::parse_json(text);
    INVARIANT(json.has_value());
    return std::move(*json);
}

Json context_json(const policy::Context& context) {
    Json out = Json::object();
    for (const auto& entry : context.entries()) {
        Json values = Json::array();
        for (const auto& value : entry.values) values.push(escaped(without_credentials(entry.key, value)));
        out.set(escaped(entry.key), std::move(values));
    }
    return out;
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

DecidedAccess read_access(const Json& access, const RecordView& record) {
    DecidedAccess out;
    policy::Principal& principal = out.request.principal;
    principal.kind = record.principal.kind.value_or(principal.kind);
    principal.arn = record.principal.arn;
    principal.account = record.principal.account;
    principal.unique_id = record.principal.id;
    principal.role_arn = record.principal.role_arn;
    principal.service = record.principal.service;
    out.request.action = access[member::action].as_string();
    out.request.resource = access[member::resource].as_string();
    out.request.resource_account = access[member::resource_account].as_string();
    for (const auto outcome : {policy::Outcome::allow, policy::Outcome::explicit_deny})
        if (outcome_of(outcome) == access["Decision"].as_string()) out.decision.outcome = outcome;
    out.decision.layer = policy::layer_of(access["DecidedBy"].as_string());
    out.decision.rule = policy::rule_named(access["Rule"].as_string());
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

constexpr size_t uncut = std::numeric_limits<size_t>::max();

constexpr auto reading_verbs =
    std::to_array<std::string_view>({"Assume", "Check", "Describe", "Explain", "Filter", "Get", "Head", "List", "Lookup",
                                     "Preflight", "Select", "Simulate", "Used", "WhoCan"});

constexpr auto polled = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"cloudtrail", "LookupEvents"},
    {"logs", "DescribeLogStreams"},
    {"logs", "FilterLogEvents"},
    {"logs", "GetLogEvents"},
    {"monitoring", "GetMetricData"},
    {"monitoring", "GetMetricStatistics"},
    {"sagemaker", "DescribeTrainingJob"},
    {"sagemaker", "ListTrainingJobs"},
    {"trainwarden", "ListRequests"},
});

}  // namespace

std::string without_credentials(std::string_view key, std::string_view value) {
    const size_t query = key == "aws:referer" ? value.find('?') : std::string_view::npos;
    if (query == std::string_view::npos) return std::string(value);
    return std::string(value.substr(0, query)) + "?…";
}

bool reads_only(std::string_view operation) {
    return std::ranges::any_of(reading_verbs, [&](std::string_view verb) { return operation.starts_with(verb); });
}

bool is_polled(std::string_view service, std::string_view operation) {
    return std::ranges::find(polled, std::pair(service, operation)) != polled.end();
}

Json to_json(const policy::Principal& principal) {
    std::string out = "{";
    Writer writer(out, uncut);
    write_principal(writer, principal);
    return parsed(out + "}");
}

Json to_json(const DecidedAccess& access) {
    std::string out = "{";
    Writer writer(out, uncut);
    writer.member(member::action, access.request.action);
    writer.member(member::resource, access.request.resource);
    write_decision(writer, access);
    Json json = parsed(out + "}");
    json.set(member::context, context_json(access.request.context));
    return json;
}

void append_principal(std::string& out, const policy::Principal& principal) {
    out += '{';
    Writer writer(out, value_bytes_max);
    write_principal(writer, principal);
    out += '}';
}

void append_decision(std::string& out, const DecidedAccess& access) {
    const size_t begin = out.size();
    out += '{';
    Writer writer(out, value_bytes_max);
    writer.member(member::action, access.request.action);
    write_decision(writer, access);
    out += '}';
    if (out.size() - begin <= decision_bytes_max) return;
    // What decided is more than a record takes: the outcome, and the digest of the whole.
    const std::string whole = out.substr(begin);
    out.resize(begin);
    out += '{';
    writer.member(member::action, access.request.action);
    writer.member_if(member::resource_account, access.request.resource_account);
    writer.member("Decision", outcome_of(access.decision.outcome));
    writer.member("DecidedBy", policy::policy_type(access.decision.layer, access.request));
    writer.member("Cut", "decision: " + std::to_string(whole.size()) + " bytes, sha256 " + crypto::hex(crypto::sha256(whole)));
    out += '}';
}

std::optional<policy::PrincipalKind> principal_kind_named(std::string_view type) {
    for (const auto kind : all_kinds)
        if (type_of(kind) == type) return kind;
    return std::nullopt;
}

std::vector<DecidedAccess> read_accesses(const Json& record) {
    const RecordView view(record);
    std::vector<DecidedAccess> out;
    for (const Json& access : record[member::accesses].items()) out.push_back(read_access(access, view));
    return out;
}

}  // namespace audit
