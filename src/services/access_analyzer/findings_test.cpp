#include <doctest/doctest.h>

#include <chrono>
#include <set>

#include "base/strings.hpp"
#include "services/access_analyzer/external.hpp"
#include "services/access_analyzer/internal.hpp"
#include "services/access_analyzer/lifecycle.hpp"
#include "services/access_analyzer/pages.hpp"
#include "services/access_analyzer/unused.hpp"

using namespace std::chrono_literals;
namespace m = model::accessanalyzer;
namespace aa = services::access_analyzer;

namespace {

constexpr const char* own = "111122223333";

policy::PolicyPtr resource(const std::string& statements) {
    return policy::Policy::parse(R"({"Version":"2012-10-17","Statement":[)" + statements + "]}", policy::PolicyKind::resource)
        .value();
}
policy::PolicyPtr identity(const std::string& statements) {
    return policy::Policy::parse(R"({"Version":"2012-10-17","Statement":[)" + statements + "]}", policy::PolicyKind::identity)
        .value();
}
policy::PolicyPtr trust(const std::string& principal, const std::string& more = "") {
    return policy::Policy::parse(R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":)" + principal +
                                     R"(,"Action":"sts:AssumeRole")" + more + "}]}",
                                 policy::PolicyKind::trust)
        .value();
}

std::string to(const std::string& principal, const std::string& action = "s3:GetObject", const std::string& more = "") {
    return R"({"Effect":"Allow","Principal":)" + principal + R"(,"Action":")" + action + R"(","Resource":"arn:aws:s3:::data/*")" +
           more + "}";
}

proof::AccountPolicies with_bucket(const std::string& statements) {
    proof::AccountPolicies out;
    out.id = own;
    out.buckets.emplace("data", proof::Bucket{.name = "data", .policy = statements.empty() ? nullptr : resource(statements)});
    return out;
}
proof::AccountPolicies with_role(policy::PolicyPtr trusted) {
    proof::AccountPolicies out;
    out.id = own;
    proof::Role role;
    role.name = "r";
    role.arn = "arn:aws:iam::111122223333:role/r";
    role.id = "AROAEXAMPLE";
    role.trust = std::move(trusted);
    out.roles.emplace("r", std::move(role));
    return out;
}

// Each finding: its principal, `public`, its conditions, its actions.
std::set<std::string> external(const proof::AccountPolicies& account) {
    std::set<std::string> out;
    const aa::Computed found = aa::external_access(account, "us-east-1");
    CHECK(found.open.empty());
    for (const aa::ComputedFinding& one : found.findings) {
        const m::ExternalAccessDetails& details = *one.details.at(0).external_access_details;
        std::string text = details.principal->at(0).first + " " + details.principal->at(0).second;
        if (details.is_public.value_or(false)) text += " public";
        for (const auto& [key, value] : details.condition) text += " " + key + "=" + value;
        out.insert(text + ": " + base::join(*details.action, ","));
    }
    return out;
}

using Texts = std::set<std::string>;

}  // namespace

TEST_CASE("who else a bucket's policy lets in") {
    CHECK(external(with_bucket("")).empty());
    CHECK(external(with_bucket(to(R"({"AWS":"111122223333"})"))).empty());
    CHECK(external(with_bucket(to(R"({"AWS":"444455556666"})"))) == Texts{"AWS 444455556666: s3:GetObject"});
    CHECK(external(with_bucket(to(R"({"AWS":"arn:aws:iam::444455556666:role/reader"})"))) ==
          Texts{"AWS arn:aws:iam::444455556666:role/reader: s3:GetObject"});
    CHECK(external(with_bucket(to(R"("*")"))) == Texts{"AWS * public: s3:GetObject"});
    CHECK(external(with_bucket(to(R"("*")") +
                               R"(,{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::data/*"})"))
              .empty());
    CHECK(external(with_bucket(to(R"("*")", "s3:GetObject", R"(,"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}})"))) ==
          Texts{"AWS * aws:PrincipalOrgID=o-1: s3:GetObject"});
    CHECK(
        external(with_bucket(to(R"("*")", "s3:GetObject", R"(,"Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}})"))) ==
        Texts{"AWS * public aws:SourceIp=203.0.113.0/24: s3:GetObject"});
    // An account that conditions alone name.
    const auto named = external(
        with_bucket(to(R"("*")", "s3:GetObject", R"(,"Condition":{"StringEquals":{"aws:PrincipalAccount":"444455556666"}})")));
    CHECK(named == Texts{"AWS 444455556666 aws:PrincipalAccount=444455556666: s3:GetObject"});
    CHECK(external(with_bucket(
                       to(R"("*")", "s3:GetObject", R"(,"Condition":{"StringEquals":{"aws:PrincipalAccount":"111122223333"}})")))
              .empty());
}

TEST_CASE("what is not looked into to its end says so") {
    const auto found = aa::external_access(
        with_bucket(to(R"("*")", "s3:GetObject", R"(,"Condition":{"StringLike":{"aws:PrincipalAccount":"4444*"}})")),
        "us-east-1");
    CHECK(found.open == Texts{"arn:aws:s3:::data"});
    REQUIRE(found.findings.size() == 1);
    CHECK(found.findings[0].error == "INTERNAL_ERROR");
}

TEST_CASE("what Block Public Access keeps out is no finding") {
    auto account = with_bucket(to(R"("*")"));
    account.buckets.at("data").restrict_public = true;
    CHECK(external(account).empty());
}

TEST_CASE("services act for this account or for others") {
    const std::string logs = R"({"Service":"logging.s3.amazonaws.com"})";
    CHECK(external(with_bucket(to(logs, "s3:PutObject"))) == Texts{"Service logging.s3.amazonaws.com: s3:PutObject"});
    CHECK(external(with_bucket(to(logs, "s3:PutObject", R"(,"Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"}})")))
              .empty());
    CHECK(external(with_bucket(to(logs, "s3:PutObject", R"(,"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::mine"}})")))
              .empty());
    CHECK(external(with_bucket(to(R"("*")", "s3:PutObject",
                                  R"(,"Condition":{"StringEquals":{"aws:PrincipalServiceName":"logs.amazonaws.com"}})"))) ==
          Texts{"Service * aws:PrincipalServiceName=logs.amazonaws.com: s3:PutObject"});
    CHECK(external(with_role(trust(R"({"Service":"sagemaker.amazonaws.com"})"))).empty());
}

TEST_CASE("who else may assume a role") {
    CHECK(external(with_role(trust(R"({"AWS":"111122223333"})"))).empty());
    CHECK(external(with_role(trust(R"({"AWS":"444455556666"})"))) == Texts{"AWS 444455556666: sts:AssumeRole"});
    CHECK(external(with_role(trust(R"({"AWS":"444455556666"})", R"(,"Condition":{"StringEquals":{"sts:ExternalId":"x"}})"))) ==
          Texts{"AWS 444455556666 sts:ExternalId=x: sts:AssumeRole"});
    const auto federated = policy::Policy::parse(
        R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"accounts.google.com"},"Action":"sts:AssumeRoleWithWebIdentity"}]})",
        policy::PolicyKind::trust);
    CHECK(external(with_role(*federated)) == Texts{"Federated accounts.google.com: sts:AssumeRoleWithWebIdentity"});
}

namespace {

const base::Time start = base::Time(std::chrono::days(20'000));

aa::FindingRecord only(const std::vector<aa::FindingRecord>& findings) {
    REQUIRE(findings.size() == 1);
    return findings.front();
}

aa::FindingChanges look(const std::vector<aa::FindingRecord>& before, const proof::AccountPolicies& account, base::Time now,
                        std::vector<aa::Filter> rules = {}) {
    return aa::changes_of(before, aa::external_access(account, "us-east-1"),
                          {.analyzer = "analyzer", .account = own, .now = now, .rules = std::move(rules)});
}

aa::Filter filter(const std::string& key, const std::string& value) {
    return {{key, m::Criterion{.eq = std::vector<std::string>{value}}}};
}

}  // namespace

TEST_CASE("a finding's life") {
    const auto open = with_bucket(to(R"({"AWS":"444455556666"})")), closed = with_bucket("");
    const auto made = only(look({}, open, start).put);
    CHECK(made.status == m::FindingStatus::active);
    CHECK(made.created_at == start);
    CHECK(look({made}, open, start + 1h).put.empty());  // nothing has changed
    auto archived = made;
    archived.status = m::FindingStatus::archived;
    CHECK(look({archived}, open, start + 1h).put.empty());
    const auto resolved = only(look({archived}, closed, start + 2h).put);
    CHECK(resolved.status == m::FindingStatus::resolved);
    CHECK(resolved.updated_at == start + 2h);
    CHECK(look({resolved}, closed, start + 3h).put.empty());
    const auto again = only(look({resolved}, open, start + 4h).put);
    CHECK(again.id == made.id);
    CHECK(again.created_at == start);
    CHECK(again.status == m::FindingStatus::active);
    // What it may do has changed: the same finding.
    const auto wider = only(look({made}, with_bucket(to(R"({"AWS":"444455556666"})", "s3:Get*")), start + 5h).put);
    CHECK(wider.id == made.id);
    CHECK(wider.updated_at == start + 5h);
    CHECK(look({resolved}, closed, start + 2h + aa::resolved_kept_for).erase.empty());
    CHECK(look({resolved}, closed, start + 3h + aa::resolved_kept_for).erase == std::vector<std::string>{made.id});
}

TEST_CASE("archive rules archive what is new") {
    const auto open = with_bucket(to(R"({"AWS":"444455556666"})") + "," + to(R"({"AWS":"777788889999"})"));
    const auto found = look({}, open, start, {filter("principal.AWS", "444455556666")}).put;
    REQUIRE(found.size() == 2);
    for (const auto& one : found) {
        const bool is_ours = one.finding_details[0].external_access_details->principal->at(0).second == "444455556666";
        CHECK((one.status == m::FindingStatus::archived) == is_ours);
    }
    // Not what is there.
    CHECK(look(found, open, start + 1h, {filter("principal.AWS", "777788889999")}).put.empty());
}

TEST_CASE("nothing is resolved of what was not looked at") {
    const auto made = only(look({}, with_bucket(to(R"({"AWS":"444455556666"})")), start).put);
    aa::Computed nothing;
    nothing.open.insert("arn:aws:s3:::data");
    CHECK(aa::changes_of({made}, nothing, {.analyzer = "analyzer", .account = own, .now = start}).put.empty());
    CHECK(aa::changes_of({made}, {}, {.analyzer = "analyzer", .account = own, .now = start, .only = "arn:aws:s3:::other"})
              .put.empty());
    CHECK(aa::changes_of({made}, {}, {.analyzer = "analyzer", .account = own, .now = start}).put.size() == 1);
}

TEST_CASE("filters") {
    const auto made = only(look({}, with_bucket(to(R"("*")")), start).put);
    CHECK(aa::matches(made, filter("isPublic", "true")));
    CHECK(!aa::matches(made, filter("isPublic", "false")));
    CHECK(aa::matches(made, filter("resourceType", "AWS::S3::Bucket")));
    CHECK(aa::matches(made, {{"resource", m::Criterion{.contains = std::vector<std::string>{"data"}}}}));
    CHECK(!aa::matches(made, {{"resource", m::Criterion{.neq = std::vector<std::string>{"arn:aws:s3:::data"}}}}));
    CHECK(aa::matches(made, {{"condition.aws:SourceIp", m::Criterion{.exists = false}}}));
    CHECK(!aa::matches(made, {{"condition.aws:SourceIp", m::Criterion{.exists = true}}}));
    CHECK(!aa::matches(made, {{"isPublic", m::Criterion{.eq = std::vector<std::string>{"true"}}},
                              {"status", m::Criterion{.eq = std::vector<std::string>{"ARCHIVED"}}}}));
    CHECK(aa::check_filter(filter("isPublic", "true")).has_value());
    CHECK(!aa::check_filter(filter("nonsense", "true")).has_value());
    CHECK(!aa::check_filter({{"id", m::Criterion{}}}).has_value());
    CHECK(
        !aa::check_filter({{"id", m::Criterion{.eq = std::vector<std::string>(aa::criterion_values_max + 1, "x")}}}).has_value());
}

namespace {

aa::HolderInUse holder(const std::string& name, bool is_role) {
    aa::HolderInUse out{.arn = "arn:aws:iam::111122223333:" + std::string(is_role ? "role/" : "user/") + name,
                        .name = name,
                        .is_role = is_role,
                        .created = start};
    out.policies.identity.push_back(
        {identity(R"({"Effect":"Allow","Action":["s3:GetObject","s3:PutObject","logs:GetLogEvents"],"Resource":"*"})"), "p"});
    return out;
}

Texts unused(const aa::UnusedQuestion& question, const aa::HolderInUse& holder_in_use) {
    Texts out;
    for (const aa::ComputedFinding& one : aa::unused_access(question, {holder_in_use}).findings) {
        std::string text = one.key.substr(one.key.find('\n') + 1);
        for (const m::FindingDetails& details : one.details) {
            if (!details.unused_permission_details) continue;
            text += " " + details.unused_permission_details->service_namespace;
            for (const m::UnusedAction& action : model::items(details.unused_permission_details->actions))
                text += "," + action.action;
        }
        out.insert(text);
    }
    return out;
}

}  // namespace

TEST_CASE("unused roles, keys and permissions") {
    const aa::UnusedQuestion question{.now = start + std::chrono::days(100), .age_days = 30, .record_reaches_back = true};
    auto role = holder("r", true);
    CHECK(unused(question, role) == Texts{"role"});
    role.last_used = start + std::chrono::days(60);
    CHECK(unused(question, role) == Texts{"role"});
    role.last_used = start + std::chrono::days(71);
    CHECK(unused(question, role) == Texts{"permissions logs s3"});
    role.uses.last["s3:getobject"] = {.action = "s3:GetObject", .time = start + std::chrono::days(80), .region = ""};
    CHECK(unused(question, role) == Texts{"permissions logs s3,s3:PutObject"});
    role.created = start + std::chrono::days(71);
    CHECK(unused(question, role).empty());

    auto user = holder("u", false);
    user.uses.last["s3:getobject"] = user.uses.last["s3:putobject"] =
        user.uses.last["logs:getlogevents"] = {.action = "", .time = start + std::chrono::days(80), .region = ""};
    user.keys = {{.id = "AKIAOLD", .created = start},
                 {.id = "AKIANEW", .created = start + std::chrono::days(90)},
                 {.id = "AKIAOFF", .created = start, .active = false}};
    CHECK(unused(question, user) == Texts{"key AKIAOLD"});
}

TEST_CASE("what the record does not hold is not called unused") {
    aa::UnusedQuestion question{.now = start + std::chrono::days(100), .age_days = 30};
    auto user = holder("u", false);
    CHECK(unused(question, user).empty());
    question.record_reaches_back = true;
    CHECK(unused(question, user) == Texts{"permissions logs s3"});
    user.uses.read_since = start + std::chrono::days(90);
    CHECK(unused(question, user).empty());
    CHECK(aa::unused_access(question, {user}).open.contains(user.arn));
    user.uses.read_since.reset();
    user.tags = {{"team", "vision"}};
    question.excluded_tags = {{{"team", "audio"}}};
    CHECK(!unused(question, user).empty());
    question.excluded_tags.push_back({{"team", "vision"}});
    CHECK(unused(question, user).empty());
}

TEST_CASE("who in the account reaches a bucket") {
    auto account = with_bucket("");
    proof::User user;
    user.name = "ada";
    user.arn = "arn:aws:iam::111122223333:user/ada";
    user.id = "AIDAADA";
    user.inline_policies.emplace("p", identity(R"({"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"})"));
    account.users.emplace("ada", user);
    user.name = "bob";
    user.arn = "arn:aws:iam::111122223333:user/bob";
    user.inline_policies.clear();
    account.users.emplace("bob", user);
    const auto found = aa::internal_access(account, {"arn:aws:s3:::data", "arn:aws:s3:::none"}, "us-east-1");
    REQUIRE(found.findings.size() == 1);
    const auto& details = *found.findings[0].details.at(0).internal_access_details;
    CHECK(details.principal->at(0).second == "arn:aws:iam::111122223333:user/ada");
    CHECK(*details.action == std::vector<std::string>{"s3:GetObject"});
    CHECK(details.principal_type == m::PrincipalType::iam_user);
    CHECK(aa::internal_access(account, {}, "us-east-1").findings.empty());
}

TEST_CASE("many roles of one trust policy, and what is more than is looked into") {
    auto account = with_role(trust(R"({"AWS":"444455556666"})"));
    const proof::Role role = account.roles.at("r");
    for (int i = 0; i < 3; ++i) {
        proof::Role other = role;
        other.name = "r" + std::to_string(i);
        other.arn = role.arn + std::to_string(i);
        account.roles.emplace(other.name, other);
    }
    const auto all = aa::external_access(account, "us-east-1");
    Texts resources;
    for (const auto& one : all.findings) {
        resources.insert(one.resource);
        CHECK(one.details.at(0).external_access_details->principal->at(0).second == "444455556666");
    }
    CHECK(resources == Texts{role.arn, role.arn + "0", role.arn + "1", role.arn + "2"});
    CHECK(all.open.empty());
    // What a limit leaves out is left open, with what was found until then.
    const auto few = aa::external_access(account, "us-east-1", {}, {.findings_max = 2});
    CHECK(few.findings.size() == 2);
    CHECK(few.open.size() == 2);
    const auto none = aa::external_access(account, "us-east-1", {}, {.questions_max = 0});
    CHECK(none.open.size() == 4);
    for (const auto& one : none.findings) CHECK(one.error == "INTERNAL_ERROR");
    account = with_bucket("");
    for (const char* name : {"ada", "bob"}) {
        proof::User user;
        user.name = name;
        user.arn = std::string("arn:aws:iam::111122223333:user/") + name;
        user.id = std::string("AIDA") + name;
        user.inline_policies.emplace("p",
                                     identity(R"({"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"})"));
        account.users.emplace(name, user);
    }
    const auto internal = aa::internal_access(account, {"arn:aws:s3:::data"}, "us-east-1", {.findings_max = 1});
    CHECK(internal.findings.size() == 1);
    CHECK(internal.open == Texts{"arn:aws:s3:::data"});
    CHECK(aa::internal_access(account, {"arn:aws:s3:::data"}, "us-east-1").findings.size() == 2);
    aa::UnusedQuestion question{.now = start + std::chrono::days(100), .age_days = 30, .record_reaches_back = true};
    question.details_max = 2;
    const auto unused_of_two = aa::unused_access(question, {holder("u", false), holder("v", false)});
    CHECK(unused_of_two.findings.size() == 1);
    CHECK(unused_of_two.open == Texts{"arn:aws:iam::111122223333:user/v"});
}

TEST_CASE("lists have an order of their own") {
    auto one = only(look({}, with_bucket(to(R"("*")")), start).put);
    auto other = one;
    one.id = "b", one.resource = "arn:a";
    other.id = "a", other.resource = "arn:aa";
    const auto by = [](const char* attribute, bool descends = false) {
        m::SortCriteria sort{.attribute_name = attribute};
        if (descends) sort.order_by = m::OrderBy::desc;
        return *aa::FindingOrder::of(sort);
    };
    CHECK(by("resource").key(one) < by("resource").key(other));
    CHECK(by("id").key(other) < by("id").key(one));
    CHECK(by("status").key(other) < by("status").key(one));  // alike: by id
    CHECK(by("id").is_by_id());
    CHECK(!by("id", true).is_by_id());
    CHECK(by("id", true).descends());
    CHECK(!aa::FindingOrder::of(m::SortCriteria{.attribute_name = "nonsense"}).has_value());
}

TEST_CASE("pages") {
    const std::vector<std::string> all = {"a", "b", "c"};
    const auto key = [](const std::string& one) { return one; };
    const auto first = aa::part_of(*aa::Page::of(std::nullopt, 2, "q"), all, key);
    CHECK(first.first == std::vector<std::string>{"a", "b"});
    REQUIRE(first.second);
    const auto second = aa::part_of(*aa::Page::of(first.second, 2, "q"), all, key);
    CHECK(second.first == std::vector<std::string>{"c"});
    CHECK(!second.second);
    // Behind an item that has gone, and before one that has come.
    const std::vector<std::string> others = {"a", "aa", "bb", "c"};
    CHECK(aa::part_of(*aa::Page::of(first.second, 2, "q"), others, key).first == std::vector<std::string>{"bb", "c"});
    const std::vector<std::string> backwards = {"c", "b", "a"};
    const auto last = aa::part_of(*aa::Page::of(std::nullopt, 1, "q"), backwards, key, aa::Order::descending);
    CHECK(last.first == std::vector<std::string>{"c"});
    CHECK(aa::part_of(*aa::Page::of(last.second, 1, "q"), backwards, key, aa::Order::descending).first ==
          std::vector<std::string>{"b"});
    CHECK(aa::key_of_place(9) < aa::key_of_place(10));
    CHECK(!aa::Page::of(first.second, 2, "another question").has_value());
    CHECK(!aa::Page::of("nonsense", 2, "q").has_value());
    CHECK(!aa::Page::of(std::nullopt, 0, "q").has_value());
    CHECK(!aa::Page::of(std::nullopt, aa::results_max + 1, "q").has_value());
}
