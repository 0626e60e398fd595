#include "cli/guard_file.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "cli/guarding.hpp"
#include "text/xml.hpp"

using cli::parse_guards;
using proof::Guard;

namespace {

std::string refused(const std::string& document) {
    const auto guards = parse_guards(document);
    return guards ? "taken" : guards.error().message;
}

}  // namespace

TEST_CASE("a file of rules") {
    const auto guards = parse_guards(R"(
rules:
  - name: training data stays
    deny:
      actions: s3:DeleteObject*
      resources: ["arn:aws:s3:::ml-data/*"]
      conditions: {aws:SecureTransport: "true", aws:TagKeys: [team, cost]}
  - name: the trainer reads
    allow: {principals: "arn:aws:iam::*:role/trainer", actions: [s3:GetObject], resources: "arn:aws:s3:::ml-data/*"}
  - name: admins alone
    only: {principals: ["*"], except: ["anonymous"], actions: ["iam:*"]}
)");
    REQUIRE_MESSAGE(guards.has_value(), (guards ? "" : guards.error().message));
    REQUIRE(guards->size() == 3);
    const Guard& first = guards->front();
    CHECK(first.kind == Guard::Kind::deny);
    CHECK(first.line == 3);
    CHECK(first.principals == std::vector<std::string>{"*"});
    CHECK(first.actions == std::vector<std::string>{"s3:DeleteObject*"});
    REQUIRE(first.conditions.find("aws:tagkeys") != nullptr);
    CHECK(first.conditions.find("aws:tagkeys")->multivalued);
    CHECK((*guards)[1].kind == Guard::Kind::allow);
    CHECK((*guards)[2].except == std::vector<std::string>{"anonymous"});
    CHECK((*guards)[2].resources == std::vector<std::string>{"*"});
}

TEST_CASE("rules about Trainwarden's own actions") {
    const auto actions = [](const std::string& pattern) {
        const auto guards = parse_guards("rules:\n  - name: a\n    deny: {actions: [\"" + pattern + "\"]}");
        return guards ? guards->front().actions : std::vector<std::string>{guards.error().message};
    };
    CHECK(actions("trainwarden:whocan") == std::vector<std::string>{"trainwarden:WhoCan"});
    CHECK(actions("trainwarden:Explain*") == std::vector<std::string>{"trainwarden:ExplainAccess", "trainwarden:ExplainRequest"});
    // What all services have, they have as well.
    const auto everything = actions("*");
    CHECK(std::ranges::find(everything, "*") != everything.end());
    CHECK(std::ranges::find(everything, "trainwarden:LeastPrivilege") != everything.end());
    // Needs what CreateTrainingJob needs.
    CHECK(actions("trainwarden:CheckTrainingJob").front().contains("matches no action"));
}

TEST_CASE("what is wrong with a file of rules is said with its line") {
    CHECK(refused("") == "line 0: a file of rules begins with `rules:`, and a list of them below it");
    CHECK(refused("rules: []") == "line 1: `rules` is a list of at least one rule");
    CHECK(refused("rule: []") == "line 1: a file of rules has no `rule`; it takes rules");
    CHECK(refused("rules:\n  - deny: {actions: \"*\"}") == "line 2: a rule has a `name`, by which it is reported");
    CHECK(refused("rules:\n  - name: a") == "line 2: the rule `a` says neither allow nor deny nor only");
    CHECK(refused("rules:\n  - name: a\n    deny: {actions: [s3:GetObjct]}")
              .starts_with("line 3: `s3:GetObjct` matches no action of AWS"));
    CHECK(refused("rules:\n  - name: a\n    deny: {resources: [\"*\"]}") == "line 3: the rule `a` has no `actions`");
    CHECK(refused("rules:\n  - name: a\n    allow: {actions: \"s3:*\"}") ==
          "line 3: the rule `a` does not say which `principals`");
    CHECK(refused("rules:\n  - name: a\n    deny: {actions: \"s3:*\"}\n    allow: {principals: \"*\", actions: \"s3:*\"}")
              .ends_with("a rule says one of allow, deny and only"));
    CHECK(refused("rules:\n  - name: a\n    deny: {actions: \"s3:*\", principals: [trainer]}")
              .starts_with("line 3: `trainer` names no principal"));
    const auto of = [](const std::string& principal) {
        return refused("rules:\n  - name: a\n    deny: {actions: \"s3:*\", principals: [\"" + principal + "\"]}");
    };
    CHECK(of("arn:aws:sts::*:assumed-role/trainer/*").contains("is a session's ARN"));
    for (const char* wrong : {"arn:aws:iam::*:group/readers", "arn:aws:iam::*:rol/x", "arn:aws:iam::*:instance-profile/x",
                              "*:group/x", "arn:aws:s3:::b"})
        CHECK_MESSAGE(of(wrong).contains("matches no ARN that a user"), wrong);
    CHECK(refused("rules:\n  - name: a\n    deny: {actions: \"s3:*\", resources: [ml-data]}")
              .starts_with("line 3: `ml-data` names no resource"));
    CHECK(refused("rules:\n  - name: a\n    deny: {actions: []}") == "line 3: `actions` is empty: leave it out, or say which");
    CHECK(refused("rules:\n  - name: a\n    deny: {actions: \"s3:*\", when: now}").starts_with("line 3: `deny` has no `when`"));
    CHECK(refused("rules:\n  - {name: a, deny: {actions: \"s3:*\"}}\n  - {name: a, deny: {actions: \"s3:*\"}}") ==
          "line 3: there are two rules of the name `a`");
    // Aliases of aliases: a few lines that would be 10^10 values.
    std::string bomb = "a: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 10; ++i) {
        bomb += "b" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
        for (int n = 0; n < 10; ++n) bomb += (n == 0 ? "*a" : ", *a") + std::to_string(i - 1);
        bomb += "]\n";
    }
    CHECK(refused(bomb).starts_with("the document has more than"));
    CHECK(refused(std::string(cli::guard_file_bytes_max + 1, 'x')).starts_with("a file of rules has at most"));
    CHECK(refused("rules:\n  - name: a\n    deny: {actions: \"s3:*\", conditions: {mfa: 1}}")
              .starts_with("line 3: `mfa` is no condition key"));
    const auto with = [](const std::string& condition) {
        return refused("rules:\n  - name: a\n    deny: {actions: \"s3:*\", conditions: {" + condition + "}}");
    };
    CHECK(with("aws:SorceIp: 10.0.0.1").starts_with("line 3: `aws:SorceIp` is no condition key"));
    CHECK(with("aws:SourceIp: [10.0.0.1, 10.0.0.2]") == "line 3: a request has one value of aws:SourceIp: write a rule for each");
    CHECK(with("aws:SourceIp: 10.0.0.0/8").starts_with("line 3: `10.0.0.0/8` is not a value of aws:SourceIp, which is "));
    CHECK(with("aws:SecureTransport: \"yes\"").starts_with("line 3: `yes` is not a value of aws:SecureTransport"));
    CHECK(with("aws:RequestedRegion: eu-*").starts_with("line 3: `eu-*`: a condition is the value that a request has"));
}

TEST_CASE("results for a CI system") {
    cli::Guarded guarded;
    guarded.guards = {{.name = "a <b>", .line = 2}, {.name = "c"}, {.name = "d"}};
    proof::GuardResult broken{.outcome = proof::GuardResult::Outcome::broken, .who = "role x"};
    broken.witness = policy::Request{
        .principal = {}, .action = "s3:GetObject", .resource = "arn:aws:s3:::b/k", .resource_account = "", .context = {}};
    guarded.results = {broken, {}, {.outcome = proof::GuardResult::Outcome::unknown, .reason = "solver steps"}};
    const auto xml = text::parse_xml(cli::junit_xml(guarded, "rules.yaml"));
    REQUIRE(xml.has_value());
    CHECK(xml->name == "testsuites");
    const auto& cases = xml->children.front().children;
    REQUIRE(cases.size() == 3);
    REQUIRE(cases[0].child("failure") != nullptr);
    CHECK(cases[0].child_text("failure").contains("s3:GetObject"));
    CHECK(cases[1].children.empty());
    CHECK(cases[2].child("error") != nullptr);
    CHECK(!guarded.all_kept());
}
