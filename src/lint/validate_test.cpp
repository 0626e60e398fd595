// Sizes, limits and positions, and bytes that are no policy at all.
#include "lint/validate.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "lint/checks.hpp"
#include "lint/collector.hpp"
#include "lint/document.hpp"

using lint::check;
using lint::PolicyType;
using lint::Position;

namespace {

bool has(const lint::Report& report, std::string_view code) {
    return std::ranges::any_of(report.findings, [&](const lint::Finding& one) { return one.code == code; });
}

std::string policy_of(size_t characters, const std::string& extra = "") {
    return R"({"Version":"2012-10-17","Id":")" + std::string(characters, 'x') + R"(","Statement":[{"Effect":"Deny",)" + extra +
           R"("Action":"s3:GetObject","Resource":"*"}]})";
}

}  // namespace

TEST_CASE("positions count characters; LF, CR and CRLF end lines") {
    lint::Positions positions("a\xC3\xA9\n\r\nb\rc");
    CHECK(positions.of(0) == Position{1, 0, 0});
    CHECK(positions.of(3) == Position{1, 2, 2});
    CHECK(positions.of(4) == Position{2, 0, 3});
    CHECK(positions.of(6) == Position{3, 0, 5});
    CHECK(positions.of(7) == Position{3, 1, 6});
    CHECK(positions.of(8) == Position{4, 0, 7});
    CHECK(positions.of(100) == Position{4, 1, 8});
}

TEST_CASE("quotas of each type are findings of its own") {
    const std::string principal = R"("Principal":"*",)";
    const auto asked = [&](size_t size, PolicyType type, const char* resource_type = "") {
        const bool named = type == PolicyType::resource || type == PolicyType::resource_control;
        return check(policy_of(size, named ? principal : ""), {.type = type, .resource_type = resource_type});
    };
    CHECK(has(asked(10'240, PolicyType::identity), "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA"));
    CHECK_FALSE(has(asked(10'000, PolicyType::identity), "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA"));
    CHECK(has(asked(20'480, PolicyType::resource), "POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA"));
    CHECK_FALSE(has(asked(20'000, PolicyType::resource), "POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA"));
    CHECK(has(asked(2'048, PolicyType::resource, "AWS::IAM::AssumeRolePolicyDocument"),
              "POLICY_SIZE_EXCEEDS_ROLE_TRUST_POLICY_QUOTA"));
    CHECK(has(asked(5'120, PolicyType::service_control), "POLICY_SIZE_EXCEEDS_SCP_QUOTA"));
    CHECK(has(asked(5'120, PolicyType::resource_control), "POLICY_SIZE_EXCEEDS_RCP_QUOTA"));
    // White space counts where Organizations counts it, and not in IAM.
    const std::string spaces(6'000, ' ');
    CHECK(has(check(policy_of(1) + spaces, {.type = PolicyType::service_control}), "POLICY_SIZE_EXCEEDS_SCP_QUOTA"));
    CHECK_FALSE(has(check(policy_of(1) + spaces + spaces, {}), "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA"));
}

TEST_CASE("limits are told, and what they cut off is not called right") {
    const lint::Limits limits;
    const auto large = check(policy_of(limits.document_bytes_max), {});
    CHECK(has(large, "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA"));
    REQUIRE(large.unknown.size() == 1);
    CHECK(large.unknown[0].contains("document_bytes_max"));

    const auto unproved = check(policy_of(1), {.limits = {.proved_bytes_max = 50}});
    REQUIRE(unproved.unknown.size() == 1);
    CHECK(unproved.unknown[0].contains("proved_bytes_max"));

    std::string many = R"({"Version":"2012-10-17","Statement":[)";
    for (int i = 0; i < 20; ++i) many += std::string(i ? "," : "") + R"({"Effect":"x","Action":"s3:GetObject","Resource":"*"})";
    const auto cut = check(many + "]}", {.limits = {.findings_max = 7}});
    CHECK(cut.findings.size() == 7);
    REQUIRE(cut.unknown.size() == 1);
    CHECK(cut.unknown[0].contains("findings_max"));

    std::string actions = R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*","Action":[)";
    for (int i = 0; i < 100; ++i) actions += (i ? ",\"s3:Get" : "\"s3:Get") + std::string(static_cast<size_t>(i), '?') + "Foo*\"";
    const auto open = check(actions + "]}]}", {.limits = {.comparisons_max = 100}});
    REQUIRE(open.unknown.size() == 1);
    CHECK(open.unknown[0].contains("comparisons_max"));
}

TEST_CASE("documents that are no JSON: where reading ends") {
    const auto wrong_at = [](std::string_view text) {
        const auto read = lint::read_document(text);
        return read ? std::string::npos : read.error().at;
    };
    for (const char* right :
         {"{}", " [1,-0.5e+3,true,false,null,\"\\u00e9\\ud83d\\ude00\\n\"] ", "\"\xC3\xA9\"", "0", "{\"a\":1,\"a\":2}"})
        CHECK_MESSAGE(wrong_at(right) == std::string::npos, right);
    CHECK(wrong_at("") == 0);
    CHECK(wrong_at("{\"a\" 1}") == 5);
    CHECK(wrong_at("{\"a\":1,}") == 7);
    CHECK(wrong_at("[1 2]") == 3);
    CHECK(wrong_at("{} x") == 3);
    CHECK(wrong_at("01") == 1);
    CHECK(wrong_at("-") == 1);
    CHECK(wrong_at("1.") == 2);
    CHECK(wrong_at("\"\\x\"") == 2);
    CHECK(wrong_at("\"\\ud800\"") == 7);
    CHECK(wrong_at("\"\\udc00\"") == 7);
    CHECK(wrong_at("\"a\nb\"") == 2);
    CHECK(wrong_at("\"\xC3\"") == 1);
    CHECK(wrong_at("\"\xED\xA0\x80\"") == 1);
    CHECK(wrong_at("\"abc") == 4);
    CHECK(wrong_at("// x") == 0);
    CHECK(wrong_at(std::string(200, '[')) == 128);
    CHECK(lint::read_document(std::string(100, '[') + std::string(100, ']')).has_value());
}

TEST_CASE("links lead to AWS's section about the check; ours to this project's page") {
    CHECK(learn_more(lint::check_of("MISSING_VERSION")) ==
          "https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html"
          "#access-analyzer-reference-policy-checks-general-warning-missing-version");
    CHECK(learn_more(lint::check_of("PASS_ROLE_WITH_STAR_IN_RESOURCE"))
              .ends_with("-checks-security-warning-pass-role-with-star-in-resource"));
    CHECK(learn_more(lint::check_of("JSON_SYNTAX_ERROR")).ends_with("-checks-error-json-syntax-error"));
    CHECK(learn_more(lint::check_of("EMPTY_SID_VALUE")).ends_with("-checks-suggestion-empty-sid-value"));
}

TEST_CASE("what proofs cost is limited, by what they may do and by how much is asked") {
    const std::string document =
        R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::data/*"},)"
        R"({"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::*a*b*c*"},{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::*b*c*d*"}]})";
    const auto unknown = [&](const lint::Limits& limits) {
        lint::Report report = lint::check(document, {.resource_type = {}, .limits = limits});
        std::erase_if(report.findings, [](const lint::Finding& one) { return !one.code.starts_with("TRAINWARDEN_"); });
        return std::pair(report.findings.size(), report.unknown.empty() ? "" : report.unknown.front());
    };
    CHECK(unknown({}) == std::pair(size_t{1}, std::string()));
    CHECK(unknown({.asked_bytes_max = 10}).second.contains("asked_bytes_max"));
    CHECK(unknown({.questions_max = 0}).second.contains("questions_max"));
    CHECK(unknown({.unknown_max = 0}).second.contains("unknown_max"));
    CHECK(unknown({.work_max = 0}).second.contains("the work of all questions"));
}
