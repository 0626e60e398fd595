// What people are told: why, what would help, and what policies grant.
#include <doctest/doctest.h>

#include "audit/log.hpp"
#include "model/stored.hpp"
#include "policy/granted_actions.hpp"
#include "services/trainwarden/explained.hpp"

namespace m = model::trainwarden;
using text::Json;

namespace {

audit::DecidedAccess capped_write() {
    audit::DecidedAccess access;
    auto& principal = access.request.principal;
    principal.kind = policy::PrincipalKind::role_session;
    principal.account = "111122223333";
    principal.arn = "arn:aws:sts::111122223333:assumed-role/R/s";
    principal.role_arn = "arn:aws:iam::111122223333:role/R";
    access.request.action = "s3:PutObject";
    access.request.resource = "arn:aws:s3:::b/k";
    access.decision.layer = policy::Layer::boundary;
    access.decision.missing = {policy::Layer::boundary};
    policy::StatementRef write{
        policy::Layer::identity, "arn:aws:iam::111122223333:policy/Writes", 1, {"Write", policy::Effect::allow, {7, 9}}};
    write.policy_version = "v3";
    access.decision.granted.push_back(write);
    return access;
}

policy::PolicySet policies_of(std::initializer_list<const char*> documents) {
    policy::PolicySet set;
    for (const char* document : documents)
        set.identity.push_back({policy::Policy::parse_stored(document, policy::PolicyKind::identity), "p"});
    return set;
}

}  // namespace

TEST_CASE("a decision is explained by both halves, with the statement's policy, version, Sid and line") {
    const m::DecidedAccess shown = services::trainwarden::explained(capped_write());
    CHECK(shown.decision == m::Decision::implicit_deny);
    CHECK(shown.reason ==
          "statement `Write` of arn:aws:iam::111122223333:policy/Writes (v3), line 7 allows s3:PutObject to "
          "arn:aws:iam::111122223333:role/R, but its permissions boundary does not allow it");
    REQUIRE(model::items(shown.allowed_by).size() == 1);
    const m::Statement& granted = shown.allowed_by->front();
    CHECK(granted.policy_version == "v3");
    CHECK(granted.sid == "Write");
    CHECK(granted.effect == m::Effect::allow);
    CHECK(granted.line == 7);
    CHECK(granted.description == "statement `Write` of arn:aws:iam::111122223333:policy/Writes (v3), line 7");
    CHECK(shown.missing_allow_in == std::vector<std::string>{"permissions boundary"});
    REQUIRE(model::items(shown.advice).size() == 1);
    CHECK(shown.advice->front().find(R"({"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::b/k"})") !=
          std::string::npos);
}

TEST_CASE("the record of a decision is explained in the same words as the decision itself") {
    auto denied = capped_write();
    denied.decision = {};
    denied.decision.outcome = policy::Outcome::explicit_deny;
    denied.decision.layer = policy::Layer::resource;
    denied.decision.because.push_back({policy::Layer::resource, "bucket policy of b", 2, {"", policy::Effect::deny, {7, 9}}});
    auto allowed = denied;
    allowed.decision.outcome = policy::Outcome::allow;
    allowed.decision.because.front().info.effect = policy::Effect::allow;
    auto by_service = capped_write();
    by_service.request.principal = {.kind = policy::PrincipalKind::service, .service = "sagemaker.amazonaws.com"};
    by_service.request.action = "sts:AssumeRole";
    by_service.request.resource = "arn:aws:iam::111122223333:role/R";
    by_service.decision.missing = {policy::Layer::resource};
    for (const auto& access : {capped_write(), denied, allowed, by_service}) {
        const Json record = Json::object(
            {{"Principal", audit::to_json(access.request.principal)}, {"Accesses", Json::array({audit::to_json(access)})}});
        const auto read = services::trainwarden::explained_record(record);
        CHECK_FALSE(read.note);
        REQUIRE(model::items(read.accesses).size() == 1);
        CHECK(model::write_document(read.accesses->front()) == model::write_document(services::trainwarden::explained(access)));
    }
    CHECK(services::trainwarden::explained(denied).advice->front() ==
          "remove statement 3 of bucket policy of b, line 7, or narrow it by Action, Resource or Condition");
    CHECK_FALSE(services::trainwarden::explained(allowed).advice);
    CHECK(services::trainwarden::explained(by_service).missing_allow_in->front() == "role trust policy");
}

TEST_CASE("answers have a member for everything that a decision shows") {
    auto access = capped_write();
    access.request.principal.unique_id = "AROAEXAMPLE:s";
    access.request.resource_account = "444455556666";
    access.request.context.set("aws:SourceIp", "10.0.0.1");
    access.request.context.set_list("aws:TagKeys", {"team", "cost"});
    access.decision.because.push_back({policy::Layer::resource, "bucket policy of b", 2, {"", policy::Effect::deny, {7, 9}}});
    access.decision.conditioned.push_back(
        {access.decision.because.front(), {"aws:SourceIp"}, R"({"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}})"});
    m::DecidedAccess read;
    CHECK(model::read_stored(audit::to_json(access), read).is_null());
    CHECK(model::write_document(read) == audit::to_json(access));
    CHECK(model::write_document(services::trainwarden::shown(access.request.principal)) ==
          audit::to_json(access.request.principal));
}

TEST_CASE("a record of another version is shown, and what the model has no place for stands in its note") {
    const auto read = services::trainwarden::read_record(*text::parse_json(
        R"({"RequestId":"ID1","Outcome":"postponed","Principal":{"Type":"User","Realm":"r"},"Note":"cut","Accesses":[{"Action":"s3:GetObject","Decision":"allowed"},{"Action":"s3:PutObject","Decision":"deferred"}]})"));
    CHECK(read.request_id == "ID1");
    CHECK_FALSE(read.outcome);
    CHECK(read.principal->type == m::PrincipalType::user);
    REQUIRE(model::items(read.accesses).size() == 2);
    CHECK(read.accesses->front().decision == m::Decision::allowed);
    CHECK(read.accesses->back().action == "s3:PutObject");
    CHECK(read.accesses->back().decision == m::Decision::unknown);
    CHECK(
        read.note ==
        R"(cut; another version of this program wrote more: {"Outcome":"postponed","Principal":{"Realm":"r"},"Accesses":[null,{"Decision":"deferred"}]})");
}

TEST_CASE("granted actions: every allow, less what is always denied everywhere") {
    const char* some =
        R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["s3:GetObject","S3:putobject"],"Resource":"*"}})";
    CHECK(policy::granted_actions(policies_of({some})) == std::set<std::string>{"s3:GetObject", "s3:PutObject"});
    const char* deny = R"({"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"s3:Put*","Resource":"*"}})";
    CHECK(policy::granted_actions(policies_of({some, deny})) == std::set<std::string>{"s3:GetObject"});
    const char* partly =
        R"({"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"s3:Put*","Resource":"arn:aws:s3:::b/*"}})";
    CHECK(policy::granted_actions(policies_of({some, partly})).size() == 2);
    const char* sometimes =
        R"({"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}})";
    CHECK(policy::granted_actions(policies_of({some, sometimes})).size() == 2);
    const char* complement = R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}})";
    const auto all_but_iam = policy::granted_actions(policies_of({complement}));
    CHECK(all_but_iam.contains("s3:GetObject"));
    CHECK_FALSE(all_but_iam.contains("iam:CreateUser"));
    CHECK(policy::granted_actions(policies_of({"not json"})).empty());
}
