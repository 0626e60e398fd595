#include "identity/directory.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/outdated.hpp"
#include "identity/iam_for_tests.hpp"

using namespace identity;

TEST_CASE("bootstrap makes one account with root keys, once") {
    IamFixture fixture;
    CHECK(fixture.account.size() == 12);
    CHECK(fixture.account[0] != '0');
    CHECK(fixture.root.access_key_id.starts_with("AKIA"));
    CHECK(fixture.root.access_key_id.size() == 20);
    CHECK(fixture.root.secret_access_key.size() == 40);
    CHECK_FALSE(fixture.directory->bootstrap()->has_value());
    fixture.reopen();
    CHECK_FALSE(fixture.directory->bootstrap()->has_value());
    CHECK(fixture.directory->default_account() == fixture.account);
    CHECK(fixture.directory->root_credentials()->root.secret_access_key == fixture.root.secret_access_key);
    const auto who = fixture.directory->authenticate(fixture.root.access_key_id, "");
    REQUIRE(who.has_value());
    CHECK((*who)->secret_access_key == fixture.root.secret_access_key);
    CHECK((*who)->caller.principal.kind == policy::PrincipalKind::root);
    CHECK((*who)->caller.principal.arn == "arn:aws:iam::" + fixture.account + ":root");
    CHECK(fixture.decide(fixture.root, "s3:GetObject") == policy::Outcome::allow);
}

TEST_CASE("an access key holds its account as AWS's keys do") {
    IamFixture fixture;
    constexpr std::string_view base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    unsigned __int128 bits = 0;
    for (const char c : fixture.root.access_key_id.substr(4)) bits = bits << 5 | base32.find(c);
    const auto first_six = static_cast<uint64_t>(bits >> 32);
    CHECK(std::to_string((first_six & 0x7fffffffff80) >> 7) == fixture.account);
}

TEST_CASE("no secret is at rest in clear, and another master key opens nothing") {
    IamFixture fixture;
    const auto entries = fixture.keys->scan({"iam/", "", SIZE_MAX});
    REQUIRE(entries.has_value());
    REQUIRE(entries->size() == 2);
    for (const auto& entry : *entries) CHECK(entry.value.find(fixture.root.secret_access_key) == std::string::npos);
    const auto other = Directory::open({fixture.keys.get(), &fixture.clock, &fixture.random, std::string(32, 'x')});
    CHECK(code_of(other) == "InvalidMasterKey");
}

TEST_CASE("unknown, inactive and mismatched credentials are refused alike") {
    IamFixture fixture;
    const auto user = fixture.make_user("ann");
    const auto key = *fixture.iam().create_access_key(fixture.account, "ann");
    CHECK(fixture.directory->authenticate(key->id, "").has_value());
    CHECK(code_of(fixture.directory->authenticate("AKIAXXXXXXXXXXXXXXXX", "")) == "InvalidClientTokenId");
    CHECK(code_of(fixture.directory->authenticate("", "")) == "InvalidClientTokenId");
    CHECK(code_of(fixture.directory->authenticate(key->id, "bm9uc2Vuc2U=")) == "InvalidClientTokenId");
    REQUIRE(fixture.iam().update_access_key(fixture.account, "ann", key->id, false).has_value());
    CHECK(code_of(fixture.directory->authenticate(key->id, "")) == "InvalidClientTokenId");
    fixture.reopen();
    CHECK(code_of(fixture.directory->authenticate(key->id, "")) == "InvalidClientTokenId");
    REQUIRE(fixture.iam().update_access_key(fixture.account, "ann", key->id, true).has_value());
    CHECK(fixture.directory->authenticate(key->id, "").has_value());
    REQUIRE(fixture.iam().delete_access_key(fixture.account, "ann", key->id).has_value());
    CHECK(code_of(fixture.directory->authenticate(key->id, "")) == "InvalidClientTokenId");
}

TEST_CASE("a session is its role: ARN, ids, policies, tags, expiry") {
    IamFixture fixture;
    const auto role = fixture.make_role("trainer", trust_sagemaker, "/ml/");
    REQUIRE(fixture.iam().put_inline_policy(fixture.role("trainer"), "s3", allow_s3).has_value());
    REQUIRE(fixture.iam().tag(fixture.role("trainer"), {{"team", "vision"}, {"cost", "low"}}).has_value());
    AssumeRole request;
    request.role_arn = role->arn;
    request.session_name = "job-1";
    request.tags = {{"Cost", "high"}};
    const auto made = fixture.directory->assume_role(request);
    REQUIRE(made.has_value());
    CHECK(made->assumed_role_arn == "arn:aws:sts::" + fixture.account + ":assumed-role/trainer/job-1");
    CHECK(made->assumed_role_id == role->id + ":job-1");
    CHECK(made->credentials.access_key_id.starts_with("ASIA"));
    const auto& credentials = made->credentials;

    fixture.reopen();  // tokens need no memory of their making
    const auto who = fixture.directory->authenticate(credentials.access_key_id, credentials.session_token);
    REQUIRE(who.has_value());
    CHECK((*who)->secret_access_key == credentials.secret_access_key);
    CHECK((*who)->caller.principal.role_arn == role->arn);
    CHECK((*who)->caller.context.find("aws:PrincipalArn")->values == std::vector<std::string>{role->arn});
    CHECK((*who)->caller.context.find("aws:userid")->values == std::vector<std::string>{role->id + ":job-1"});
    CHECK((*who)->caller.context.find("aws:PrincipalTag/team")->values == std::vector<std::string>{"vision"});
    CHECK((*who)->caller.context.find("aws:PrincipalTag/cost")->values == std::vector<std::string>{"high"});  // R71
    CHECK((*who)->caller.tags.size() == 2);
    CHECK(fixture.decide(credentials, "s3:GetObject") == policy::Outcome::allow);
    CHECK(fixture.decide(credentials, "iam:CreateUser") == policy::Outcome::implicit_deny);

    fixture.clock.advance(std::chrono::seconds(3599));
    CHECK(fixture.directory->authenticate(credentials.access_key_id, credentials.session_token).has_value());
    fixture.clock.advance(std::chrono::seconds(1));
    CHECK(code_of(fixture.directory->authenticate(credentials.access_key_id, credentials.session_token)) == "ExpiredToken");
}

TEST_CASE("a tampered, swapped or missing token is refused") {
    IamFixture fixture;
    const auto role = fixture.make_role("trainer");
    const auto one = fixture.assume(role->arn).credentials, two = fixture.assume(role->arn).credentials;
    CHECK(fixture.directory->authenticate(one.access_key_id, one.session_token).has_value());
    CHECK(fixture.directory->authenticate(two.access_key_id, two.session_token).has_value());
    CHECK(code_of(fixture.directory->authenticate(one.access_key_id, two.session_token)) == "InvalidClientTokenId");
    CHECK(code_of(fixture.directory->authenticate(one.access_key_id, "")) == "InvalidClientTokenId");
    for (size_t at = 0; at < one.session_token.size(); at += 7) {
        std::string tampered = one.session_token;
        tampered[at] = tampered[at] == 'A' ? 'B' : 'A';
        CHECK(code_of(fixture.directory->authenticate(one.access_key_id, tampered)) == "InvalidClientTokenId");
    }
}

TEST_CASE("a session dies with its role, and does not come back with a namesake") {
    IamFixture fixture;
    const auto role = fixture.make_role("trainer");
    const auto credentials = fixture.assume(role->arn).credentials;
    CHECK(fixture.directory->authenticate(credentials.access_key_id, credentials.session_token).has_value());
    REQUIRE(fixture.iam().delete_role(fixture.account, "trainer").has_value());
    CHECK(code_of(fixture.directory->authenticate(credentials.access_key_id, credentials.session_token)) ==
          "InvalidClientTokenId");
    fixture.make_role("trainer");
    CHECK(code_of(fixture.directory->authenticate(credentials.access_key_id, credentials.session_token)) ==
          "InvalidClientTokenId");
}

TEST_CASE("session policies intersect; so do boundaries") {
    IamFixture fixture;
    const auto role = fixture.make_role("trainer");
    REQUIRE(fixture.iam().put_inline_policy(fixture.role("trainer"), "s3", allow_s3).has_value());
    AssumeRole request;
    request.role_arn = role->arn;
    request.session_name = "job";
    request.session_policy =
        R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["s3:GetObject","iam:*"],"Resource":"*"}})";
    const auto scoped = fixture.directory->assume_role(request);
    REQUIRE(scoped.has_value());
    CHECK(scoped->packed_policy_percent > 0);
    CHECK(fixture.decide(scoped->credentials, "s3:GetObject") == policy::Outcome::allow);
    CHECK(fixture.decide(scoped->credentials, "s3:PutObject") == policy::Outcome::implicit_deny);
    CHECK(fixture.decide(scoped->credentials, "iam:CreateUser") == policy::Outcome::implicit_deny);

    request.session_policy.clear();
    request.session_policy_arns = {"arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"};
    const auto read_only = fixture.directory->assume_role(request);
    REQUIRE(read_only.has_value());
    CHECK(fixture.decide(read_only->credentials, "s3:GetObject") == policy::Outcome::allow);
    CHECK(fixture.decide(read_only->credentials, "s3:PutObject") == policy::Outcome::implicit_deny);

    const auto whole = fixture.assume(role->arn).credentials;
    CHECK(fixture.decide(whole, "s3:PutObject") == policy::Outcome::allow);
    REQUIRE(fixture.iam().put_boundary(fixture.role("trainer"), "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess").has_value());
    CHECK(fixture.decide(whole, "s3:PutObject") == policy::Outcome::implicit_deny);
    CHECK(fixture.decide(whole, "s3:GetObject") == policy::Outcome::allow);
    REQUIRE(fixture.iam().delete_boundary(fixture.role("trainer")).has_value());
    CHECK(fixture.decide(whole, "s3:PutObject") == policy::Outcome::allow);
}

TEST_CASE("a session that lives by a lease is cut by it, changes with it, dies with it, and so do the sessions it makes") {
    IamFixture fixture;
    const auto role = fixture.make_role("trainer");
    REQUIRE(fixture.iam().put_inline_policy(fixture.role("trainer"), "s3", allow_s3).has_value());
    Leases& leases = fixture.directory->leases();
    auto lease = std::make_shared<Lease>();
    lease->session.push_back(
        {policy::Policy::parse_stored(
             R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/mine*"}})",
             policy::PolicyKind::session),
         "scope"});
    leases.set("lease-1", lease);
    AssumeRole request;
    request.role_arn = role->arn;
    request.session_name = "SageMaker";
    request.lease = "lease-1";
    const auto made = fixture.directory->assume_role(request);
    REQUIRE(made.has_value());
    const auto authenticate = [&](const Credentials& credentials) {
        return fixture.directory->authenticate(credentials.access_key_id, credentials.session_token);
    };
    const auto may = [&](const Caller& caller, const std::string& key) {
        policy::Request question;
        question.principal = caller.principal;
        question.action = "s3:GetObject";
        question.resource = "arn:aws:s3:::b/" + key;
        return policy::evaluate(question, policy::PolicySet{caller.policies, {}}).outcome == policy::Outcome::allow;
    };
    auto caller = authenticate(made->credentials);
    REQUIRE(caller.has_value());
    CHECK(may((*caller)->caller, "mine"));
    CHECK_FALSE(may((*caller)->caller, "other"));
    AssumeRole out;
    out.role_arn = role->arn;
    out.session_name = "out";
    out.session_policy = allow_s3;
    out.chained_from = &(*caller)->caller;
    CHECK(code_of(fixture.directory->assume_role(out)) == base::decision_outdated);

    // A lease that does not cut still ends.
    leases.set("lease-1", std::make_shared<Lease>());
    caller = authenticate(made->credentials);
    REQUIRE(caller.has_value());
    CHECK(may((*caller)->caller, "other"));

    AssumeRole again;
    again.role_arn = role->arn;
    again.session_name = "again";
    again.chained_from = &(*caller)->caller;
    const auto chained = fixture.directory->assume_role(again);
    REQUIRE(chained.has_value());
    CHECK(authenticate(chained->credentials).has_value());
    leases.close("lease-1");
    CHECK(code_of(authenticate(made->credentials)) == "ExpiredToken");
    CHECK(code_of(authenticate(chained->credentials)) == "ExpiredToken");

    // Leases are in memory: after a restart nobody holds one.
    leases.set("lease-2", std::make_shared<Lease>());
    request.lease = "lease-2";
    const auto later = fixture.directory->assume_role(request);
    REQUIRE(later.has_value());
    CHECK(authenticate(later->credentials).has_value());
    fixture.reopen();
    CHECK(code_of(authenticate(later->credentials)) == "ExpiredToken");
}

TEST_CASE("the sessions of one ARN that live are known from when they were made, or first used, until they end") {
    IamFixture fixture;
    const auto role = fixture.make_role("trainer", trust_sagemaker, "/jobs/");
    const auto make = [&](const std::string& name, std::string policy, std::vector<std::pair<std::string, std::string>> tags,
                          std::chrono::seconds duration = std::chrono::hours(1)) {
        AssumeRole request;
        request.role_arn = role->arn;
        request.session_name = name;
        request.session_policy = std::move(policy);
        request.tags = std::move(tags);
        request.duration = duration;
        auto made = fixture.directory->assume_role(request);
        REQUIRE(made.has_value());
        fixture.clock.advance(std::chrono::seconds(1));
        return *made;
    };
    const auto first = make("one", "", {{"team", "red"}}, std::chrono::minutes(15));
    const auto second = make("one", allow_s3, {});
    (void)make("two", "", {});
    const std::string& arn = first.assumed_role_arn;
    auto live = fixture.directory->live_sessions(arn);
    REQUIRE(live.size() == 2);  // newest first
    CHECK(live[0].access_key_id == second.credentials.access_key_id);
    CHECK(live[0].policies.session.has_value());
    CHECK(live[1].context.find("aws:PrincipalTag/team") != nullptr);
    CHECK_FALSE(live[1].policies.session.has_value());
    for (const char* none :
         {"assumed-role/trainer/three", "assumed-role/other/one", "assumed-role/trainer", "federated-user/one"})
        CHECK(fixture.directory->live_sessions("arn:aws:sts::" + fixture.account + ":" + none).empty());
    CHECK(fixture.directory->live_sessions("no ARN").empty());

    fixture.clock.advance(std::chrono::minutes(20));  // the first has ended
    CHECK(fixture.directory->live_sessions(arn).size() == 1);

    // Another server process knows a session once it is used.
    fixture.reopen();
    CHECK(fixture.directory->live_sessions(arn).empty());
    CHECK(fixture.directory->authenticate(second.credentials.access_key_id, second.credentials.session_token).has_value());
    CHECK(fixture.directory->live_sessions(arn).size() == 1);

    // One that lives by a lease ends with it; those of a role that was made anew are others.
    AssumeRole leased;
    leased.role_arn = role->arn;
    leased.session_name = "SageMaker";
    leased.lease = "lease-1";
    fixture.directory->leases().set("lease-1", std::make_shared<Lease>());
    const auto job = fixture.directory->assume_role(leased);
    REQUIRE(job.has_value());
    CHECK(fixture.directory->live_sessions(job->assumed_role_arn).size() == 1);
    fixture.directory->leases().close("lease-1");
    CHECK(fixture.directory->live_sessions(job->assumed_role_arn).empty());
    REQUIRE(fixture.iam().delete_role(fixture.account, "trainer").has_value());
    (void)fixture.make_role("trainer");
    CHECK(fixture.directory->live_sessions(arn).empty());
}

TEST_CASE("assume_role refuses what STS refuses") {
    IamFixture fixture;
    const auto role = fixture.make_role("trainer");
    AssumeRole good;
    good.role_arn = role->arn;
    good.session_name = "job";
    const auto with = [&](auto change) {
        AssumeRole request = good;
        change(request);
        return code_of(fixture.directory->assume_role(request));
    };
    CHECK(with([](auto&) {}) == "");
    CHECK(with([](auto& r) { r.duration = std::chrono::seconds(899); }) == "ValidationError");
    CHECK(with([](auto& r) { r.duration = std::chrono::seconds(3601); }) == "ValidationError");
    CHECK(with([](auto& r) { r.session_name = "a b"; }) == "ValidationError");
    CHECK(with([](auto& r) { r.session_name = "x"; }) == "ValidationError");
    CHECK(with([](auto& r) { r.session_policy = "{"; }) == "MalformedPolicyDocument");
    CHECK(with([](auto& r) { r.session_policy = std::string(2049, ' '); }) == "ValidationError");
    CHECK(with([](auto& r) { r.tags = {{"a", "1"}, {"A", "2"}}; }) == "InvalidParameterValue");
    CHECK(with([](auto& r) { r.tags = {{"aws:x", "1"}}; }) == "InvalidParameterValue");
    CHECK(with([](auto& r) { r.role_arn += "x"; }) == "NoSuchEntity");
    CHECK(with([](auto& r) { r.session_policy_arns = {"arn:aws:iam::aws:policy/NoSuch"}; }) == "InvalidParameterValue");
    CHECK(with([](auto& r) {
              for (int i = 0; i < 40; ++i) r.tags.emplace_back("key" + std::to_string(i), std::string(200, 'v'));
          }) == "PackedPolicyTooLarge");
    REQUIRE(fixture.iam().update_role(fixture.account, "trainer", std::nullopt, 7200).has_value());
    CHECK(with([](auto& r) { r.duration = std::chrono::seconds(7200); }) == "");
    const auto who = fixture.directory->authenticate(fixture.assume(role->arn).credentials.access_key_id, "");
    const auto chained_from = fixture.directory->role_caller(role->arn, "job");
    REQUIRE(chained_from.has_value());
    CHECK(with([&](auto& r) {
              r.duration = std::chrono::seconds(7200);
              r.chained_from = &*chained_from;
          }) == "ValidationError");
}

TEST_CASE("GetSessionToken: the user's own policies, no second generation") {
    IamFixture fixture;
    fixture.make_user("ann");
    REQUIRE(fixture.iam().put_inline_policy(fixture.user("ann"), "s3", allow_s3).has_value());
    const auto key = *fixture.iam().create_access_key(fixture.account, "ann");
    const auto ann = fixture.directory->authenticate(key->id, "");
    REQUIRE(ann.has_value());
    const auto session = fixture.directory->session_token((*ann)->caller, std::chrono::seconds(43200));
    REQUIRE(session.has_value());
    CHECK(fixture.decide(*session, "s3:GetObject") == policy::Outcome::allow);
    const auto who = fixture.directory->authenticate(session->access_key_id, session->session_token);
    REQUIRE(who.has_value());
    CHECK((*who)->caller.principal.arn == (*ann)->caller.principal.arn);
    CHECK((*who)->caller.token_issue_time.has_value());
    CHECK((*who)->caller.context.find("aws:MultiFactorAuthPresent")->values == std::vector<std::string>{"false"});
    CHECK((*ann)->caller.context.find("aws:MultiFactorAuthPresent") == nullptr);  // R72
    CHECK(code_of(fixture.directory->session_token((*ann)->caller, std::chrono::seconds(899))) == "ValidationError");
    const auto root = fixture.directory->authenticate(fixture.root.access_key_id, "");
    const auto root_session = fixture.directory->session_token((*root)->caller, std::chrono::seconds(43200));
    REQUIRE(root_session.has_value());
    CHECK(*root_session->expiration - fixture.clock.now() == std::chrono::hours(1));
    CHECK(fixture.decide(*root_session, "s3:GetObject") == policy::Outcome::allow);
}

TEST_CASE("trust names principals that exist, and is bound to who they are (R32)") {
    IamFixture fixture;
    const auto ann = fixture.make_user("ann");
    const std::string path = "arn:aws:iam::" + fixture.account;
    CreateRole request;
    request.account = fixture.account;
    request.name = "r";
    request.trust_document = fixture.trust_of(path + ":user/bob");
    CHECK(message_of(fixture.iam().create_role(request)) == "Invalid principal in policy: \"AWS\":\"" + path + ":user/bob\"");
    request.trust_document = fixture.trust_of(path + ":user/ann");
    REQUIRE(fixture.iam().create_role(request).has_value());

    const auto trusts = [&](const std::string& user) {
        const auto key = fixture.iam().create_access_key(fixture.account, user);
        const auto who = fixture.directory->authenticate((*key)->id, "");
        policy::Request question;
        question.principal = (*who)->caller.principal;
        question.action = "sts:AssumeRole";
        question.resource = path + ":role/r";
        question.resource_account = fixture.account;
        question.context = (*who)->caller.context;
        policy::PolicySet policies{(*who)->caller.policies, {}};
        policies.resource = *fixture.directory->trust_policy(path + ":role/r");
        const auto outcome = policy::evaluate(question, policies).outcome;
        REQUIRE(fixture.iam().delete_access_key(fixture.account, user, (*key)->id).has_value());
        return outcome;
    };
    CHECK(trusts("ann") == policy::Outcome::allow);

    // A renamed user keeps what it was trusted with.
    REQUIRE(fixture.iam().update_user(fixture.account, "ann", "anne", std::nullopt).has_value());
    CHECK((*fixture.iam().role(fixture.account, "r"))->trust->text().find(path + ":user/anne") != std::string::npos);
    CHECK(trusts("anne") == policy::Outcome::allow);
    fixture.make_user("ann");
    CHECK(trusts("ann") != policy::Outcome::allow);
    REQUIRE(fixture.iam().delete_user(fixture.account, "ann").has_value());

    REQUIRE(fixture.iam().delete_user(fixture.account, "anne").has_value());
    CHECK((*fixture.iam().role(fixture.account, "r"))->trust->text().find(ann->id) != std::string::npos);
    fixture.make_user("anne");
    CHECK(trusts("anne") != policy::Outcome::allow);
    fixture.reopen();
    CHECK(trusts("anne") != policy::Outcome::allow);
}

TEST_CASE("trust in one session is bound to its role") {
    IamFixture fixture;
    const auto role = fixture.make_role("worker");
    const std::string session = "arn:aws:sts::" + fixture.account + ":assumed-role/worker/one";
    CreateRole request;
    request.account = fixture.account;
    request.name = "r";
    request.trust_document = fixture.trust_of("arn:aws:sts::" + fixture.account + ":assumed-role/nobody/one");
    CHECK(code_of(fixture.iam().create_role(request)) == "MalformedPolicyDocument");
    request.trust_document = fixture.trust_of(session);
    REQUIRE(fixture.iam().create_role(request).has_value());
    REQUIRE(fixture.iam().delete_role(fixture.account, "worker").has_value());
    CHECK((*fixture.iam().role(fixture.account, "r"))->trust->text().find(role->id + ":one") != std::string::npos);
}

TEST_CASE("principals that a policy may name") {
    IamFixture fixture;
    const auto role = fixture.make_role("trainer", trust_sagemaker, "/ml/");
    const auto user = fixture.make_user("ann");
    const auto& directory = *fixture.directory;
    CHECK(directory.principal_exists(role->arn));
    CHECK(directory.principal_exists(user->arn));
    CHECK(directory.principal_exists("arn:aws:iam::" + fixture.account + ":root"));
    CHECK(directory.principal_exists("arn:aws:sts::" + fixture.account + ":assumed-role/trainer/any"));
    CHECK(directory.unique_id(role->arn) == role->id);
    for (const std::string& id : {user->id, role->id, role->id + ":session"}) CHECK(directory.unique_id(id) == id);
    for (const std::string& wrong :
         {"arn:aws:iam::" + fixture.account + ":role/trainer", "arn:aws:iam::" + fixture.account + ":user/Ann",
          std::string("arn:aws:iam::999999999999:root"), "arn:aws-cn:iam::" + fixture.account + ":user/ann",
          "arn:aws:sts::" + fixture.account + ":assumed-role/trainer/", "arn:aws:sts::" + fixture.account + ":federated-user/ann",
          std::string("AIDAEXAMPLEEXAMPLE"), std::string("AROAEXAMPLEEXAMPLE:s"), user->id + ":s", user->id + "X",
          std::string("ann"), std::string()}) {
        CHECK_MESSAGE(!directory.principal_exists(wrong), wrong);
    }
    CHECK(directory.all_callers().size() == 2);
    REQUIRE(
        fixture.iam().attach_policy(fixture.role("trainer"), "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess").has_value());
    const auto policies = directory.policies_of(role->arn);
    REQUIRE(policies.has_value());
    REQUIRE(policies->size() == 1);
    CHECK(policies->front().name == "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess");
}

TEST_CASE("a trust policy that names nobody is refused when it is written") {
    IamFixture fixture;
    const auto user = fixture.make_user("ann");
    fixture.make_role("r");
    const auto put = [&](const std::string& principal) {
        return fixture.iam().update_trust(fixture.account, "r",
                                          R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{)" + principal +
                                              R"(},"Action":"sts:AssumeRole"}]})");
    };
    const std::string cn = "arn:aws-cn:iam::" + fixture.account + ":root";
    for (const std::string& principal :
         {std::string(R"("AWS":"AIDAXXXXXXXXXXXXXXXXX")"), std::string(R"("AWS":"AROAXXXXXXXXXXXXXXXXX")"),
          R"("AWS":")" + cn + "\"", R"("AWS":"arn:aws:sts::)" + fixture.account + R"(:federated-user/ann")"}) {
        CHECK(code_of(put(principal)) == "MalformedPolicyDocument");
        CHECK(message_of(put(principal)) == "Invalid principal in policy: " + principal);
    }
    CHECK(message_of(put(R"("Service":"nosuch.amazonaws.com")")) ==
          "Invalid principal in policy: \"SERVICE\":\"nosuch.amazonaws.com\"");
    // A live id is taken, and means its user for good.
    REQUIRE(put(R"("AWS":")" + user->id + "\""));
    REQUIRE(fixture.iam().update_user(fixture.account, "ann", "eve", std::nullopt));
    CHECK((*fixture.iam().role(fixture.account, "r"))->trust->text().contains(user->id));
    REQUIRE(fixture.iam().delete_user(fixture.account, "eve"));
    CHECK(code_of(put(R"("AWS":")" + user->id + "\"")) == "MalformedPolicyDocument");
}

TEST_CASE("transitive tags and the source identity follow through role chaining, and stay what they were") {
    IamFixture fixture;
    const auto first = fixture.make_role("first"), second = fixture.make_role("second");
    AssumeRole request;
    request.role_arn = first->arn;
    request.session_name = "job";
    request.tags = {{"team", "vision"}, {"cost", "low"}};
    request.transitive_tag_keys = {"Team"};
    request.source_identity = "ann";
    const auto outer = fixture.directory->assume_role(request);
    REQUIRE_MESSAGE(outer.has_value(), outer.error().describe());
    const auto caller =
        (*fixture.directory->authenticate(outer->credentials.access_key_id, outer->credentials.session_token))->caller;
    CHECK(caller.context.find("aws:SourceIdentity")->values == std::vector<std::string>{"ann"});

    AssumeRole next;
    next.role_arn = second->arn;
    next.session_name = "job";
    next.chained_from = &caller;
    const auto inner = fixture.directory->assume_role(next);
    REQUIRE(inner.has_value());
    const auto chained =
        (*fixture.directory->authenticate(inner->credentials.access_key_id, inner->credentials.session_token))->caller;
    CHECK(chained.tags == Tags{{"team", "vision"}});
    CHECK(chained.source_identity == "ann");
    CHECK(chained.transitive_tag_keys.size() == 1);

    next.tags = {{"TEAM", "other"}};
    CHECK(code_of(fixture.directory->assume_role(next)) == "InvalidParameterValue");
    next.tags.clear();
    next.source_identity = "bob";
    const auto renamed = fixture.directory->assume_role(next);
    REQUIRE(renamed.has_value());
    const auto still = fixture.directory->authenticate(renamed->credentials.access_key_id, renamed->credentials.session_token);
    CHECK((*still)->caller.source_identity == "ann");
    request.transitive_tag_keys = {"absent"};
    CHECK(code_of(fixture.directory->assume_role(request)) == "InvalidParameterValue");
}

TEST_CASE("readers see whole pictures while a writer changes everything") {
    IamFixture fixture;
    const auto role = fixture.make_role("r");
    fixture.make_user("u");
    REQUIRE(fixture.iam().create_group(fixture.account, "g", "/").has_value());
    const auto key = *fixture.iam().create_access_key(fixture.account, "u");
    const auto session = fixture.assume(role->arn).credentials;
    std::atomic<bool> done = false;
    std::atomic<int> odd = 0, seen = 0;
    std::vector<std::jthread> readers;
    for (int i = 0; i < 3; ++i) {
        readers.emplace_back([&] {
            while (!done) {
                const auto as_role = fixture.directory->authenticate(session.access_key_id, session.session_token);
                if (!as_role || (*as_role)->caller.policies.identity.size() > 1) ++odd;
                const auto as_user = fixture.directory->authenticate(key->id, "");
                if (!as_user || (*as_user)->caller.principal.unique_id.empty()) ++odd;
                if (as_user) fixture.directory->record_use((*as_user)->caller, "s3", "us-east-1");
                if (fixture.directory->all_callers().size() != 2) ++odd;
                ++seen;
            }
        });
    }
    for (int i = 0; i < 100; ++i) {
        CHECK(fixture.iam().put_inline_policy(fixture.role("r"), "p", allow_s3).has_value());
        CHECK(fixture.iam().add_user_to_group(fixture.account, "g", "u").has_value());
        CHECK(fixture.iam().update_user(fixture.account, "u", i % 2 == 0 ? "U" : "u", std::nullopt).has_value());
        CHECK(fixture.iam().remove_user_from_group(fixture.account, "g", "u").has_value());
        CHECK(fixture.iam().delete_inline_policy(fixture.role("r"), "p").has_value());
        CHECK(fixture.directory->assume_role({.role_arn = role->arn, .session_name = "job"}).has_value());
    }
    while (seen < 3) std::this_thread::yield();
    done = true;
    readers.clear();
    CHECK(odd == 0);
}
