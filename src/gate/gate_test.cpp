// The gate's promises, with a real directory in memory, requests signed as clients sign them, and operations made for the
// occasion.
#include "gate/gate.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <thread>

#include "base/outdated.hpp"
#include "crypto/digest.hpp"
#include "gate/decide.hpp"
#include "gate/records_for_tests.hpp"
#include "identity/directory.hpp"
#include "store/key_value_store.hpp"
#include "wire/sigv4.hpp"

namespace {

// An operation as two functions.
struct TestOperation {
    std::string service, name;
    std::function<base::Result<std::vector<gate::Access>>(const identity::Caller&, wire::Call&)> accesses;
    std::function<base::Result<http::Response>(const gate::Permit&, wire::Call&)> handle;
    bool needs_no_permission = false;
};

class TestRun final : public gate::RequestExecution {
public:
    explicit TestRun(const TestOperation& operation) : operation_(operation) {}
    base::Result<std::vector<gate::Access>> accesses(const identity::Caller& caller, wire::Call& call) override {
        return operation_.accesses(caller, call);
    }
    base::Result<http::Response> handle(const gate::Permit& permit, wire::Call& call) override {
        return operation_.handle(permit, call);
    }
    base::Result<std::vector<gate::Access>> supposed_accesses(const identity::Caller&, std::string_view,
                                                              std::string_view) override {
        return std::vector<gate::Access>();
    }
    [[nodiscard]] text::Json asked() const override { return {}; }
    [[nodiscard]] text::Json made() const override { return {}; }

private:
    const TestOperation& operation_;
};

gate::Operation made_of(TestOperation operation) {
    const auto kept = std::make_shared<const TestOperation>(std::move(operation));
    return {.service = kept->service,
            .name = kept->name,
            .begin = [kept] { return std::make_unique<TestRun>(*kept); },
            .needs_no_permission = kept->needs_no_permission};
}

struct Fixture {
    base::ManualClock clock{base::Time(std::chrono::milliseconds(1'790'000'000'000))};
    crypto::SystemRandom random;
    std::unique_ptr<store::KeyValueStore> keys = store::make_memory_store();
    std::unique_ptr<identity::Directory> directory =
        std::move(identity::Directory::open({keys.get(), &clock, &random, std::string(32, 'k')}).value());
    identity::Directory::FirstAccount first = directory->bootstrap().value().value();
    gate::MemoryLog log;
    gate::Registry registry;
    std::unique_ptr<gate::Gate> the_gate;
    int handled = 0;

    gate::Gate& gate() {
        if (!the_gate)
            the_gate = std::make_unique<gate::Gate>(gate::GateDependencies{&registry, directory.get(), &log, &clock, &random});
        return *the_gate;
    }

    // Answers an S3 GET of any object; what it needs is up to the test.
    void get_object(std::vector<gate::Access> accesses, bool needs_no_permission = false) {
        registry.add(made_of({.service = "s3",
                              .name = "GetObject",
                              .accesses = [accesses](const identity::Caller&,
                                                     wire::Call&) -> base::Result<std::vector<gate::Access>> { return accesses; },
                              .handle = [this](const gate::Permit& permit, wire::Call&) -> base::Result<http::Response> {
                                  ++handled;
                                  return http::Response{.status = 200,
                                                        .body = permit.refusal(1) ? *permit.refusal(1) : std::string("bytes")};
                              },
                              .needs_no_permission = needs_no_permission}));
    }

    http::RequestHead head_of(const std::string& method, const std::string& path) {
        http::RequestHead head{.method = method, .path = path};
        head.headers.add("Host", "127.0.0.1:4566");
        return head;
    }

    http::Response send(http::RequestHead head, const std::string& body = "") {
        http::StringBody reader(body);
        http::Request request{.head = std::move(head), .body = &reader, .peer_address = "::ffff:10.1.2.3"};
        return gate().serve(request);
    }

    http::Response get(const std::string& service = "s3", const std::string& secret = "", const std::string& token = "") {
        auto head = head_of("GET", "/bucket/key");
        wire::sign(head, {first.root.access_key_id, secret.empty() ? first.root.secret_access_key : secret, token}, "us-east-1",
                   service, clock.now(), crypto::hex(crypto::sha256("")));
        return send(std::move(head));
    }
};

std::string text_of(const http::Response& response) { return std::get<std::string>(response.body); }
bool holds(const http::Response& response, const std::string& text) { return text_of(response).find(text) != std::string::npos; }

gate::Access read_key() { return {.action = "s3:GetObject", .resource = "arn:aws:s3:::bucket/key", .resource_account = ""}; }

gate::Access foreign_key() {
    gate::Access access = read_key();
    access.resource_account = "999988887777";
    return access;
}

}  // namespace

TEST_CASE("an allowed request is recorded, then handled") {
    Fixture f;
    f.get_object({read_key()});
    const auto response = f.get();
    CHECK(response.status == 200);
    CHECK(text_of(response) == "bytes");
    CHECK(f.handled == 1);
    REQUIRE(f.log.records.size() == 1);
    const audit::Record& record = f.log.records[0];
    CHECK(record.service == "s3");
    CHECK(record.operation == "GetObject");
    CHECK(record.source_address == "10.1.2.3");
    CHECK(record.principal.kind == policy::PrincipalKind::root);
    CHECK(record.error_code.empty());
    REQUIRE(record.accesses.size() == 1);
    const policy::Context& context = record.accesses[0].request.context;
    REQUIRE(context.find("aws:SourceIp") != nullptr);
    CHECK(context.find("aws:SourceIp")->values.front() == "10.1.2.3");
    CHECK(context.find("s3:authType")->values.front() == "REST-HEADER");
    CHECK(response.headers.get("x-amz-request-id") == record.request_id);
}

TEST_CASE("what came of a request is recorded before its answer leaves, and an answer that cannot be is none") {
    Fixture f;
    f.get_object({read_key()});
    CHECK(f.get().status == 200);
    REQUIRE(f.log.answers.size() == 1);
    CHECK(f.log.answers[0].status == 200);
    CHECK(f.log.answers[0].error_code.empty());
    f.log.answers_broken = true;
    CHECK(f.get().status == 500);
    // A handler's own error is the answer that is recorded.
    Fixture g;
    g.registry.add(made_of({.service = "s3",
                            .name = "GetObject",
                            .accesses = [](const identity::Caller&, wire::Call&) -> base::Result<std::vector<gate::Access>> {
                                return std::vector<gate::Access>{read_key()};
                            },
                            .handle = [](const gate::Permit&, wire::Call&) -> base::Result<http::Response> {
                                return base::fail("NoSuchKey", "it is not there");
                            }}));
    CHECK(g.get().status == 404);
    REQUIRE(g.log.records.size() == 1);
    CHECK(g.log.records[0].error_code.empty());
    REQUIRE(g.log.answers.size() == 1);
    CHECK(g.log.answers[0].error_code == "NoSuchKey");
    CHECK(g.log.answers[0].status == 404);
}

TEST_CASE("a log that has no room is a 503, and nothing happens") {
    Fixture f;
    f.get_object({read_key()});
    f.log.full = true;
    CHECK(f.get().status == 503);
    CHECK(f.handled == 0);
}

TEST_CASE("what cannot be recorded does not happen") {
    Fixture f;
    f.get_object({read_key()});
    f.log.broken = true;
    CHECK(f.get().status == 500);
    CHECK(f.handled == 0);
}

TEST_CASE("a refusal that cannot be recorded is a 500, not a 403") {
    Fixture f;
    f.get_object({foreign_key()});
    CHECK(f.get().status == 403);
    f.log.broken = true;
    CHECK(f.get().status == 500);
    CHECK(f.handled == 0);
}

TEST_CASE("an answer about what was not decided on is thrown away, and the request is decided again") {
    Fixture f;
    identity::Iam& iam = f.directory->iam();
    const std::string account = f.first.account;
    REQUIRE(iam.create_user({.account = account, .name = "ada", .tags = {{"team", "red"}}}));
    const identity::Holder ada{identity::HolderKind::user, account, "ada"};
    const auto team = [&]() -> std::string { return (*iam.user(account, "ada"))->tags.front().second; };
    bool refuses = false;
    f.registry.add(made_of({.service = "s3",
                            .name = "GetObject",
                            .accesses = [&](const identity::Caller&, wire::Call&) -> base::Result<std::vector<gate::Access>> {
                                return std::vector{team() == "red" ? read_key() : foreign_key()};
                            },
                            .handle = [&](const gate::Permit&, wire::Call&) -> base::Result<http::Response> {
                                ++f.handled;
                                std::thread([&] { REQUIRE(iam.tag(ada, {{"team", "blue"}})); }).join();
                                if (refuses) return base::fail("NoSuchKey", "the team is " + team());
                                return http::Response{.status = 200, .body = "the team is " + team()};
                            },
                            .needs_no_permission = false}));
    for (const bool with_error : {false, true}) {
        refuses = with_error;
        f.handled = 0;
        f.log.records.clear();
        REQUIRE(iam.tag(ada, {{"team", "red"}}));
        const auto response = f.get();
        CHECK(response.status == 403);
        CHECK_FALSE(holds(response, "blue"));
        CHECK(f.handled == 1);
        REQUIRE(f.log.records.size() == 2);
        CHECK(f.log.records[0].error_code.empty());
        CHECK(f.log.records[1].error_code == "AccessDenied");
    }
}

TEST_CASE("an operation that needs nothing must say so") {
    Fixture f;
    f.get_object({});
    CHECK(f.get().status == 403);
    CHECK(f.handled == 0);
    Fixture g;
    g.get_object({}, true);
    CHECK(g.get().status == 200);
}

TEST_CASE("every access must be allowed; one marked separate refuses itself alone") {
    Fixture f;
    f.get_object({read_key(), foreign_key()});
    CHECK(f.get().status == 403);
    CHECK(f.handled == 0);
    REQUIRE(f.log.records.size() == 1);
    CHECK(f.log.records[0].accesses.size() == 2);
    CHECK(f.log.records[0].error_code == "AccessDenied");

    Fixture g;
    gate::Access apart = foreign_key();
    apart.separate = true;
    g.get_object({read_key(), apart});
    const auto response = g.get();
    CHECK(response.status == 200);
    CHECK(holds(response, "is not authorized to perform: s3:GetObject"));
}

TEST_CASE("an exception anywhere is a 500 without a word of it") {
    Fixture f;
    f.registry.add(
        made_of({.service = "s3",
                 .name = "GetObject",
                 .accesses = [](const identity::Caller&, wire::Call&) -> base::Result<std::vector<gate::Access>> {
                     throw std::runtime_error("the secret plan");
                 },
                 .handle = [](const gate::Permit&, wire::Call&) -> base::Result<http::Response> { return http::Response{}; }}));
    const auto response = f.get();
    CHECK(response.status == 500);
    CHECK_FALSE(holds(response, "secret plan"));
    REQUIRE(f.log.records.size() == 1);
    CHECK_FALSE(f.log.records[0].error_code.empty());
}

TEST_CASE("bad credentials, in the words of S3") {
    Fixture f;
    f.get_object({read_key()});
    CHECK(holds(f.get("s3", "wrong"), "<Code>SignatureDoesNotMatch</Code>"));
    f.first.root.access_key_id = "AKIAAAAAAAAAAAAAAAAA";
    CHECK(holds(f.get(), "<Code>InvalidAccessKeyId</Code>"));
    CHECK(holds(f.get("s3", "", "no such token"), "<Code>InvalidToken</Code>"));
    CHECK(f.handled == 0);
    for (const auto& record : f.log.records) CHECK(record.principal.kind == policy::PrincipalKind::anonymous);
    CHECK(f.log.records.size() == 3);
}

TEST_CASE("an expired session, in the words of each protocol") {
    Fixture f;
    f.get_object({read_key()});
    auto root = f.directory->authenticate(f.first.root.access_key_id, "");
    REQUIRE(root);
    auto session = f.directory->session_token((*root)->caller, std::chrono::seconds(900));
    REQUIRE(session);
    f.first.root = *session;
    CHECK(f.get("s3", "", session->session_token).status == 200);
    f.clock.advance(std::chrono::minutes(16));
    const auto refused = f.get("s3", "", session->session_token);
    CHECK(refused.status == 400);
    CHECK(holds(refused, "<Code>ExpiredToken</Code><Message>The provided token has expired.</Message>"));
    CHECK(f.handled == 1);

    struct Row {
        const char* service;
        const char* target;
        int status;
        const char* words;
    };
    const Row rows[] = {{"sts", "", 403, "<Code>ExpiredToken</Code>"},
                        {"sagemaker", "SageMaker.ListTrainingJobs", 400, "ExpiredTokenException"}};
    for (const Row& row : rows) {
        CAPTURE(row.service);
        const std::string body = *row.target != 0 ? "{}" : "Action=GetCallerIdentity&Version=2011-06-15";
        auto head = f.head_of("POST", "/");
        head.headers.add("Content-Type", *row.target != 0 ? "application/x-amz-json-1.1" : "application/x-www-form-urlencoded");
        if (*row.target != 0) head.headers.add("X-Amz-Target", row.target);
        wire::sign(head, {session->access_key_id, session->secret_access_key, session->session_token}, "us-east-1", row.service,
                   f.clock.now(), crypto::hex(crypto::sha256(body)));
        const auto response = f.send(std::move(head), body);
        CHECK(response.status == row.status);
        CHECK(holds(response, row.words));
    }
}

TEST_CASE("strangers: S3 lets them ask, a bucket policy may let them in, RestrictPublicBuckets shuts it again") {
    auto bucket_policy = policy::Policy::parse(
        R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket/*"}]})",
        policy::PolicyKind::resource);
    REQUIRE(bucket_policy);
    for (const bool restricted : {false, true}) {
        CAPTURE(restricted);
        Fixture f;
        gate::Access access = foreign_key();
        access.resource_policy = policy::AttachedPolicy{*bucket_policy, "bucket policy of bucket"};
        access.restrict_public = restricted;
        f.get_object({access});
        const auto response = f.send(f.head_of("GET", "/bucket/key"));
        CHECK(response.status == (restricted ? 403 : 200));
        if (restricted) CHECK(holds(response, "<Message>Access Denied</Message>"));
    }
}

TEST_CASE("a stranger learns which buckets exist, and nothing else") {
    for (const auto& [code, answered] : {std::pair{"NoSuchKey", "AccessDenied"}, std::pair{"NoSuchBucket", "NoSuchBucket"}}) {
        Fixture f;
        f.registry.add(made_of(
            {.service = "s3",
             .name = "GetObject",
             .accesses = [code](const identity::Caller&, wire::Call&) -> base::Result<std::vector<gate::Access>> {
                 return base::fail(code, "not there");
             },
             .handle = [](const gate::Permit&, wire::Call&) -> base::Result<http::Response> { return http::Response{}; }}));
        CHECK(holds(f.send(f.head_of("GET", "/bucket/key")), "<Code>" + std::string(answered) + "</Code>"));
        CHECK(holds(f.get(), "<Code>" + std::string(code) + "</Code>"));
    }
}

TEST_CASE("a bucket's policy counts for accesses to that bucket") {
    Fixture f;
    gate::Access granted = foreign_key(), other = foreign_key();
    granted.resource_policy = policy::AttachedPolicy{
        *policy::Policy::parse(
            R"({"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket/*"}]})",
            policy::PolicyKind::resource),
        "bucket policy of bucket"};
    other.separate = true;
    f.get_object({granted, other});
    const auto response = f.get();
    CHECK(response.status == 200);
    CHECK(holds(response, "is not authorized to perform: s3:GetObject"));
}

TEST_CASE("what changed meanwhile is decided again, a few times") {
    for (const int changes : {1, 1000}) {
        Fixture f;
        f.registry.add(made_of({.service = "s3",
                                .name = "GetObject",
                                .accesses = [](const identity::Caller&, wire::Call&) -> base::Result<std::vector<gate::Access>> {
                                    return std::vector{read_key()};
                                },
                                .handle = [&](const gate::Permit&, wire::Call&) -> base::Result<http::Response> {
                                    if (f.handled++ < changes) return base::fail_outdated("the object");
                                    return http::Response{.status = 200, .body = std::string("bytes")};
                                }}));
        const auto response = f.get();
        CHECK(response.status == (changes == 1 ? 200 : 503));
        CHECK(f.handled > 1);
        CHECK(f.handled <= 100);
    }
}

TEST_CASE("RestrictPublicBuckets does not rest on what the policy was taken for (R79)") {
    struct Case {
        const char* principal;
        const char* condition;
        bool account_b, anonymous;  // who gets in
    };
    // With the policy taken for one that is not public, rightly or wrongly. The caller is user u of account B.
    const Case cases[] = {
        {R"("*")", R"({"StringEquals":{"aws:userid":"anonymous"}})", false, false},
        {R"("*")", R"({"IpAddress":{"aws:SourceIp":["0.0.0.0/1","128.0.0.0/1"]}})", false, false},
        {R"("*")", R"({"StringLike":{"aws:PrincipalArn":"arn:aws:iam::*"}})", false, false},
        {R"("*")", R"({"Null":{"aws:PrincipalTag/x":"true"}})", false, false},
        {R"("*")", R"({"StringEquals":{"aws:PrincipalAccount":"444455556666"}})", true, false},
        {R"({"AWS":"444455556666"})", "{}", true, false},
        {R"({"AWS":"arn:aws:iam::444455556666:user/u"})", "{}", true, false},
    };
    identity::Caller foreign;
    foreign.principal = {.kind = policy::PrincipalKind::user,
                         .account = "444455556666",
                         .arn = "arn:aws:iam::444455556666:user/u",
                         .unique_id = "AIDAFOREIGN"};
    foreign.context.set("aws:PrincipalAccount", "444455556666");
    foreign.context.set("aws:PrincipalArn", foreign.principal.arn);
    foreign.context.set("aws:userid", "AIDAFOREIGN");
    foreign.policies.identity.push_back(
        {policy::Policy::parse_stored(R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}})",
                                      policy::PolicyKind::identity),
         "everything"});
    policy::Context globals;
    globals.set("aws:SourceIp", "192.0.2.1");
    for (const auto& [principal, condition, account_b, anonymous] : cases) {
        CAPTURE(principal);
        CAPTURE(condition);
        const std::string document = std::string(R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":)") +
                                     principal + R"(,"Action":"s3:GetObject","Resource":"*","Condition":)" + condition + "}}";
        gate::Access access{.action = "s3:GetObject", .resource = "arn:aws:s3:::b/k", .resource_account = "111122223333"};
        access.resource_policy =
            policy::AttachedPolicy{policy::Policy::parse_stored(document, policy::PolicyKind::resource), "bucket policy of b"};
        access.restrict_public = true;
        const auto allowed = [&](const identity::Caller& caller) {
            return gate::decide_each(caller, {access}, globals).front().decision.outcome == policy::Outcome::allow;
        };
        CHECK(allowed(foreign) == account_b);
        CHECK(allowed(gate::anonymous_caller()) == anonymous);
        access.resource_policy_is_public = true;
        CHECK_FALSE(allowed(foreign));
    }
}

TEST_CASE("services other than S3 want credentials") {
    Fixture f;
    auto head = f.head_of("POST", "/");
    head.headers.add("Content-Type", "application/x-www-form-urlencoded");
    const auto response = f.send(std::move(head), "Action=GetCallerIdentity&Version=2011-06-15");
    CHECK(response.status == 403);
    CHECK(holds(response, "<Code>MissingAuthenticationToken</Code>"));
}

TEST_CASE("a decision names the version of a managed policy, in each layer that can have one") {
    const auto parsed = [](const char* document, policy::PolicyKind kind) {
        return policy::Policy::parse(document, kind).value();
    };
    const auto all = parsed(R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}})", policy::PolicyKind::identity);
    const auto session =
        parsed(R"({"Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}})", policy::PolicyKind::session);
    identity::Caller caller;
    caller.principal.kind = policy::PrincipalKind::role_session;
    caller.principal.account = "111122223333";
    caller.policies.identity = {{all, "inline policy p of role r"}, {all, "arn:aws:iam::aws:policy/All", "v7"}};
    caller.policies.boundary = {all, "arn:aws:iam::aws:policy/All", "v7"};
    caller.policies.session = std::vector<policy::AttachedPolicy>{{session, "arn:aws:iam::111122223333:policy/S", "v2"}};
    const auto versions = [&](const char* action) {
        const auto decided = gate::decide_each(caller, {{.action = action, .resource = "arn:aws:s3:::b/k"}}, {}).front();
        std::vector<std::string> out;
        for (const auto* refs : {&decided.decision.because, &decided.decision.granted})
            for (const auto& ref : *refs) out.push_back(ref.policy_version);
        return out;
    };
    CHECK(versions("s3:GetObject") == std::vector<std::string>{"", "v7", "v7", "v2"});
    CHECK(versions("s3:PutObject") == std::vector<std::string>{"", "v7", "v7"});  // granted; the session policy is missing
}

TEST_CASE("a body is read for nobody whose key, region or time is wrong, nor for who has none") {
    Fixture f;
    class Counted final : public http::BodyReader {
    public:
        base::Result<size_t> read(std::span<char>) override {
            ++reads;
            return size_t{0};
        }
        [[nodiscard]] std::optional<uint64_t> length() const override { return 0; }
        int reads = 0;
    } body;
    const auto send = [&](http::RequestHead head) {
        http::Request request{.head = std::move(head), .body = &body, .peer_address = "10.1.2.3"};
        return f.gate().serve(request);
    };
    const auto head = [&] {
        auto out = f.head_of("POST", "/");
        out.headers.add("Content-Type", "application/x-www-form-urlencoded");
        return out;
    };
    const auto signed_by = [&](const std::string& key, const std::string& region, base::Time when) {
        auto out = head();
        wire::sign(out, {key, f.first.root.secret_access_key, ""}, region, "iam", when, crypto::hex(crypto::sha256("")));
        return out;
    };
    const auto& key = f.first.root.access_key_id;
    CHECK(holds(send(head()), "MissingAuthenticationToken"));
    CHECK(holds(send(signed_by("AKIAIOSFODNN7EXAMPLE", "us-east-1", f.clock.now())), "InvalidClientTokenId"));
    CHECK(holds(send(signed_by(key, "eu-west-1", f.clock.now())),
                "Credential should be scoped to a valid region, not &#39;eu-west-1&#39;."));
    CHECK(holds(send(signed_by(key, "us-east-1", f.clock.now() - std::chrono::minutes(16))), "Signature expired"));
    auto unsigned_token = signed_by(key, "us-east-1", f.clock.now());
    unsigned_token.headers.add("X-Amz-Something", "1");
    CHECK(holds(send(std::move(unsigned_token)), "&#39;x-amz-something&#39; must be a &#39;SignedHeader&#39;"));
    auto twice = signed_by(key, "us-east-1", f.clock.now());
    twice.headers.add("User-Agent", "a");
    twice.headers.add("User-Agent", "b");
    CHECK(holds(send(std::move(twice)), "InvalidRequest"));
    CHECK(body.reads == 0);
    CHECK(holds(send(signed_by(key, "us-east-1", f.clock.now())), "MissingAction"));
    CHECK(body.reads > 0);
    // All of it is on the record.
    CHECK(f.log.records.size() == 7);
    CHECK(f.log.records[1].access_key_id == "AKIAIOSFODNN7EXAMPLE");
}

TEST_CASE("the region of a signature counts if it is served; S3 says which is") {
    Fixture f;
    f.get_object({read_key()});
    f.the_gate = std::make_unique<gate::Gate>(gate::GateDependencies{.registry = &f.registry,
                                                                     .directory = f.directory.get(),
                                                                     .audit = &f.log,
                                                                     .clock = &f.clock,
                                                                     .random = &f.random,
                                                                     .regions = {"eu-central-1", "eu-west-1"},
                                                                     .bucket_region = [](std::string_view name) -> std::string {
                                                                         if (name == "second") return "eu-west-1";
                                                                         return name == "gone" ? "us-west-2" : "";
                                                                     }});
    const auto refused = f.get();  // signs for us-east-1
    CHECK(refused.status == 400);
    CHECK(holds(refused, "<Code>AuthorizationHeaderMalformed</Code>"));
    CHECK(holds(refused, "<Region>eu-central-1</Region>"));
    CHECK(refused.headers.get("x-amz-bucket-region") == "eu-central-1");
    // A bucket's own region at once, if it is served.
    const auto asked = [&](const std::string& path) {
        auto away = f.head_of("GET", path);
        wire::sign(away, {f.first.root.access_key_id, f.first.root.secret_access_key, ""}, "us-east-1", "s3", f.clock.now(),
                   crypto::hex(crypto::sha256("")));
        return f.send(std::move(away));
    };
    const auto own = asked("/second/key");
    CHECK(own.status == 400);
    CHECK(holds(own, "<Region>eu-west-1</Region>"));
    CHECK(holds(own, "expecting &#39;eu-west-1&#39;"));
    CHECK(own.headers.get("x-amz-bucket-region") == "eu-west-1");
    CHECK(holds(asked("/gone/key"), "<Region>eu-central-1</Region>"));
    // HeadBucket says it also to strangers and to who is refused; nothing else does.
    const auto anonymous = [&](std::string method, const std::string& path) {
        return f.send(f.head_of(std::move(method), path)).headers.get("x-amz-bucket-region");
    };
    CHECK(anonymous("HEAD", "/second") == "eu-west-1");
    CHECK(anonymous("HEAD", "/gone") == "us-west-2");
    CHECK(anonymous("HEAD", "/nowhere") == "");
    CHECK(anonymous("HEAD", "/second/key") == "");
    CHECK(anonymous("GET", "/second/key") == "");
    f.log.records.clear();
    auto head = f.head_of("GET", "/bucket/key");
    wire::sign(head, {f.first.root.access_key_id, f.first.root.secret_access_key, ""}, "eu-west-1", "s3", f.clock.now(),
               crypto::hex(crypto::sha256("")));
    CHECK(f.send(std::move(head)).status == 200);
    REQUIRE(f.log.records.size() == 1);
    CHECK(f.log.records[0].accesses[0].request.context.find("aws:RequestedRegion")->values.front() == "eu-west-1");
    // A question about a hypothetical request is of IAM's region, of the resource's, or of the asker's.
    const auto region = [](std::string action, std::string of) {
        gate::Access access{.action = std::move(action)};
        access.region = std::move(of);
        return gate::supposed_region(access, "eu-central-1");
    };
    CHECK(region("iam:ListUsers", "") == "us-east-1");
    CHECK(region("IAM:listusers", "eu-west-1") == "us-east-1");
    CHECK(region("iam:PassRole", "") == "eu-central-1");
    CHECK(region("logs:PutLogEvents", "eu-west-1") == "eu-west-1");
    CHECK(region("s3:ListAllMyBuckets", "") == "eu-central-1");
}
