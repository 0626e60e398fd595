// The engine against the naive evaluator on generated questions. The generator draws names, patterns and values from small
// pools, so that questions touch what policies say; it is measured: conditions that are always true or always false teach
// nothing, and neither does a generator whose every answer is no. A failure prints the seed of its question.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>

#include "base/strings.hpp"
#include "policy/evaluate.hpp"
#include "policy/explain.hpp"
#include "reference.hpp"

namespace {

using namespace policy;
using text::Json;

// splitmix64: the same numbers everywhere.
class Dice {
public:
    explicit Dice(uint64_t seed) : state_(seed) {}
    uint64_t next() {
        uint64_t z = state_ += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
    size_t below(size_t n) { return next() % n; }
    bool chance(unsigned percent) { return below(100) < percent; }
    template <class Pool>
    auto pick(const Pool& pool) {
        return pool[below(std::size(pool))];
    }

private:
    uint64_t state_;
};

constexpr const char* account_a = "111122223333";
constexpr const char* account_b = "444455556666";

constexpr std::array actions = {"s3:GetObject",
                                "s3:PutObject",
                                "s3:DeleteObject",
                                "s3:ListAllMyBuckets",
                                "iam:PassRole",
                                "sts:AssumeRole",
                                "sts:AssumeRoleWithWebIdentity",
                                "kms:Decrypt",
                                "sqs:SendMessage",
                                "sagemaker:CreateTrainingJob",
                                "sts:GetCallerIdentity"};
constexpr std::array action_patterns = {
    "*",     "s3:*",      "s3:Get*",     "S3:getobject",  "s3:?*Object", "s3:List*", "iam:*", "sts:*", "sts:Assume*",
    "kms:*", "sqs:Send*", "sagemaker:*", "s3:Get Object", "s3:",         "*:*",      "*",     "s3:P*", "s3:D*"};
constexpr std::array resources = {"arn:aws:s3:::data/team-a/k",
                                  "arn:aws:s3:::data/team-b/k",
                                  "arn:aws:s3:::data/alice/x:y",
                                  "arn:aws:s3:::models/é",
                                  "arn:aws:iam::111122223333:role/R",
                                  "arn:aws:sqs:eu-central-1:111122223333:q",
                                  "*",
                                  "arn:aws:kms:eu-central-1:111122223333:key/1"};
constexpr std::array resource_patterns = {"*",
                                          "*",
                                          "*",
                                          "arn:aws:s3:::data/*",
                                          "arn:aws:s3:::*",
                                          "arn:aws:s3:::data/team-?/*",
                                          "arn:aws:s3:::data/${aws:username}/*",
                                          "arn:aws:s3:::data/${aws:PrincipalTag/team, 'team-a'}/k",
                                          "arn:aws:s3:::data/${aws:PrincipalTag/team}/*",
                                          "arn:aws:s3:::models/?",
                                          "arn:aws:s3",
                                          "arn:aws:s3:*",
                                          "arn:aws:*:role/R",
                                          "arn:aws:iam::111122223333:role/*",
                                          "arn:aws:sqs:*:q",
                                          "arn:aws:sqs:eu-*-1:111122223333:*",
                                          "arn:aws:sqs:?u-central-1:*:q",
                                          "arn:aws:kms:*:*:key/${*}",
                                          "arn:*:s3:::data/*/k",
                                          "arn:aws:s3:::da*/*:?"};
struct Key {
    const char* name;
    bool list;
    std::array<const char*, 6> values;    // what requests carry
    std::array<const char*, 6> patterns;  // what policies say
};
constexpr std::array keys = {
    Key{"aws:username",
        false,
        {"alice", "bob", "Alice", "*", "", "team-a"},
        {"alice", "a*", "${aws:username}", "bob", "ALICE", "?*"}},
    Key{"aws:PrincipalTag/team",
        false,
        {"team-a", "team-b", "team-*", "alice", "", "é"},
        {"team-a", "team-?", "${aws:username}", "${aws:PrincipalTag/Team, 'x'}", "${*}", "team-${*}"}},
    Key{"aws:TagKeys",
        true,
        {"team", "cost", "owner", "", "Team", "x"},
        {"team", "cost", "o*", "Team", "owner", "${aws:username}"}},
    Key{"aws:PrincipalArn",
        false,
        {"arn:aws:iam::111122223333:user/alice", "arn:aws:iam::111122223333:role/R", "arn:aws:iam::444455556666:role/x:y",
         "arn:aws:iam::111122223333:root", "not-an-arn", "arn:aws:sts::111122223333:assumed-role/R/s"},
        {"arn:aws:iam::111122223333:*", "arn:aws:iam::*:role/*", "arn:*:*::*:user/${aws:username}", "arn:aws:iam:*:role/R", "*",
         "arn:aws:iam::444455556666:role/?:y"}},
    Key{"aws:SourceIp",
        false,
        {"10.1.2.3", "192.0.2.7", "2001:db8::1", "2001:db9::1", "10.200.0.1", "::ffff:10.1.2.3"},
        {"10.0.0.0/9", "192.0.2.7", "2001:db8::/32", "0.0.0.0/0", "::/0", "10.1.2.0/24"}},
    Key{"s3:max-keys", false, {"10", "10.0", "9", "1e1", "100", "ten"}, {"10", "9.5", "1e2", "-1", "10.00", "11"}},
    Key{"aws:CurrentTime",
        false,
        {"2026-01-01T00:00:00Z", "1767225600", "2026-06-01", "2025-12-31T23:59:59Z", "1780272000", "soon"},
        {"2026-01-01T00:00:00Z", "1767225600", "2026-06-01T02:00:00+02:00", "2026-03-01", "1767225601", "2025-01-01"}},
    Key{"aws:SecureTransport",
        false,
        {"true", "false", "True", "FALSE", "true", "yes"},
        {"true", "false", "TRUE", "${aws:SecureTransport}", "False", "true"}},
    Key{"aws:blob", false, {"QUJD", "QUJE", "!", "QUI=", "", "QUJD"}, {"QUJD", "QUJE", "QUI=", "QUJD", "QQ==", "QUJE"}},
};
constexpr std::array<const char*, 10> string_operators = {"StringEquals",
                                                          "StringNotEquals",
                                                          "StringEqualsIgnoreCase",
                                                          "StringNotEqualsIgnoreCase",
                                                          "StringLike",
                                                          "StringNotLike",
                                                          "stringlike",
                                                          "StringEquals",
                                                          "StringLike",
                                                          "Null"};
constexpr std::array<const char*, 5> arn_operators = {"ArnLike", "ArnNotLike", "ArnEquals", "ArnNotEquals", "StringLike"};
constexpr std::array<const char*, 2> ip_operators = {"IpAddress", "NotIpAddress"};
constexpr std::array<const char*, 6> number_operators = {"NumericEquals",      "NumericNotEquals",
                                                         "NumericLessThan",    "NumericLessThanEquals",
                                                         "NumericGreaterThan", "NumericGreaterThanEquals"};
constexpr std::array<const char*, 6> date_operators = {"DateEquals",         "DateNotEquals",   "DateLessThan",
                                                       "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals"};

class Generator {
public:
    explicit Generator(uint64_t seed) : dice_(seed) {}

    Dice& dice() { return dice_; }

    struct Line {
        std::string op, key;
        std::vector<std::string> values;
    };

    Line condition() {
        const auto& key = keys[dice_.below(keys.size())];
        const std::string name = key.name;
        std::string op;
        if (name == "aws:SourceIp")
            op = dice_.pick(ip_operators);
        else if (name == "s3:max-keys")
            op = dice_.pick(number_operators);
        else if (name == "aws:CurrentTime")
            op = dice_.pick(date_operators);
        else if (name == "aws:SecureTransport")
            op = "Bool";
        else if (name == "aws:blob")
            op = "BinaryEquals";
        else if (name == "aws:PrincipalArn")
            op = dice_.pick(arn_operators);
        else
            op = dice_.pick(string_operators);
        Line out{op, name, {}};
        for (size_t n = 1 + dice_.below(2); n > 0; --n)
            out.values.emplace_back(op == "Null" ? (dice_.chance(50) ? "true" : "false") : dice_.pick(key.patterns));
        if (op == "Null") return out;
        if (dice_.chance(key.list ? 85 : 10)) out.op = (dice_.chance(50) ? "ForAnyValue:" : "ForAllValues:") + out.op;
        if (dice_.chance(15)) out.op += "IfExists";
        return out;
    }

    Context context() {
        Context out;
        for (const auto& key : keys) {
            if (dice_.chance(20)) continue;
            if (key.list) {
                std::vector<std::string> values;
                for (size_t n = dice_.below(3); n > 0; --n) values.emplace_back(dice_.pick(key.values));
                out.set_list(key.name, values);
            } else {
                out.set(key.name, dice_.pick(key.values));
            }
        }
        return out;
    }

    Principal principal() {
        const std::string account = dice_.chance(75) ? account_a : account_b;
        const auto iam = "arn:aws:iam::" + account + ":", sts = "arn:aws:sts::" + account + ":";
        const std::string name = dice_.chance(60) ? "alice" : "bob";
        switch (dice_.below(10)) {
            case 0:
                return {};
            case 1:
                return {.kind = PrincipalKind::root, .account = account, .arn = iam + "root", .unique_id = account};
            case 2:
                return {.kind = PrincipalKind::service,
                        .service = dice_.chance(70) ? "sagemaker.amazonaws.com" : "logs.amazonaws.com"};
            case 3:
                return {.kind = PrincipalKind::federated_user,
                        .account = account,
                        .arn = sts + "federated-user/" + name,
                        .unique_id = account + ":" + name,
                        .user_arn = iam + "user/alice"};
            case 4:
                return {.federated_provider = "arn:aws:iam::111122223333:oidc-provider/ci.example.com"};
            case 5:
            case 6:
            case 7: {
                Principal out{.kind = PrincipalKind::role_session,
                              .account = account,
                              .arn = sts + "assumed-role/R/" + name,
                              .unique_id = "AROAR:" + name,
                              .role_arn = iam + "role/R",
                              .role_id = "AROAR"};
                out.service_linked_role = dice_.chance(8);
                return out;
            }
            default:
                return {.kind = PrincipalKind::user,
                        .account = account,
                        .arn = iam + "user/" + name,
                        .unique_id = name == "alice" ? "AIDAALICE" : "AIDABOB",
                        .user_arn = iam + "user/" + name};
        }
    }

    Request request() {
        Request out{
            .principal = principal(), .action = dice_.pick(actions), .resource = dice_.pick(resources), .context = context()};
        if (dice_.chance(60))
            out.action = dice_.chance(50) ? "s3:GetObject" : "s3:PutObject", out.resource = resources[dice_.below(4)];
        if (dice_.chance(30)) out.resource_account = dice_.chance(60) ? account_a : account_b;
        return out;
    }

    Json names_of_principals() {
        constexpr std::array aws = {"111122223333",
                                    "arn:aws:iam::111122223333:root",
                                    "arn:aws:iam::111122223333:user/alice",
                                    "arn:aws:iam::111122223333:role/R",
                                    "arn:aws:sts::111122223333:assumed-role/R/alice",
                                    "444455556666",
                                    "arn:aws:sts::111122223333:federated-user/alice",
                                    "AIDABOB",
                                    "AROAR",
                                    "*",
                                    "arn:aws:iam::444455556666:role/R",
                                    "arn:aws-cn:iam::111122223333:root"};
        if (dice_.chance(20)) return "*";
        Json out = Json::object();
        Json list = Json::array();
        for (size_t n = 1 + dice_.below(4); n > 0; --n) list.push(dice_.pick(aws));
        out.set("AWS", std::move(list));
        if (dice_.chance(40)) out.set("Service", "sagemaker.amazonaws.com");
        if (dice_.chance(30)) out.set("Federated", "arn:aws:iam::111122223333:oidc-provider/ci.example.com");
        return out;
    }

    Json strings(bool plural, auto&& one) {
        if (!plural) return std::string(one());
        Json out = Json::array();
        for (size_t n = 1 + dice_.below(3); n > 0; --n) out.push(std::string(one()));
        return out;
    }

    Json statement(PolicyKind kind, unsigned deny_percent) {
        Json out = Json::object();
        const bool rcp = kind == PolicyKind::resource_control, trust = kind == PolicyKind::trust;
        const bool deny = rcp || dice_.chance(deny_percent);
        out.set("Effect", deny ? "Deny" : "Allow");
        if (rcp)
            out.set("Principal", "*");
        else if (kind == PolicyKind::resource || trust)
            out.set(deny && dice_.chance(40) ? "NotPrincipal" : "Principal", names_of_principals());
        const bool broad = dice_.chance(deny ? 35 : 60);
        if (trust)
            out.set("Action", strings(dice_.chance(30), [&] { return dice_.chance(60) ? "sts:AssumeRole" : "sts:Assume*"; }));
        else
            out.set(dice_.chance(12) ? "NotAction" : "Action",
                    strings(dice_.chance(50), [&] { return broad ? "*" : dice_.pick(action_patterns); }));
        if (!trust) {
            const auto resource = [&]() -> std::string {
                for (;;) {
                    const std::string text = broad ? "*" : dice_.pick(resource_patterns);
                    const bool whole = text == "*" || std::ranges::count(text, ':') >= 5;
                    if (text.starts_with("arn:aws:*")) continue;  // refused (R42)
                    if (whole || (kind != PolicyKind::session && !rcp)) return text;
                }
            };
            out.set(dice_.chance(10) ? "NotResource" : "Resource", strings(dice_.chance(50), resource));
        }
        Json block = Json::object();
        for (size_t n = dice_.chance(deny ? 80 : 50) ? 1 + dice_.below(2) : 0; n > 0; --n) {
            const auto line = condition();
            bool repeated = false;  // operators and keys may differ by case only
            for (const auto& [op, inside] : block.members()) repeated = repeated || base::equals_ignoring_case(op, line.op);
            if (repeated) continue;
            Json values = Json::array();
            for (const auto& value : line.values) values.push(value);
            Json inside = Json::object();
            inside.set(line.key, line.values.size() == 1 && dice_.chance(50) ? Json(line.values[0]) : std::move(values));
            block.set(line.op, std::move(inside));
        }
        if (block.size() > 0) out.set("Condition", std::move(block));
        return out;
    }

    AttachedPolicy policy(PolicyKind kind, unsigned deny_percent, bool full = false) {
        for (;;) {
            Json document = Json::object();
            if (!dice_.chance(12)) document.set("Version", dice_.chance(90) ? "2012-10-17" : "2008-10-17");
            Json statements = Json::array();
            // Some are large enough for an index; there a deny is rarer, or every answer would be one.
            const bool large = dice_.chance(15);
            for (size_t n = large ? 9 + dice_.below(12) : 1 + dice_.below(3); n > 0; --n)
                statements.push(statement(kind, large ? deny_percent / 6 : deny_percent));
            if (full) {
                Json allow = Json::object({{"Effect", "Allow"}, {"Action", "*"}, {"Resource", "*"}});
                if (kind == PolicyKind::resource_control || kind == PolicyKind::resource) allow.set("Principal", "*");
                statements.push(std::move(allow));
            }
            document.set("Statement", std::move(statements));
            auto parsed = Policy::parse(document.dump(), kind);
            // A value that only fits with variables (Bool, IP…) may be refused under the old version: draw again.
            if (parsed) return {*parsed, "generated"};
            ++refused;
        }
    }

    PolicySet policies() {
        PolicySet out;
        for (size_t n = dice_.below(4); n > 0; --n) out.identity.push_back(policy(PolicyKind::identity, 30));
        if (dice_.chance(22)) out.boundary = policy(PolicyKind::identity, 12, dice_.chance(40));
        if (dice_.chance(25)) out.session = {policy(PolicyKind::session, 12, dice_.chance(40))};
        if (dice_.chance(22))
            for (size_t n = 1 + dice_.below(2); n > 0; --n)
                out.service_control.push_back({policy(PolicyKind::service_control, 40, dice_.chance(90))});
        if (dice_.chance(20)) out.resource_control = {{policy(PolicyKind::resource_control, 100, dice_.chance(90))}};
        if (dice_.chance(65)) out.resource = policy(dice_.chance(15) ? PolicyKind::trust : PolicyKind::resource, 40);
        if (dice_.chance(10)) out.vpc_endpoint = policy(PolicyKind::resource, 12, dice_.chance(60));
        return out;
    }

    size_t refused = 0;

private:
    Dice dice_;
};

}  // namespace

TEST_CASE("engine and reference agree on generated questions") {
    const auto* from = std::getenv("POLICY_SEED");
    const uint64_t first = from ? std::strtoull(from, nullptr, 10) : 20260101;
    const auto* count = std::getenv("POLICY_SETS");
    const uint64_t sets = count ? std::strtoull(count, nullptr, 10) : 12500;
    constexpr int requests = 8;
    std::array<size_t, 3> outcomes{};
    size_t asked = 0, refused = 0;
    for (uint64_t seed = first; seed < first + sets; ++seed) {
        Generator generator(seed);
        const auto policies = generator.policies();
        const auto layers = reference::read(policies);
        for (int i = 0; i < requests; ++i) {
            const auto request = generator.request();
            const auto decision = evaluate(request, policies);
            const auto expected = reference::evaluate(request, layers);
            ++outcomes[static_cast<size_t>(expected)], ++asked;
            const auto ruling = decide(Question(request), policies);
            if (decision.outcome == expected && ruling.outcome == expected && ruling.layer == decision.layer) continue;
            std::string documents;
            for (const auto& attached : policies.identity) documents += "identity " + attached.policy->text() + "\n";
            if (policies.boundary) documents += "boundary " + policies.boundary->policy->text() + "\n";
            if (policies.session) documents += "session " + policies.session->front().policy->text() + "\n";
            if (policies.resource) documents += "resource " + policies.resource->policy->text() + "\n";
            for (const auto& level : policies.service_control) documents += "scp " + level[0].policy->text() + "\n";
            for (const auto& level : policies.resource_control) documents += "rcp " + level[0].policy->text() + "\n";
            for (const auto& entry : request.context.entries())
                documents += entry.key + " = " + base::join(entry.values, " | ") + "\n";
            FAIL("seed " << seed << ", request " << i << ": reference says " << static_cast<int>(expected) << "\n"
                         << explain(request, decision) << documents << "owner " << request.resource_account);
        }
        refused += generator.refused;
    }
    MESSAGE(asked, " questions: ", outcomes[0], " implicit, ", outcomes[1], " denied, ", outcomes[2], " allowed; ", refused,
            " generated policies refused");
    for (const auto outcome : outcomes) CHECK(outcome * 5 >= asked);  // a fifth each
}

TEST_CASE("the generator's conditions are not constant") {
    Generator generator(7);
    size_t varying = 0;
    constexpr size_t conditions = 4000;
    for (size_t i = 0; i < conditions; ++i) {
        const auto line = generator.condition();
        bool seen[2] = {};
        for (int j = 0; j < 24; ++j)
            seen[reference::condition_holds(line.op, line.key, line.values, true, generator.context())] = true;
        varying += seen[0] && seen[1];
    }
    MESSAGE((varying * 100 / conditions), "% of the conditions vary");
    CHECK(varying * 100 >= conditions * 60);
}
