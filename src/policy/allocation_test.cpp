// Deciding allocates nothing, whatever the policies hold. This program's operator new counts: not in a build for a sanitizer,
// which has its own.
#if !__has_feature(thread_sanitizer) && !__has_feature(address_sanitizer)
#include <doctest/doctest.h>

#include <cstdlib>
#include <new>

#include "policy/evaluate.hpp"

namespace {
size_t allocations = 0;
}

void* operator new(size_t size) {
    ++allocations;
    if (void* memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

using namespace policy;

TEST_CASE("deciding allocates nothing") {
    Request request{.action = "s3:GetObject", .resource = "arn:aws:s3:::bucket/home/alice/a-rather-long-name-of-an-object.tar"};
    request.resource_account = "111122223333";
    request.principal = {.kind = PrincipalKind::role_session,
                         .account = "111122223333",
                         .arn = "arn:aws:sts::111122223333:assumed-role/trainer/SageMaker",
                         .unique_id = "AROAEXAMPLE:SageMaker",
                         .role_arn = "arn:aws:iam::111122223333:role/trainer",
                         .role_id = "AROAEXAMPLE"};
    request.context.set("aws:SourceIp", "2001:db8:1234:5678:9abc:def0:1234:5678");
    request.context.set("aws:CurrentTime", "2026-01-31T12:00:00.123Z");
    request.context.set("aws:PrincipalArn", "arn:aws:iam::111122223333:role/trainer");
    request.context.set("aws:SecureTransport", "TRUE");
    request.context.set("aws:blob", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=");
    request.context.set("s3:max-keys", "1234567890123456789012345678901234567890.5");
    request.context.set("aws:PrincipalTag/name", "alice");
    request.context.set_list("aws:TagKeys", {"a-key-longer-than-a-small-string", "another-key-longer-than-that"});
    // One statement a condition, so that every one is asked; enough of them for an index, and once more without.
    const std::initializer_list<const char*> conditions = {
        R"({"IpAddress":{"aws:SourceIp":["10.0.0.0/8","2001:db8::/32"]}})",
        R"({"DateLessThan":{"aws:CurrentTime":"2027-01-01T00:00:00Z"}})",
        R"({"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/tr?iner"}})",
        R"({"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/${aws:PrincipalTag/none, 'trainer'}"}})",
        R"({"Bool":{"aws:SecureTransport":"true"}})",
        R"({"BinaryEquals":{"aws:blob":"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="}})",
        R"({"NumericGreaterThan":{"s3:max-keys":"1234567890123456789012345678901234567890.25"}})",
        R"({"StringEqualsIgnoreCase":{"aws:PrincipalTag/name":"ALICE"}})",
        R"({"StringLike":{"aws:PrincipalTag/name":"${aws:PrincipalTag/name}*"}})",
        R"({"ForAllValues:StringLike":{"aws:TagKeys":["a*-key-longer*"]}})",
        R"({"Null":{"aws:MultiFactorAuthAge":"true"}})",
    };
    for (const auto kind : {PolicyKind::identity, PolicyKind::resource}) {
        std::string statements;
        size_t asked = 0;
        for (const auto* condition : conditions) {
            const auto with_comma = statements.empty() ? "" : ",";
            const auto principal = kind == PolicyKind::resource
                                       ? R"("Principal":{"AWS":["arn:aws:iam::111122223333:role/trainer","444455556666"]},)"
                                       : "";
            const auto resource = std::string(
                R"("Resource":["arn:aws:s3:::bucket/home/${aws:PrincipalTag/name}/*.tar","arn:aws:s3:eu-*-1:*:accesspoint/*"],)");
            const auto statement = std::string(R"({"Effect":"Allow","Action":["s3:Get*","s3:PutObject"],)") + principal +
                                   resource + "\"Condition\":" + condition + "}";
            statements += with_comma + statement;
            for (const auto& document : {statement, statements}) {
                const auto parsed = Policy::parse(R"({"Version":"2012-10-17","Statement":[)" + document + "]}", kind);
                REQUIRE(parsed.has_value());
                PolicySet policies;
                if (kind == PolicyKind::identity)
                    policies.identity.push_back({*parsed, "p"});
                else
                    policies.resource = {*parsed, "p"};
                policies.boundary = policies.session.emplace().emplace_back(
                    *Policy::parse(R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}})", PolicyKind::identity), "b");
                const Question question(request);
                const auto before = allocations;
                const auto ruling = decide(question, policies);
                const auto after = allocations;
                CHECK(after == before);
                CHECK_MESSAGE(ruling.outcome == Outcome::allow, document);
                ++asked;
            }
        }
        CHECK(asked == 2 * conditions.size());
    }
}
#endif
