// The record of a request that was put together from what earlier ones of its principal had says what the whole one says.
#include "gate/decided.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>
#include <utility>

#include "audit/definitions.hpp"
#include "audit/prepared_text.hpp"
#include "text/json.hpp"

namespace {

using text::Json;

policy::PolicyPtr parsed(std::string_view document, policy::PolicyKind kind = policy::PolicyKind::identity) {
    auto policy = policy::Policy::parse(document, kind);
    REQUIRE(policy.has_value());
    return *policy;
}

// The members of the line, with the shared texts where they belong.
Json line_of(const audit::RecordText& text) {
    std::string line = "{";
    audit::append_record(line, text, [](const audit::SharedText&) { return std::optional<uint32_t>(); });
    auto json = text::parse_json(line + "}");
    REQUIRE_MESSAGE(json.has_value(), line);
    return std::move(*json);
}

// Whatever the order of members.
bool is_same(const Json& a, const Json& b) {
    if (a.is_object() && b.is_object()) {
        return a.members().size() == b.members().size() && std::ranges::all_of(a.members(), [&](const auto& member) {
                   return b.contains(member.first) && is_same(member.second, b[member.first]);
               });
    }
    if (a.is_array() && b.is_array()) return std::ranges::equal(a.items(), b.items(), is_same);
    return a.dump() == b.dump();
}

std::set<audit::Term> terms_of(const audit::RecordText& text) { return {text.terms.begin(), text.terms.end()}; }

struct Asked {
    std::string action = "s3:GetObject", operation = "GetObject", resource = "arn:aws:s3:::b/k", owner = "111122223333";
    std::string peer = "10.1.2.3", agent = "Boto3/1", referer, content_hash, region = "us-east-1", parameters;
    policy::SharedAttachedPolicy resource_policy;
    policy::Context keys;
    std::optional<wire::Signature> signature = wire::Signature{.access_key_id = "ASIAEXAMPLE"};
    base::Time now{std::chrono::milliseconds(1'790'000'000'000)};
};

struct DecidedFixture {
    identity::PreparedPtr principal;

    DecidedFixture() {
        identity::Caller caller;
        caller.principal = {.kind = policy::PrincipalKind::role_session,
                            .account = "111122223333",
                            .arn = "arn:aws:sts::111122223333:assumed-role/R/s",
                            .unique_id = "AROAEXAMPLE:s",
                            .role_arn = "arn:aws:iam::111122223333:role/R",
                            .role_id = "AROAEXAMPLE"};
        caller.session_name = "s";
        caller.access_key_id = "ASIAEXAMPLE";
        caller.context.set("aws:PrincipalArn", caller.principal.role_arn);
        caller.context.set("aws:PrincipalTag/team", "vision");
        caller.context.set("saml:sub", "someone");  // does not repeat by its name
        caller.policies.identity.push_back(
            {parsed(R"({"Version":"2012-10-17","Statement":[)"
                    R"({"Sid":"Read","Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":"arn:aws:s3:::b*"},)"
                    R"({"Sid":"Tagged","Effect":"Allow","Action":"s3:Get*","Resource":"*",)"
                    R"("Condition":{"StringEquals":{"s3:ExistingObjectTag/a":"1"}}},)"
                    R"({"Sid":"Assume","Effect":"Allow","Action":"sts:*","Resource":"*"}]})"),
             "inline policy of R", "v1"});
        principal = std::make_shared<const identity::PreparedPrincipal>(std::move(caller));
    }

    // Is the text that was put together what the whole record says?
    void check(const Asked& asked) const {
        http::StringBody body("");
        http::Request request{.head = {.method = "GET", .path = "/b/k"}, .body = &body, .peer_address = asked.peer};
        auto& headers = request.head.headers;
        headers.add("Host", "h");
        if (!asked.agent.empty()) headers.add("User-Agent", asked.agent);
        if (!asked.referer.empty()) headers.add("Referer", asked.referer);
        if (!asked.content_hash.empty()) headers.add("X-Amz-Content-SHA256", asked.content_hash);
        gate::Access access{.action = asked.action, .resource = asked.resource, .resource_account = asked.owner};
        access.context = asked.keys;
        access.resource_policy = asked.resource_policy;
        std::vector<gate::Access> accesses;
        accesses.push_back(std::move(access));
        gate::DecidedRequest decided({.principal = principal,
                                      .facts = {.http = &request,
                                                .service = "s3",
                                                .region = asked.region,
                                                .signature = asked.signature ? &*asked.signature : nullptr,
                                                .now = asked.now},
                                      .request_id = "79A2C0F73A4F41A8",
                                      .operation = asked.operation,
                                      .access_key_id = "ASIAEXAMPLE"},
                                     std::move(accesses));
        REQUIRE(decided.first().is_allowed());
        decided.parameters = asked.parameters;
        const audit::RecordText text = decided.text(), whole = audit::text_of(decided.whole());
        CHECK_MESSAGE(is_same(line_of(text), line_of(whole)), line_of(text).dump() << "\n" << line_of(whole).dump());
        CHECK(terms_of(text) == terms_of(whole));
        CHECK(text.time == whole.time);
        CHECK(text.changes == whole.changes);
        CHECK(text.followed_id == whole.followed_id);
        CHECK(text.bytes() == line_bytes(text));
    }

    static size_t line_bytes(const audit::RecordText& text) {
        std::string line;
        audit::append_record(line, text, [](const audit::SharedText&) { return std::optional<uint32_t>(); });
        return line.size();
    }
};

}  // namespace

TEST_CASE("a record from prepared text says what the whole one says, whatever was prepared before") {
    const DecidedFixture fixture;
    std::mt19937 random(7);
    const auto one_of = [&](auto... values) {
        const auto all = std::to_array<std::common_type_t<decltype(values)...>>({values...});
        return all[random() % all.size()];
    };
    const auto text_of = [&](auto... values) { return std::string(one_of(std::string_view(values)...)); };
    const policy::PolicyPtr open =
        parsed(R"({"Version":"2012-10-17","Statement":[{"Sid":"All","Effect":"Allow","Principal":"*","Action":"s3:*",)"
               R"("Resource":["arn:aws:s3:::b","arn:aws:s3:::b/*"]}]})",
               policy::PolicyKind::resource);
    const policy::PolicyPtr other =
        parsed(R"({"Version":"2012-10-17","Statement":[{"Sid":"Everything","Effect":"Allow","Principal":"*","Action":"s3:*",)"
               R"("Resource":["arn:aws:s3:::b","arn:aws:s3:::b/*"]}]})",
               policy::PolicyKind::resource);
    // As resources have them whose keys all requests have together.
    std::vector<policy::Context> shared(6);
    for (size_t i = 0; i < shared.size(); ++i) {
        shared[i].set("s3:ResourceAccount", i % 2 == 0 ? "111122223333" : "999988887777");
        if (i % 3 == 1) shared[i].set("aws:SourceVpc", "vpc-1");
        if (i % 3 == 2) shared[i].set("aws:ResourceTag/team", "vision");
        if (i == 3) shared[i].set("aws:Referer", "https://e.example/shared");        // found where the request has none
        if (i == 4) shared[i].set("aws:PrincipalTag/team", "forged");                // never found
        if (i == 5) shared[i].set("s3:x-amz-content-sha256", std::string(64, 'b'));  // found where the request has none
        shared[i].share();
    }
    for (int i = 0; i < 3000; ++i) {
        Asked asked;
        asked.action = text_of("s3:GetObject", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket");
        asked.operation = text_of("GetObject", "HeadObject");
        asked.resource = text_of("arn:aws:s3:::b/k", "arn:aws:s3:::b/a \"quoted\" key", "arn:aws:s3:::b/\xff\\x41",
                                 "arn:aws:s3:::b2/x", "arn:aws:s3:::b");
        if (random() % 50 == 0) asked.resource += std::string(3000, 'k');
        asked.peer = text_of("10.1.2.3", "::ffff:10.1.2.3", "10.1.2.4", "");
        asked.agent = text_of("Boto3/1", "Boto3/1", "aws-cli", "\xc3\x28", "");
        if (random() % 40 == 0) asked.agent = std::string(1500, 'a');
        asked.referer = text_of("", "", "https://e.example/p?X-Amz-Signature=s", "https://e.example/q");
        asked.content_hash = text_of("", "UNSIGNED-PAYLOAD", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                                     "93b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        asked.region = text_of("us-east-1", "us-east-1", "eu-west-1");
        asked.parameters = text_of("", R"({"VersionId":"3"})");
        if (random() % 5 == 0) asked.signature->place = wire::SignaturePlace::query;
        asked.signature->time = asked.now - std::chrono::milliseconds(random() % 5);
        asked.now += std::chrono::milliseconds(random() % 3000);
        asked.keys.set("s3:ResourceAccount", "111122223333");
        if (random() % 3 == 0) asked.keys.set("s3:ExistingObjectTag/a", text_of("1", "2"));
        if (random() % 5 == 0) asked.keys.set("aws:ResourceTag/team", text_of("vision", "speech"));
        if (random() % 7 == 0) asked.keys.set("aws:PrincipalTag/team", "forged");  // conditions never find it
        if (random() % 5 == 0) asked.keys.set("aws:SourceVpc", text_of("vpc-1", "vpc-2"));
        if (random() % 2 == 0) asked.keys = shared[random() % shared.size()];
        if (random() % 500 == 0) {  // another one, perhaps where that was
            auto& one = shared[random() % shared.size()];
            one = policy::Context();
            one.set("s3:ResourceAccount", text_of("444455556666", "777788889999"));
            one.share();
        }
        if (random() % 3 == 0)
            asked.resource_policy =
                policy::AttachedPolicy{random() % 2 == 0 ? open : other, text_of("bucket policy of b", "of c")};
        fixture.check(asked);
    }
}

TEST_CASE("what all requests about a resource have together stands in each of their records") {
    const auto shared = [](std::initializer_list<std::pair<std::string_view, std::string>> keys) {
        policy::Context out;
        for (const auto& [key, value] : keys) out.set(key, value);
        out.share();
        return out;
    };
    const std::string changing_hash(64, 'b');
    for (const policy::Context& keys :
         {shared({{"s3:ResourceAccount", "111122223333"}}),
          shared({{"s3:ResourceAccount", "111122223333"}, {"aws:ResourceTag/team", "vision"}}),
          shared({{"aws:Referer", "https://e.example/shared"}}), shared({{"s3:x-amz-content-sha256", changing_hash}}),
          shared({{"aws:PrincipalTag/team", "forged"}}), shared({{"aws:SourceVpc", "vpc-1"}, {"s3:x", "own"}}), shared({})}) {
        const DecidedFixture fixture;
        for (int i = 0; i < 8; ++i) {
            Asked asked;
            asked.keys = keys;
            if (i % 2 == 1) asked.referer = "https://e.example/own";  // in place of the resource's
            if (i % 4 >= 2) asked.content_hash = std::string(64, 'c');
            if (i == 7) asked.keys = shared({{"s3:ResourceAccount", "999988887777"}});
            fixture.check(asked);
        }
    }
}

TEST_CASE("what was prepared for the keys of one resource is not used for others that stand at the same address later") {
    const DecidedFixture fixture;
    for (int i = 0; i < 100; ++i) {
        Asked asked;
        asked.keys.set("s3:ResourceAccount", std::to_string(100'000'000'000 + i));
        asked.keys.share();
        fixture.check(asked);
    }
}

TEST_CASE("records of which all but the changing parts are alike share what they share") {
    const DecidedFixture fixture;
    CHECK(fixture.principal->circumstances.find([](std::string_view) { return true; }) == nullptr);
    http::StringBody body("");
    http::Request request{.head = {.method = "GET", .path = "/b/k"}, .body = &body, .peer_address = "10.1.2.3"};
    const auto text = [&](std::string_view id, const std::string& resource, int64_t millis) {
        std::vector<gate::Access> accesses;
        accesses.push_back({.action = "s3:GetObject", .resource = resource, .resource_account = ""});
        const base::Time now{std::chrono::milliseconds(millis)};
        return gate::DecidedRequest(
                   {.principal = fixture.principal,
                    .facts = {.http = &request, .service = "s3", .region = "us-east-1", .signature = nullptr, .now = now},
                    .request_id = id,
                    .operation = "GetObject",
                    .access_key_id = "ASIAEXAMPLE"},
                   std::move(accesses))
            .text();
    };
    const auto first = text("ID1", "arn:aws:s3:::b/1", 1'790'000'000'000),
               second = text("ID2", "arn:aws:s3:::b/2", 1'790'000'060'123);
    REQUIRE(first.shared.size() == second.shared.size());
    for (size_t i = 0; i < first.shared.size(); ++i) CHECK(first.shared[i].text == second.shared[i].text);
    CHECK(second.own.find("b/2") != std::string::npos);
    CHECK(second.own.find("b/1") == std::string::npos);
}

TEST_CASE("of what is prepared for a principal, the latest few stay") {
    identity::PreparedCircumstances prepared;
    const auto one = std::make_shared<const gate::Circumstances>(), other = std::make_shared<const gate::Circumstances>();
    for (int i = 0; i < 100; ++i) prepared.put(std::to_string(i), one);
    const auto find = [&](std::string_view key) { return prepared.find([&](std::string_view kept) { return kept == key; }); };
    CHECK(find("0") == nullptr);
    CHECK(find("99") == one);
    size_t kept = 0;
    for (int i = 0; i < 100; ++i) kept += find(std::to_string(i)) != nullptr ? 1 : 0;
    CHECK(kept == identity::PreparedCircumstances::kept_max);
    CHECK(one.use_count() == static_cast<long>(kept) + 1);
    prepared.put("99", other);  // in place of what it had
    CHECK(find("99") == other);
    CHECK(find("98") == one);
    CHECK(one.use_count() == static_cast<long>(kept));
}

TEST_CASE("what was prepared for one policy of a resource is not used for another that stands at the same address later") {
    const DecidedFixture fixture;
    const auto ask = [&](std::string_view sid) {
        Asked asked;
        asked.resource_policy = policy::AttachedPolicy{
            parsed(R"({"Version":"2012-10-17","Statement":[{"Sid":")" + std::string(sid) +
                       R"(","Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::b/*"}]})",
                   policy::PolicyKind::resource),
            "bucket policy of b"};
        fixture.check(asked);
    };
    for (int i = 0; i < 50; ++i) ask("S" + std::to_string(i));
}

namespace {

// Conditions on every kind of key: of the request, of the principal, of the resource; such as repeat and such as do not.
constexpr std::string_view conditioned = R"({"Version":"2012-10-17","Statement":[
{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::b/*"},
{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"vision","s3:ExistingObjectTag/a":"1"}}},
{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}},
{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:UserAgent":"curl"}}},
{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:Referer":"https://evil.example/*"}}},
{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2026-09-21T14:13:21Z"}}},
{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"NumericGreaterThan":{"aws:EpochTime":"1790000003"}}},
{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}},
{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:ResourceAccount":"111122223333"}}},
{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"NumericGreaterThan":{"s3:signatureAge":"3"}}},
{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"s3:authType":"REST-QUERY-STRING"}}},
{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"s3:x-amz-content-sha256":"UNSIGNED-PAYLOAD"}}},
{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"speech"}}},
{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpc":"vpc-2"}}},
{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"forged"}}},
{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::b/secret","Condition":{"StringNotEquals":{"aws:PrincipalTag/team":"${s3:ExistingObjectTag/a}"}}},
{"Effect":"Deny","Action":"s3:GetObjectVersion","Resource":"arn:aws:s3:::b/old"}]})";

}  // namespace

TEST_CASE("what earlier requests left of the policies decides as the policies do, and the records say by what") {
    identity::Caller caller;
    caller.principal = {.kind = policy::PrincipalKind::role_session,
                        .account = "111122223333",
                        .arn = "arn:aws:sts::111122223333:assumed-role/R/s",
                        .unique_id = "AROAEXAMPLE:s",
                        .role_arn = "arn:aws:iam::111122223333:role/R",
                        .role_id = "AROAEXAMPLE"};
    caller.access_key_id = "ASIAEXAMPLE";
    caller.context.set("aws:PrincipalTag/team", "vision");
    caller.policies.identity.push_back({parsed(conditioned), "inline policy of R"});
    const auto known = std::make_shared<const identity::PreparedPrincipal>(caller);
    const policy::PolicyPtr open =
        parsed(R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:List*","Resource":"*"}]})",
               policy::PolicyKind::resource);
    const policy::PolicyPtr shut = parsed(
        R"({"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::b/k",)"
        R"("Condition":{"Bool":{"aws:SecureTransport":"false"}}}]})",
        policy::PolicyKind::resource);
    std::mt19937 random(11);
    const auto rarely = [&](auto usual, auto other) { return random() % 12 == 0 ? std::string(other) : std::string(usual); };
    size_t allowed = 0;
    constexpr size_t requests = 20'000;
    for (size_t i = 0; i < requests; ++i) {
        http::StringBody body("");
        http::Request request{
            .head = {.method = "GET", .path = "/b/k"}, .body = &body, .peer_address = rarely("10.1.2.3", "8.8.8.8")};
        auto& headers = request.head.headers;
        headers.add("User-Agent", rarely("Boto3", "curl"));
        if (random() % 20 == 0) headers.add("User-Agent", "curl");  // with the other, ambiguous
        if (random() % 5 == 0) headers.add("Referer", rarely("https://e.example/", "https://evil.example/x"));
        if (random() % 3 == 0) headers.add("X-Amz-Content-SHA256", rarely(std::string(64, 'a'), "UNSIGNED-PAYLOAD"));
        const base::Time now{std::chrono::milliseconds(1'790'000'000'000 + static_cast<int64_t>(random() % 5000))};
        wire::Signature signature{.access_key_id = "ASIAEXAMPLE", .time = now - std::chrono::milliseconds(random() % 5)};
        if (random() % 12 == 0) signature.place = wire::SignaturePlace::query;
        gate::Access access{.action = rarely("s3:GetObject", "s3:GetObjectVersion"),
                            .resource = rarely("arn:aws:s3:::b/k", "arn:aws:s3:::b/secret"),
                            .resource_account = rarely("111122223333", "999988887777")};
        if (random() % 10 == 0)
            access = {.action = "s3:ListBucket", .resource = "arn:aws:s3:::b", .resource_account = "111122223333"};
        if (random() % 10 == 0) access.resource = "arn:aws:s3:::b/old";
        if (random() % 3 == 0) access.context.set("s3:ExistingObjectTag/a", rarely("1", "vision"));
        if (random() % 20 == 0) access.context.set("s3:ExistingObjectTag/a", "2");
        if (random() % 10 == 0) access.context.set("aws:ResourceTag/team", rarely("vision", "speech"));
        if (random() % 10 == 0) access.context.set("aws:SourceVpc", rarely("vpc-1", "vpc-2"));
        if (random() % 10 == 0) access.context.set("aws:PrincipalTag/team", "forged");
        if (random() % 10 == 0) access.context.set("aws:SourceIp", "8.8.8.8");
        if (random() % 4 == 0) access.resource_policy = policy::AttachedPolicy{open, "bucket policy of b"};
        if (random() % 12 == 0) access.resource_policy = policy::AttachedPolicy{shut, "bucket policy of b"};
        const std::string region = rarely("us-east-1", "eu-west-1");
        const auto decide = [&](const identity::PreparedPtr& principal) {
            std::vector<gate::Access> accesses;
            accesses.push_back(access);
            return std::make_unique<gate::DecidedRequest>(
                gate::DecidedRequest::Inputs{
                    .principal = principal,
                    .facts = {.http = &request, .service = "s3", .region = region, .signature = &signature, .now = now},
                    .request_id = "79A2C0F73A4F41A8",
                    .operation = "GetObject",
                    .access_key_id = "ASIAEXAMPLE"},
                std::move(accesses));
        };
        const auto fresh = std::make_shared<const identity::PreparedPrincipal>(caller);
        const auto one = decide(known), alone = decide(fresh);
        const policy::Verdict &left = one->first().verdict, &whole = alone->first().verdict;
        INFO(access.action << " " << access.resource << " by " << request.peer_address);
        REQUIRE(left.outcome == whole.outcome);
        CHECK(left.layer == whole.layer);
        CHECK(left.missing == whole.missing);
        CHECK(one->first().is_allowed() != one->first().refused.has_value());
        if (!one->first().is_allowed()) continue;
        ++allowed;
        CHECK(is_same(line_of(one->text()), line_of(audit::text_of(one->whole()))));
        CHECK(is_same(line_of(alone->text()), line_of(audit::text_of(alone->whole()))));
    }
    CHECK(allowed > requests / 8);
    CHECK(allowed < requests * 7 / 8);
}
