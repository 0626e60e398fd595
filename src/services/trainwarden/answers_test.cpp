// What people are told: the remedy of a refusal, and what policies grant.
#include <doctest/doctest.h>

#include "audit/log.hpp"
#include "services/trainwarden/advice.hpp"
#include "services/trainwarden/granted.hpp"

using text::Json;

namespace {

Json principal_of(policy::PrincipalKind kind) {
    policy::Principal principal;
    principal.kind = kind;
    if (kind == policy::PrincipalKind::role_session) {
        principal.arn = "arn:aws:sts::111122223333:assumed-role/R/s";
        principal.role_arn = "arn:aws:iam::111122223333:role/R";
    } else if (kind == policy::PrincipalKind::user) {
        principal.arn = "arn:aws:iam::111122223333:user/ada";
    }
    return audit::to_json(principal);
}

Json access_of(policy::Outcome outcome, std::vector<policy::Layer> missing) {
    audit::DecidedAccess access;
    access.request.action = "s3:GetObject";
    access.request.resource = "arn:aws:s3:::b/k";
    access.decision.outcome = outcome;
    access.decision.missing = std::move(missing);
    if (outcome == policy::Outcome::explicit_deny)
        access.decision.because.push_back({policy::Layer::resource, "bucket policy of b", 2, {"", policy::Effect::deny, {7, 9}}});
    return audit::to_json(access);
}

policy::PolicySet policies_of(std::initializer_list<const char*> documents) {
    policy::PolicySet set;
    for (const char* document : documents)
        set.identity.push_back({policy::Policy::parse_stored(document, policy::PolicyKind::identity), "p"});
    return set;
}

}  // namespace

TEST_CASE("the remedy names the layer, whom to name in it, and the statement to paste") {
    using enum policy::PrincipalKind;
    using policy::Layer, policy::Outcome;
    const std::string statement = R"({"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/k"})";
    struct Row {
        Json principal;
        Outcome outcome;
        std::vector<Layer> missing;
        std::vector<std::string> words;
    };
    const Row rows[] = {
        {principal_of(user), Outcome::allow, {}, {}},
        {principal_of(user),
         Outcome::implicit_deny,
         {Layer::identity},
         {"policy of arn:aws:iam::111122223333:user/ada: " + statement}},
        {principal_of(role_session),
         Outcome::implicit_deny,
         {Layer::identity},
         {"policy of arn:aws:iam::111122223333:role/R: " + statement}},
        {principal_of(role_session),
         Outcome::implicit_deny,
         {Layer::boundary, Layer::session},
         {"permissions boundary of", "session policy"}},
        {principal_of(role_session),
         Outcome::implicit_deny,
         {Layer::resource},
         {R"("Principal":{"AWS":"arn:aws:iam::111122223333:role/R"})"}},
        {principal_of(anonymous), Outcome::implicit_deny, {Layer::resource}, {R"("Principal":{"AWS":"*"})"}},
        {principal_of(user), Outcome::explicit_deny, {}, {"statement 3 of bucket policy of b denies it"}},
    };
    for (const Row& row : rows) {
        const auto advice = services::trainwarden::advice_for(access_of(row.outcome, row.missing), row.principal);
        REQUIRE(advice.size() == row.words.size());
        for (size_t i = 0; i < advice.size(); ++i) {
            CAPTURE(advice[i]);
            CHECK(advice[i].find(row.words[i]) != std::string::npos);
        }
    }
}

TEST_CASE("granted actions: every allow, less what is always denied everywhere") {
    const char* some =
        R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["s3:GetObject","S3:putobject"],"Resource":"*"}})";
    CHECK(services::trainwarden::granted_actions(policies_of({some})) == std::set<std::string>{"s3:GetObject", "s3:PutObject"});
    const char* deny = R"({"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"s3:Put*","Resource":"*"}})";
    CHECK(services::trainwarden::granted_actions(policies_of({some, deny})) == std::set<std::string>{"s3:GetObject"});
    const char* partly =
        R"({"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"s3:Put*","Resource":"arn:aws:s3:::b/*"}})";
    CHECK(services::trainwarden::granted_actions(policies_of({some, partly})).size() == 2);
    const char* sometimes =
        R"({"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}})";
    CHECK(services::trainwarden::granted_actions(policies_of({some, sometimes})).size() == 2);
    const char* complement = R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}})";
    const auto all_but_iam = services::trainwarden::granted_actions(policies_of({complement}));
    CHECK(all_but_iam.contains("s3:GetObject"));
    CHECK_FALSE(all_but_iam.contains("iam:CreateUser"));
    CHECK(services::trainwarden::granted_actions(policies_of({"not json"})).empty());
}
