// The condition keys that a request itself carries.
#include "gate/globals.hpp"

#include <doctest/doctest.h>

#include "gate/decide.hpp"
#include "gate/request_keys.hpp"

namespace {

std::string value(const policy::Context& context, const char* key) {
    const auto* entry = context.find(key);
    return entry == nullptr ? "(absent)" : entry->values.front();
}

}  // namespace

TEST_CASE("mapped addresses are the plain ones") {
    CHECK(gate::plain_address("::ffff:10.0.0.1") == "10.0.0.1");
    CHECK(gate::plain_address("::1") == "::1");
    CHECK(gate::plain_address("10.0.0.1") == "10.0.0.1");
}

TEST_CASE("a hypothetical request has the keys that it would have") {
    const base::Time now{std::chrono::milliseconds(1'790'000'000'000)};
    identity::Caller user;
    user.principal.kind = policy::PrincipalKind::user;
    const auto plain = gate::supposed_context(user, {.region = "eu-west-1", .now = now, .said = {}});
    CHECK(value(plain, "aws:RequestedRegion") == "eu-west-1");
    CHECK(value(plain, "aws:EpochTime") == "1790000000");
    CHECK(value(plain, "aws:PrincipalIsAWSService") == "(absent)");  // it comes with the caller; one without credentials has none
    CHECK(value(plain, "aws:TokenIssueTime") == "(absent)");
    CHECK(value(plain, "aws:SourceIp") == "(absent)");

    // What is said stands over it, and the clocks go together.
    gate::HypotheticalRequest hypothetical{.region = "eu-west-1", .now = now, .said = {}};
    hypothetical.said.set("aws:currenttime", "2030-01-01T00:00:00Z");
    hypothetical.said.set("AWS:RequestedRegion", "us-east-1");
    CHECK(value(gate::supposed_context(user, hypothetical), "aws:EpochTime") == "1893456000");
    CHECK(value(gate::supposed_context(user, hypothetical), "aws:RequestedRegion") == "us-east-1");
    hypothetical.said = {};
    hypothetical.said.set("aws:EpochTime", "1893456000");
    CHECK(value(gate::supposed_context(user, hypothetical), "aws:CurrentTime") == "2030-01-01T00:00:00Z");
    hypothetical.said.replace("aws:EpochTime", "not a number");
    CHECK(value(gate::supposed_context(user, hypothetical), "aws:CurrentTime") == value(plain, "aws:CurrentTime"));
    hypothetical.said.set("aws:CurrentTime", "2031-01-01T00:00:00Z");  // both: as they are said
    CHECK(value(gate::supposed_context(user, hypothetical), "aws:EpochTime") == "not a number");

    identity::Caller role;
    role.principal.kind = policy::PrincipalKind::role_session;
    hypothetical.said = {};
    CHECK(value(gate::supposed_context(role, hypothetical), "aws:TokenIssueTime") == "2026-09-21T14:13:20Z");
    CHECK(value(gate::supposed_context(role, hypothetical), "aws:MultiFactorAuthPresent") == "false");
    hypothetical.said.set("aws:MultiFactorAuthPresent", "true");
    CHECK(value(gate::supposed_context(role, hypothetical), "aws:MultiFactorAuthPresent") == "true");
}

TEST_CASE("how a request came and was signed") {
    const base::Time now{std::chrono::milliseconds(1'790'000'000'000)};
    http::StringBody body("");
    http::Request request{.head = {.method = "GET", .path = "/b/k"}, .body = &body, .peer_address = "10.1.2.3"};
    request.head.headers.add("User-Agent", "curl");
    wire::Signature signature;
    signature.time = now - std::chrono::milliseconds(1500);
    const auto context = [&](const char* service, bool is_signed = true) {
        return gate::global_context({.http = &request,
                                     .service = service,
                                     .region = "us-east-1",
                                     .signature = is_signed ? &signature : nullptr,
                                     .now = now});
    };
    CHECK(value(context("s3"), "aws:SecureTransport") == "false");
    CHECK(value(context("s3"), "aws:UserAgent") == "curl");
    CHECK(value(context("s3"), "s3:authType") == "REST-HEADER");
    CHECK(value(context("s3"), "s3:signatureversion") == "AWS4-HMAC-SHA256");
    CHECK(value(context("s3"), "s3:signatureAge") == "1500");
    CHECK(value(context("s3"), "s3:x-amz-content-sha256") == "(absent)");
    CHECK(value(context("s3", false), "s3:authType") == "(absent)");
    CHECK(value(context("iam"), "s3:authType") == "(absent)");
    signature.place = wire::SignaturePlace::query;
    CHECK(value(context("s3"), "s3:authType") == "REST-QUERY-STRING");
    CHECK(value(context("s3"), "s3:x-amz-content-sha256") == "UNSIGNED-PAYLOAD");
    signature.version = wire::SignatureVersion::v2;
    CHECK(value(context("s3"), "s3:signatureversion") == "AWS");
    CHECK(value(context("s3"), "s3:signatureAge") == "(absent)");
}

TEST_CASE("each key of a request is worked out when it is asked for, and all of them for records") {
    const base::Time now{std::chrono::milliseconds(1'790'000'000'000)};
    http::StringBody body("");
    wire::Signature in_header{.access_key_id = "AKIA", .time = now};
    wire::Signature in_query = in_header, old = in_header;
    in_query.place = wire::SignaturePlace::query;
    old.version = wire::SignatureVersion::v2;
    old.place = wire::SignaturePlace::query;
    old.time = now + std::chrono::seconds(30);
    using Headers = std::vector<std::pair<std::string, std::string>>;
    const std::vector<Headers> all_headers = {{},
                                              {{"User-Agent", "a"}, {"Referer", "r"}, {"x-amz-content-sha256", "abc"}},
                                              {{"user-agent", "a"}, {"User-Agent", "a"}},
                                              {{"Upper-Mast", "m"}, {"user-agenT", "a"}},
                                              {{"user-agelt", "m"},
                                               {"uper-agent", "m"},
                                               {"user\ragent", "m"},
                                               {"Referes", "m"},
                                               {"User-Agent", "a"},
                                               {"x-amz-content-sha257", "m"},
                                               {"x-amz-security-token", "m"},
                                               {"", "m"}},
                                              {{"User-Agent", "a"}, {"USER-AGENT", "b"}, {"referer", ""}}};
    size_t compared = 0;
    for (const Headers& headers : all_headers)
        for (const wire::Signature* signature :
             {static_cast<const wire::Signature*>(nullptr), static_cast<const wire::Signature*>(&in_header),
              static_cast<const wire::Signature*>(&in_query), static_cast<const wire::Signature*>(&old)})
            for (const std::string service : {"s3", "iam"})
                for (const std::string peer : {"", "::ffff:10.1.2.3"}) {
                    http::Request request{.head = {.method = "GET", .path = "/b/k"}, .body = &body, .peer_address = peer};
                    for (const auto& [name, value] : headers) request.head.headers.add(name, value);
                    const gate::RequestFacts facts{
                        .http = &request, .service = service, .region = "eu-west-1", .signature = signature, .now = now};
                    CAPTURE(service);
                    gate::RequestKeys keys(facts);
                    keys.about("eu-west-1", "111122223333");
                    const policy::ContextView view(nullptr, &keys, {});
                    const policy::Context expected = view.merged();
                    CHECK(value(expected, "aws:CurrentTime") == "2026-09-21T14:13:20Z");
                    CHECK(value(expected, "aws:EpochTime") == "1790000000");
                    CHECK(value(expected, "aws:RequestedRegion") == "eu-west-1");
                    CHECK(value(expected, "aws:ResourceAccount") == "111122223333");
                    CHECK(value(expected, "aws:SourceIp") == (peer.empty() ? "(absent)" : "10.1.2.3"));
                    CHECK(value(expected, "aws:UserAgent") == (headers.empty() ? "(absent)" : "a"));
                    CHECK(value(expected, "aws:ViaAWSService") == "false");
                    CHECK(value(expected, "s3:signatureAge") ==
                          (service != "s3" || signature == nullptr || signature == &old ? "(absent)" : "0"));
                    const bool says_two = headers.size() == 3 && headers[1].second == "b";
                    CHECK(view.has_ambiguous() == says_two);
                    CHECK(expected.has_ambiguous() == says_two);
                    const bool is_s3 = service == "s3";
                    const size_t always = 6, of_headers = (headers.empty() ? 0 : 1) + (headers.size() == 3 ? 1 : 0);
                    size_t of_service = 0;
                    if (is_s3 && signature != nullptr) of_service = signature == &old ? 2 : 3;
                    const bool has_hash = headers.size() == 3 && !says_two;
                    if (is_s3 && (has_hash || (signature != nullptr && signature->place == wire::SignaturePlace::query)))
                        ++of_service;
                    CHECK(expected.entries().size() == always + (peer.empty() ? 0 : 1) + of_headers + of_service);
                    for (const auto& entry : expected.entries()) {
                        const auto* found = view.find(entry.key);
                        REQUIRE_MESSAGE(found != nullptr, entry.key);
                        CHECK(found->values == entry.values);
                        CHECK(found->ambiguous == entry.ambiguous);
                        ++compared;
                    }
                    // The next access is about another region, and nobody's.
                    keys.about("us-east-1", "");
                    CHECK(view.find("aws:RequestedRegion")->values.front() == "us-east-1");
                    CHECK(view.find("aws:ResourceAccount") == nullptr);
                    CHECK(view.find("aws:NoSuchKey") == nullptr);
                }
    CHECK(compared > 400);
}

TEST_CASE("by which way in a request came, and which certificate its client showed: never what it says itself") {
    const base::Time now{std::chrono::milliseconds(1'790'000'000'000)};
    http::StringBody body("");
    http::Request request{.head = {.method = "GET", .path = "/b/k"}, .body = &body, .peer_address = "10.1.2.3"};
    request.head.headers.add("aws-SourceVpce", "vpce-0a1b2c3d");
    request.head.headers.add("aws:SourceVpce", "vpce-0a1b2c3d");
    request.head.headers.add("trainwarden:ClientCertificateSubject", "CN=root");
    const auto context = [&] {
        return gate::global_context({.http = &request, .service = "s3", .region = "us-east-1", .signature = nullptr, .now = now});
    };
    const auto plain = context();
    for (const char* key :
         {"aws:SourceVpce", "aws:VpcSourceIp", "trainwarden:ClientCertificateSubject", "trainwarden:ClientCertificateSha256"})
        CHECK(value(plain, key) == "(absent)");
    request.vpc_endpoint = "vpce-0a1b2c3d";
    CHECK(value(context(), "aws:SourceVpce") == "vpce-0a1b2c3d");
    CHECK(value(context(), "aws:VpcSourceIp") == "10.1.2.3");
    CHECK(value(context(), "trainwarden:ClientCertificateSha256") == "(absent)");
    request.certificate_subject = "CN=ada";
    request.certificate_sha256 = "ab12";
    CHECK(value(context(), "trainwarden:ClientCertificateSubject") == "CN=ada");
    CHECK(value(context(), "trainwarden:ClientCertificateSha256") == "ab12");

    // As the engine asks for them, one at a time.
    const gate::RequestFacts facts{.http = &request, .service = "s3", .region = "us-east-1", .signature = nullptr, .now = now};
    const gate::RequestKeys keys(facts);
    CHECK((keys.present() & context().present()) == context().present());
}
