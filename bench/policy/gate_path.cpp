// What a request pays to be decided: a GetObject of the reference scenario, on the functions that serve requests.
//
//   access     what the request needs, from what S3 knows of the object (gate::access_to)
//   question   context and question (gate::RequestKeys, gate::AccessQuestion)
//   decision   the walk (AccessQuestion::decide)
//   record     what is kept of it, as the text that the audit log writes
//
// Not in it: the signature, reading the request, finding the object, the hash chain of the log, the write. Reads the scenario's folder
// (run.py writes it); prints a line of JSON. Every request is checked before it is timed.
//
//     bench_gate_path build/bench-policy/scenario
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "audit/log.hpp"
#include "gate/access_question.hpp"
#include "http/message.hpp"
#include "text/json.hpp"

namespace {

using text::Json;
using Clock = std::chrono::steady_clock;

constexpr size_t rounds = 31;
constexpr size_t principals_many = 1000;
constexpr size_t passes_hot = 40;  // over the requests, a round

[[noreturn]] void die(const std::string& why) {
    std::fprintf(stderr, "error: %s\n", why.c_str());
    std::exit(1);
}

Json read(const std::string& path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    auto parsed = text::parse_json(text.str());
    if (!parsed) die(path + ": " + parsed.error().message);
    return std::move(*parsed);
}

policy::PolicyPtr parsed(const std::string& document, policy::PolicyKind kind) {
    auto got = policy::Policy::parse(document, kind);
    if (!got) die(got.error().describe());
    return *got;
}

// The principal of the scenario, or one like it: everybody has an identity policy and names of their own; the rest is shared, as IAM's
// managed policies are.
identity::PreparedPtr principal(const Json& scenario, const Json& request, const policy::PrincipalPolicies& policies,
                                size_t number) {
    identity::Caller caller;
    const Json& who = request["principal"];
    const std::string own = number == 0 ? "" : std::to_string(number);
    caller.principal.kind = policy::PrincipalKind::role_session;
    caller.principal.account = who["account"].as_string();
    caller.principal.arn = who["arn"].as_string() + own;
    caller.principal.role_arn = who["role_arn"].as_string();
    caller.principal.unique_id = who["unique_id"].as_string() + own;
    caller.principal.role_id = who["role_id"].as_string();
    caller.session_name = "SageMaker" + own;
    caller.access_key_id = "ASIAEXAMPLE" + own;
    caller.policies = policies;
    if (number != 0)
        caller.policies.identity[0].policy =
            parsed(scenario["policies"]["identity"].items()[0].items()[1].dump(), policy::PolicyKind::identity);
    for (const auto& [key, value] : request["context"].members())
        if (key.starts_with("aws:Principal") || key == "aws:userid") caller.context.set(key, value.as_string());
    caller.context.set("aws:PrincipalType", "AssumedRole");
    caller.context.set("aws:PrincipalIsAWSService", "false");
    caller.context.set("aws:TokenIssueTime", "2026-01-31T11:00:00Z");
    caller.context.set("aws:MultiFactorAuthPresent", "false");
    return std::make_shared<const identity::PreparedPrincipal>(std::move(caller));
}

struct Asked {
    gate::Description object;  // as S3 describes it
    http::Request request;
};

struct Times {
    double access = 0, question = 0, decision = 0, record = 0;
};

size_t kept = 0;  // so that nothing is optimized away

// One request, as gate::Gate decides and records it. Returns whether it is allowed.
bool pass(const identity::PreparedPrincipal& principal, const Asked& asked, const wire::Signature& signature, base::Time now,
          const std::string& request_id) {
    const gate::Access access = gate::access_to("s3:GetObject", asked.object, {});
    const gate::RequestFacts facts{
        .http = &asked.request, .service = "s3", .region = "us-east-1", .signature = &signature, .now = now};
    gate::RequestKeys keys(facts);
    const gate::AccessQuestion question(principal, access, keys);
    const policy::Verdict verdict = question.decide();
    kept += verdict.granting().size();
#ifdef WITHOUT_RECORD
    (void)request_id;
#else
    audit::Record record;
    record.time = now;
    record.request_id = request_id;
    record.service = "s3";
    record.operation = "GetObject";
    record.source_address = asked.request.peer_address;
    record.user_agent = asked.request.head.headers.get("user-agent");
    record.access_key_id = principal.caller.access_key_id;
    record.principal = principal.caller.principal;
    record.session_name = principal.caller.session_name;
    record.accesses.push_back({question.request(), policy::decision_of(verdict)});
    kept += audit::to_json(record).dump().size();
#endif
    return verdict.outcome == policy::Outcome::allow;
}

double median(std::vector<double> values) {
    std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
    return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) die("usage: bench_gate_path SCENARIO-FOLDER");
    const Json scenario = read(std::string(argv[1]) + "/reference/case.json");
    using policy::PolicyKind;
    const Json& written = scenario["policies"];
    policy::PrincipalPolicies policies;
    for (const Json& named : written["identity"].items())
        policies.identity.push_back({parsed(named.items()[1].dump(), PolicyKind::identity), named.items()[0].as_string(), "v1"});
    policies.boundary = policy::AttachedPolicy{parsed(written["boundary"].dump(), PolicyKind::identity), "boundary", "v1"};
    policies.session =
        std::vector<policy::AttachedPolicy>{{parsed(written["session"].dump(), PolicyKind::session), "session policy"}};
    for (const Json& level : written["service_control"].items()) {
        auto& into = policies.service_control.emplace_back();
        for (const Json& named : level.items())
            into.push_back({parsed(named.items()[1].dump(), PolicyKind::service_control), named.items()[0].as_string()});
    }
    const policy::AttachedPolicy bucket_policy{parsed(written["resource"].dump(), PolicyKind::resource),
                                               "bucket policy of sagemaker"};

    const base::Time now{std::chrono::milliseconds(1'769'860'800'000)};
    wire::Signature signature{.access_key_id = "ASIAEXAMPLE", .time = now};
    http::StringBody body("");
    std::vector<std::unique_ptr<Asked>> all;
    const Json* first = nullptr;
    for (const Json& request : scenario["requests"].items()) {
        if (request["action"].as_string() != "s3:GetObject" || request["expected"].as_string() != "allow") continue;
        if (first == nullptr) first = &request;
        auto asked =
            std::make_unique<Asked>(Asked{.object = {}, .request = {.head = {.method = "GET", .path = "/b/k"}, .body = &body}});
        asked->object.arn = request["resource"].as_string();
        asked->object.existence = gate::Existence::there;
        asked->object.owner = request["resource_account"].as_string();
        asked->object.policy = bucket_policy;
        asked->object.keys.set("s3:ResourceAccount", asked->object.owner);
        asked->object.region = "us-east-1";
        asked->request.peer_address = request["context"]["aws:SourceIp"].as_string();
        auto& headers = asked->request.head.headers;
        headers.add("Host", "127.0.0.1:4566");
        headers.add("User-Agent", "Boto3/1.44 md/Botocore#1.44 ua/2.1 os/linux lang/python#3.12");
        headers.add("X-Amz-Date", "20260131T120000Z");
        headers.add("X-Amz-Content-SHA256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        headers.add("X-Amz-Security-Token", std::string(400, 't'));
        headers.add("Authorization", "AWS4-HMAC-SHA256 Credential=…");
        all.push_back(std::move(asked));
    }
    if (all.empty()) die("the scenario has no GetObject that is allowed");

    std::string out = "{";
    for (const size_t count : {size_t{1}, principals_many}) {
        std::vector<identity::PreparedPtr> principals;
        for (size_t i = 0; i < count; ++i) principals.push_back(principal(scenario, *first, policies, i));
        for (const auto& one : principals)
            if (!pass(*one, *all.front(), signature, now, "checked")) die("the reference request is refused");
        for (const auto& asked : all)
            if (!pass(*principals.front(), *asked, signature, now, "checked")) die(asked->object.arn + " is refused");
        std::vector<double> figures;
        const size_t requests = std::max(count, passes_hot * all.size());
        for (size_t round = 0; round < rounds; ++round) {
            const auto begin = Clock::now();
            for (size_t i = 0; i < requests; ++i)
                (void)pass(*principals[i % count], *all[i % all.size()], signature, now, "79a2c0f7-3a4f-41a8-9a9e-7a9d5c3e6b0f");
            figures.push_back(std::chrono::duration<double, std::nano>(Clock::now() - begin).count() /
                              static_cast<double>(requests));
        }
        out += fmt::format("{}\"principals_{}\":{{\"median_ns\":{:.0f},\"least_ns\":{:.0f}}}", out.size() > 1 ? "," : "", count,
                           median(figures), *std::ranges::min_element(figures));
    }
    std::printf("%s}\n", out.c_str());
    return kept == 0;
}
