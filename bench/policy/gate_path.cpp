// What a request pays to be decided and recorded: a GetObject of the reference scenario, on the functions that serve requests.
//
//   decided     what the request needs, from what S3 knows of the object (gate::add_access), its context and question, the walk over
//               what an earlier request left of the policies (gate::DecidedRequest)
//   recorded    and the line of its record, in the buffer that is written (DecidedRequest::text, audit::append_record)
//   chained     and the line's digest in the chain of the log (audit::end_line), which the log takes while it holds its lock
//
// Medians of rounds, for one principal and for a thousand in turn; `least`: of the rounds, for a busy machine. `whole_ns` is the text
// of a record that nothing was prepared for (audit::text_of), as refusals and requests with several accesses have it.
//
// Not in it: the signature, reading the request, finding the object, the write. Reads the scenario's folder (run.py writes it and
// prints the figures); prints a line of JSON. Every request is checked before it is timed. For a profiler: one figure of one principal,
// so many rounds.
//
//     bench_gate_path build/bench-policy/scenario [decided|recorded|chained|whole ROUNDS]
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <semaphore>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "audit/definitions.hpp"
#include "audit/line.hpp"
#include "gate/add_access.hpp"
#include "gate/decided.hpp"
#include "http/message.hpp"
#include "text/json.hpp"

namespace {

using text::Json;
using Clock = std::chrono::steady_clock;

constexpr size_t rounds_usual = 31;
constexpr size_t principals_many = 1000;
constexpr size_t written_at = 4096;        // bytes of the log's buffer
constexpr size_t passes_hot = 40;          // over the requests, a round
constexpr size_t described_at_once = 4;    // few, so that their memory is as warm as a request's own
constexpr size_t empty_readings = 20'001;  // of the clock, whose cost is subtracted

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

size_t kept = 0;  // so that nothing is optimized away

enum class Upto { decided, recorded, chained, whole };

// A segment of the log, in memory.
struct Segment {
    audit::Definitions definitions;
    audit::Chain chain = audit::first_chain();
    std::string buffer;
    uint64_t line = 0;

    Segment() {
        definitions.begin_segment(0);
        buffer.reserve(2 * written_at);
    }
    // Where the next line begins.
    size_t begin() {
        if (buffer.size() > written_at) buffer.clear();
        const size_t at = buffer.size();
        audit::begin_line(buffer, ++line);
        return at;
    }
};

// One request, as gate::Gate decides it and the log records it. `object`: what S3 described for this request. Returns whether it is allowed.
template <Upto upto>
bool pass(const identity::PreparedPtr& principal, const Asked& asked, gate::Description object, const wire::Signature& signature,
          base::Time now, const std::string& request_id, Segment& segment) {
    std::vector<gate::Access> accesses;
    gate::add_access(accesses, "s3:GetObject", std::move(object), {});
    const gate::DecidedRequest decided(
        {.principal = principal,
         .facts = {.http = &asked.request, .service = "s3", .region = "us-east-1", .signature = &signature, .now = now},
         .request_id = request_id,
         .operation = "GetObject",
         .access_key_id = signature.access_key_id},
        std::move(accesses));
    if (!decided.first().is_allowed()) return false;
    if constexpr (upto == Upto::whole) kept += audit::text_of(decided.whole()).own.size();
    if constexpr (upto == Upto::recorded || upto == Upto::chained) {
        const audit::RecordText text = decided.text();
        for (const auto& shared : text.shared)
            if (!segment.definitions.find(*shared.text)) segment.definitions.add(*shared.text);
        const size_t at = segment.begin();
        audit::append_record(segment.buffer, text,
                             [&](const audit::SharedText& shared) { return segment.definitions.find(shared); });
        if constexpr (upto == Upto::chained) audit::end_line(segment.buffer, at, segment.chain);
    }
    kept += segment.buffer.size() + decided.first().verdict.granting().size();
    return true;
}

double median(std::vector<double> values) {
    std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
    return values[values.size() / 2];
}

double nanoseconds_since(Clock::time_point begin) {
    return std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
}

double cost_of_reading() {
    std::vector<double> empty;
    for (size_t i = 0; i < empty_readings; ++i) empty.push_back(nanoseconds_since(Clock::now()));
    return median(std::move(empty));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2 && argc != 4) die("usage: bench_gate_path SCENARIO-FOLDER [decided|recorded|chained|whole ROUNDS]");
    const std::string_view only = argc == 4 ? argv[2] : "";
    const size_t rounds = argc == 4 ? std::strtoul(argv[3], nullptr, 10) : rounds_usual;
    if (rounds == 0) die("ROUNDS is no number above 0");
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
    // The gate vouches for no TLS, which ends at a proxy in front: the same Deny asks another Bool that every request has.
    std::string bucket_document = written["resource"].dump();
    const std::string insecure = R"("aws:SecureTransport":"false")";
    const size_t at = bucket_document.find(insecure);
    if (at == std::string::npos) die("the bucket policy has no Deny of insecure transport");
    bucket_document.replace(at, insecure.size(), R"("aws:ViaAWSService":"true")");
    const policy::SharedAttachedPolicy bucket_policy =
        policy::AttachedPolicy{parsed(bucket_document, PolicyKind::resource), "bucket policy of sagemaker"};

    policy::Context bucket_keys;  // as those of objects::Bucket
    bucket_keys.set("s3:ResourceAccount", scenario["requests"].items()[0]["resource_account"].as_string());
    bucket_keys.share();

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
        asked->object.keys = bucket_keys;
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

    // A server has threads: with another one, reference counts are atomic here as they are there.
    std::binary_semaphore finished(0);
    const std::jthread other([&finished] { finished.acquire(); });

    const double reading = cost_of_reading();
    std::string out = "{";
    for (const size_t count : {size_t{1}, principals_many}) {
        if (!only.empty() && count != 1) continue;
        std::vector<identity::PreparedPtr> principals;
        for (size_t i = 0; i < count; ++i) principals.push_back(principal(scenario, *first, policies, i));
        Segment segment;
        const std::string id = "79A2C0F73A4F41A8";
        const auto measure = [&]<Upto upto>() {
            // Every principal has had a request under these circumstances, and its record.
            for (const auto& one : principals)
                if (!pass<Upto::recorded>(one, *all.front(), all.front()->object, signature, now, id, segment))
                    die("the reference request is refused");
            for (const auto& asked : all)
                if (!pass<Upto::recorded>(principals.front(), *asked, asked->object, signature, now, id, segment))
                    die(asked->object.arn + " is refused");
            const size_t requests = std::max(count, passes_hot * all.size());
            std::vector<double> figures;
            std::vector<gate::Description> described;
            for (size_t round = 0; round < rounds; ++round) {
                double took = 0;
                for (size_t from = 0; from < requests; from += described_at_once) {
                    // A request finds its object before; that is not counted.
                    described.clear();
                    for (size_t i = 0; i < described_at_once; ++i) described.push_back(all[(from + i) % all.size()]->object);
                    const auto begin = Clock::now();
                    for (size_t i = 0; i < described_at_once; ++i)
                        (void)pass<upto>(principals[(from + i) % count], *all[(from + i) % all.size()], std::move(described[i]),
                                         signature, now, id, segment);
                    took += nanoseconds_since(begin) - reading;
                }
                figures.push_back(
                    took / static_cast<double>((requests + described_at_once - 1) / described_at_once * described_at_once));
            }
            return figures;
        };
        out += fmt::format("{}\"principals_{}\":{{", out.size() > 1 ? "," : "", count);
        const auto add = [&](std::string_view name, auto measured) {
            if (!only.empty() && only != name) return;
            const std::vector<double> figures = measured();
            out += fmt::format("{}\"{}_ns\":{:.0f},\"{}_least_ns\":{:.0f}", out.ends_with('{') ? "" : ",", name, median(figures),
                               name, *std::ranges::min_element(figures));
        };
        add("decided", [&] { return measure.operator()<Upto::decided>(); });
        add("recorded", [&] { return measure.operator()<Upto::recorded>(); });
        add("chained", [&] { return measure.operator()<Upto::chained>(); });
        add("whole", [&] { return measure.operator()<Upto::whole>(); });
        out += '}';
    }
    std::printf("%s}\n", out.c_str());
    finished.release();
    return kept == 0;
}
