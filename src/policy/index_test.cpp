// What the index of a large policy proposes: every statement that applies, and of thousands only a few. What is decided with it must be
// what is decided by the same statements in policies too small for one.
#include "policy/index.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <random>

#include "policy/evaluate.hpp"
#include "policy/fits.hpp"

using namespace policy;

namespace {

using Statements = std::vector<std::string>;

std::string document(const Statements& statements) {
    std::string out;
    for (const auto& statement : statements) out += (out.empty() ? "" : ",") + statement;
    return R"({"Version":"2012-10-17","Statement":[)" + out + "]}";
}

PolicyPtr parsed(const Statements& statements, PolicyKind kind = PolicyKind::identity) {
    const auto policy = Policy::parse(document(statements), kind);
    if (!policy) FAIL(policy.error().describe());
    return *policy;
}

std::string number(size_t n) {
    auto digits = std::to_string(n);
    return std::string(5 - digits.size(), '0') + digits;
}

// An Allow of s3:GetObject, unless `rest` says otherwise.
std::string on(const std::string& resource, const std::string& condition = "") {
    return R"({"Effect":"Allow","Action":"s3:GetObject","Resource":")" + resource + "\"" +
           (condition.empty() ? "" : R"(,"Condition":)" + condition) + "}";
}
std::string of_action(const std::string& action) { return R"({"Effect":"Allow","Action":)" + action + R"(,"Resource":"*"})"; }

Statements repeated(size_t count, const std::function<std::string(size_t)>& statement) {
    Statements out;
    for (size_t i = 0; i < count; ++i) out.push_back(statement(i));
    return out;
}

Request request_for(const std::string& resource, const std::string& action = "s3:GetObject") {
    Request out{.action = action, .resource = resource};
    out.principal = {.kind = PrincipalKind::user, .account = "111122223333", .arn = "arn:aws:iam::111122223333:user/u"};
    return out;
}

Request with(Request request, const std::string& key, const std::string& value) {
    request.context.set(key, value);
    return request;
}

// Which statements are proposed, with repetitions.
std::vector<uint32_t> proposed(const Policy& policy, const Request& request, bool skips_conditions = false) {
    const Question question(request);
    auto terms = terms_of(question, skips_conditions);
    std::vector<uint32_t> out;
    each_candidate(policy, question, terms, [&](const policy::Candidate& candidate) {
        out.push_back(candidate.statement);
        return true;
    });
    return out;
}

Outcome decided(const PolicyPtr& policy, const Request& request) {
    PolicySet policies;
    policies.identity = {{policy, "p"}};
    const auto outcome = evaluate(request, policies).outcome;
    CHECK(decide(Question(request), policies).outcome == outcome);
    return outcome;
}

constexpr size_t many = 2000;
constexpr size_t few = 20;

// The statement alone is proposed, with a few others at most; and what only another one would fit is not allowed.
void check_finds(const Statements& statements, size_t statement, const Request& hit, const Request& miss) {
    const auto policy = parsed(statements);
    const auto found = proposed(*policy, hit);
    CHECK(std::ranges::find(found, statement) != found.end());
    CHECK(found.size() <= few);
    CHECK(decided(policy, hit) == Outcome::allow);
    CHECK(proposed(*policy, miss).size() <= few);
    CHECK(decided(policy, miss) == Outcome::implicit_deny);
}

}  // namespace

TEST_CASE("a segment inside a pattern") {
    const auto statements = repeated(many, [](size_t i) { return on("arn:aws:s3:::*/runs/" + number(i) + "/*"); });
    check_finds(statements, 17, request_for("arn:aws:s3:::b/runs/00017/k"), request_for("arn:aws:s3:::b/runs/90017/k"));
    check_finds(statements, 17, request_for("arn:aws:s3:::b/runs/00017/"), request_for("arn:aws:s3:::b/runs/00017"));
    check_finds(statements, 17, request_for("arn:aws:s3:::b/runs/00018/runs/00017/k"), request_for("arn:aws:s3:::b/runs00017/k"));
}

TEST_CASE("a segment behind a variable, whatever its value") {
    const auto statements =
        repeated(many, [](size_t i) { return on("arn:aws:s3:::b/${aws:PrincipalTag/team}-" + number(i) + "/*"); });
    const auto asked = [](const char* resource, const char* team) {
        return with(request_for(resource), "aws:PrincipalTag/team", team);
    };
    check_finds(statements, 17, asked("arn:aws:s3:::b/red-00017/k", "red"), asked("arn:aws:s3:::b/red-00017/k", "blue"));
    check_finds(statements, 17, asked("arn:aws:s3:::b/a/00018/-00017/k", "a/00018/"), request_for("arn:aws:s3:::b/red-00017/k"));
    check_finds(statements, 17, asked("arn:aws:s3:::b/-00017/k", ""), asked("arn:aws:s3:::b/red-00017", "red"));
}

TEST_CASE("part of a segment is found by its characters") {
    // What bounds it is not in the pattern: 00017 may be part of a longer run.
    const auto inside = repeated(many, [](size_t i) { return on("arn:aws:s3:::*shard" + number(i) + "*"); });
    check_finds(inside, 17, request_for("arn:aws:s3:::b/myshard000178"), request_for("arn:aws:s3:::b/myshard90017"));
    check_finds(inside, 17, request_for("arn:aws:s3:::b/shard00017"), request_for("arn:aws:s3:::b/shard0001"));
    const auto behind = repeated(many, [](size_t i) { return on("arn:aws:s3:::*/part-" + number(i) + "*"); });
    check_finds(behind, 17, request_for("arn:aws:s3:::b/part-000179"), request_for("arn:aws:s3:::b/part-90017"));
    const auto before = repeated(many, [](size_t i) { return on("arn:aws:s3:::*" + number(i) + "/part*"); });
    check_finds(before, 17, request_for("arn:aws:s3:::b/x900017/part-1"), request_for("arn:aws:s3:::b/00017-/part"));
}

TEST_CASE("the end of a pattern") {
    const auto statements = repeated(many, [](size_t i) { return on("arn:aws:s3:::*-" + number(i) + ".tar"); });
    check_finds(statements, 17, request_for("arn:aws:s3:::b/shard-00017.tar"), request_for("arn:aws:s3:::b/shard-00017.tar.gz"));
    const auto short_ends = repeated(many, [](size_t i) { return on("arn:aws:s3:::*x" + number(i)); });
    check_finds(short_ends, 17, request_for("arn:aws:s3:::b/axx00017"), request_for("arn:aws:s3:::b/axx000170"));
    const auto of_variables = repeated(many, [](size_t i) { return on("arn:aws:s3:::b/${aws:PrincipalTag/team}" + number(i)); });
    check_finds(of_variables, 17, with(request_for("arn:aws:s3:::b/red00017"), "aws:PrincipalTag/team", "red"),
                with(request_for("arn:aws:s3:::b/redd00017"), "aws:PrincipalTag/team", "red"));
    // The end may not reach into what stands before the wildcard.
    const auto overlapping = repeated(many, [](size_t i) { return on("arn:aws:s3:::b/0*0" + number(i)); });
    const auto policy = parsed(overlapping);
    CHECK(decided(policy, request_for("arn:aws:s3:::b/000017")) == Outcome::implicit_deny);
    CHECK(decided(policy, request_for("arn:aws:s3:::b/0000017")) == Outcome::allow);
}

TEST_CASE("what the trie has compared is not asked again, and what it has not is") {
    auto statements = repeated(10, [](size_t i) { return on("arn:aws:s3:::b/" + number(i)); });
    statements.push_back(on("arn:aws:s3:::c/*"));
    statements.push_back(on("arn:aws:s3:::d/?"));
    for (const bool crowded : {false, true}) {
        CAPTURE(crowded);
        if (crowded)
            for (size_t i = 0; i < 100; ++i)
                statements.push_back(on("arn:aws:s3:::b/00003", R"({"StringEquals":{"aws:x":"v)" + number(i) + "\"}}"));
        const auto policy = parsed(statements);
        CHECK(decided(policy, request_for("arn:aws:s3:::b/00003")) == Outcome::allow);
        CHECK(decided(policy, request_for("arn:aws:s3:::b/00003x")) == Outcome::implicit_deny);
        CHECK(decided(policy, with(request_for("arn:aws:s3:::b/00003x"), "aws:x", "v00007")) == Outcome::implicit_deny);
        CHECK(decided(policy, request_for("arn:aws:s3:::b/0000")) == Outcome::implicit_deny);
        CHECK(decided(policy, request_for("arn:aws:s3:::c/")) == Outcome::allow);
        CHECK(decided(policy, request_for("arn:aws:s3:::c/x")) == Outcome::allow);
        CHECK(decided(policy, request_for("arn:aws:s3:::d/x")) == Outcome::allow);
        CHECK(decided(policy, request_for("arn:aws:s3:::d/xy")) == Outcome::implicit_deny);
    }
}

TEST_CASE("a condition that only one value fulfils") {
    for (const std::string op : {"StringEquals", "StringLike"}) {
        CAPTURE(op);
        const auto statements = repeated(many, [&](size_t i) {
            return on("arn:aws:s3:::b/*", "{\"" + op + R"(":{"aws:PrincipalTag/Team":"Team-)" + number(i) + "\"}}");
        });
        const auto asked = [](const char* team) { return with(request_for("arn:aws:s3:::b/k"), "aws:principaltag/team", team); };
        check_finds(statements, 17, asked("Team-00017"), asked("team-00017"));
        check_finds(statements, 17, asked("Team-00017"), request_for("arn:aws:s3:::b/k"));
        auto list = request_for("arn:aws:s3:::b/k");
        list.context.set_list("aws:PrincipalTag/Team", {"Team-00017"});
        check_finds(statements, 17, asked("Team-00017"), list);
        check_finds(statements, 17, asked("Team-00017"), asked(""));
    }
    const auto several = repeated(many, [&](size_t i) {
        return on("arn:aws:s3:::b/*",
                  R"({"StringEquals":{"aws:PrincipalTag/team":["a)" + number(i) + "\",\"b" + number(i) + "\"]}}");
    });
    const auto asked = [](const char* team) { return with(request_for("arn:aws:s3:::b/k"), "aws:PrincipalTag/team", team); };
    check_finds(several, 17, asked("a00017"), asked("c00017"));
    check_finds(several, 17, asked("b00017"), asked("a0017"));
    const auto arns = repeated(many, [&](size_t i) {
        return on("arn:aws:s3:::b/*",
                  R"({"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/r)" + number(i) + "\"}}");
    });
    const auto by = [](const char* arn) { return with(request_for("arn:aws:s3:::b/k"), "aws:PrincipalArn", arn); };
    check_finds(arns, 17, by("arn:aws:iam::111122223333:role/r00017"), by("arn:aws:iam::111122223333:role/R00017"));
}

TEST_CASE("conditions that other values fulfil too are asked one by one") {
    struct Case {
        const char* condition;  // @ is the number
        Request hit;
    };
    const auto plain = request_for("arn:aws:s3:::b/k");
    auto list = plain;
    list.context.set_list("aws:TagKeys", {"other", "t00017"});
    const Case cases[] = {
        {R"({"StringEqualsIfExists":{"aws:PrincipalTag/team":"t@"}})", plain},
        {R"({"StringEqualsIgnoreCase":{"aws:PrincipalTag/team":"t@"}})", with(plain, "aws:PrincipalTag/team", "T00017")},
        {R"({"StringNotEquals":{"aws:PrincipalTag/team":"t@"}})", plain},
        {R"({"ArnNotEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/@"}})", plain},
        {R"({"StringLike":{"aws:PrincipalTag/team":"t@*"}})", with(plain, "aws:PrincipalTag/team", "t00017x")},
        {R"({"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::*:role/@"}})",
         with(plain, "aws:PrincipalArn", "arn:aws:iam::1:role/00017")},
        {R"({"StringEquals":{"aws:PrincipalTag/team":"${aws:username}@"}})",
         with(with(plain, "aws:username", "u"), "aws:PrincipalTag/team", "u00017")},
        {R"({"StringEquals":{"aws:PrincipalTag/team":["t@","${aws:username}"]}})",
         with(with(plain, "aws:username", "u"), "aws:PrincipalTag/team", "u")},
        {R"({"ForAnyValue:StringEquals":{"aws:TagKeys":"t@"}})", list},
        {R"({"ForAllValues:StringEquals":{"aws:TagKeys":"t@"}})", plain},
        {R"({"Null":{"aws:PrincipalTag/team":"true"}})", plain},
        {R"({"NumericEquals":{"s3:max-keys":"@"}})", with(plain, "s3:max-keys", "17.0")},
    };
    for (const auto& one : cases) {
        CAPTURE(one.condition);
        const auto policy = parsed(repeated(100, [&](size_t i) {
            std::string condition = one.condition;
            if (const auto at = condition.find('@'); at != std::string::npos) condition.replace(at, 1, number(i));
            return on("arn:aws:s3:::b/*", condition);
        }));
        const auto found = proposed(*policy, one.hit);
        CHECK(std::ranges::find(found, 17u) != found.end());
        CHECK(decided(policy, one.hit) == Outcome::allow);
    }
}

TEST_CASE("action patterns, of actions that no catalogue knows too") {
    const auto ends = repeated(many, [](size_t i) { return of_action("\"s3:Get*" + number(i) + "\""); });
    const auto asked = [](const char* action) { return request_for("*", action); };
    check_finds(ends, 17, asked("s3:GetShard00017"), asked("s3:PutShard00017"));
    check_finds(ends, 17, asked("S3:GETSHARD00017"), asked("s3:GetShard00017x"));
    const auto inside = repeated(many, [](size_t i) { return of_action("\"s3:Get" + number(i) + "*\""); });
    check_finds(inside, 17, asked("s3:Get00017Shard"), asked("s3:Get90017Shard"));
    check_finds(inside, 17, asked("s3:get00017"), asked("sqs:get00017"));
    const auto several =
        repeated(many, [](size_t i) { return of_action("[\"s3:A*" + number(i) + "\",\"s3:B" + number(i) + "\"]"); });
    check_finds(several, 17, asked("s3:A00017"), asked("s3:B000170"));
    check_finds(several, 17, asked("s3:B00017"), asked("s3:C00017"));
    const auto of_services =
        repeated(many, [](size_t i) { return of_action("[\"s3:A*" + number(i) + "\",\"sqs:*\",\"sns:B" + number(i) + "*\"]"); });
    const auto policy = parsed(of_services);
    CHECK(proposed(*policy, asked("s3:A00017")).size() <= few);
    CHECK(proposed(*policy, asked("sns:B00017")).size() <= few);
    for (const char* action : {"s3:A00017", "sns:B00017", "sns:B00017x", "sqs:SendMessage"})
        CHECK(decided(policy, asked(action)) == Outcome::allow);
    CHECK(decided(policy, asked("s3:A00017x")) == Outcome::implicit_deny);
    // The catalogue's own.
    const auto real =
        parsed(repeated(100, [](size_t i) { return of_action(i == 17 ? "\"s3:Get*Tagging\"" : "\"s3:*" + number(i) + "\""); }));
    CHECK(decided(real, asked("s3:GetObjectTagging")) == Outcome::allow);
    CHECK(decided(real, asked("s3:GetObject")) == Outcome::implicit_deny);
}

TEST_CASE("a Deny that names an ambiguous key finds it, whatever its values") {
    auto statements = repeated(100, [](size_t i) {
        return R"({"Effect":"Deny","Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/team":"t)" +
               number(i) + "\"}}}";
    });
    statements.push_back(of_action("\"s3:*\""));
    const auto policy = parsed(statements);
    auto request = with(request_for("arn:aws:s3:::b/k"), "aws:RequestTag/team", "x");
    CHECK(decided(policy, request) == Outcome::allow);
    request.context.set("aws:RequestTag/Team", "y");
    REQUIRE(request.context.has_ambiguous());
    CHECK(decided(policy, request) == Outcome::explicit_deny);
}

TEST_CASE("entries of one exact action, and of several") {
    const auto statements = repeated(many, [](size_t i) {
        return R"({"Effect":"Allow","Action":["s3:GetObject","s3:A)" + number(i) + R"("],"Resource":"arn:aws:s3:::*/)" +
               number(i) + "/*\"}";
    });
    check_finds(statements, 17, request_for("arn:aws:s3:::b/00017/k"), request_for("arn:aws:s3:::b/00017/k", "s3:PutObject"));
    check_finds(statements, 17, request_for("arn:aws:s3:::b/00017/k", "s3:A00017"),
                request_for("arn:aws:s3:::b/00017/k", "s3:A00018"));
}

// Who writes policies and names objects can make terms useless, not costly.
TEST_CASE("what shares its terms is asked about once") {
    std::string same;
    for (int i = 0; i < 300; ++i) same += "aaaaaaaa";
    std::string slashes;
    for (int i = 0; i < 60; ++i) slashes += "/a";
    const auto grams = parsed(repeated(many, [](size_t) { return on("arn:aws:s3:::*aaaaaaaaaa*"); }));
    CHECK(proposed(*grams, request_for("arn:aws:s3:::" + same)).size() <= many + many / 4);
    const auto segments = parsed(repeated(many, [](size_t) { return on("arn:aws:s3:::*/a/*"); }));
    CHECK(proposed(*segments, request_for("arn:aws:s3:::b" + slashes + "/")).size() <= many + many / 4);
    // More segments than are kept: all are proposed, each once.
    const auto policy = parsed(repeated(many, [](size_t i) { return on("arn:aws:s3:::*/" + number(i) + "/*"); }));
    const auto long_name = request_for("arn:aws:s3:::b" + slashes + slashes + "/00017/k");
    CHECK(proposed(*policy, long_name).size() == many);
    CHECK(decided(policy, long_name) == Outcome::allow);
    // A resource much longer than the policy is long: the same.
    const auto small = parsed(repeated(20, [](size_t i) { return on("arn:aws:s3:::*x" + number(i) + "yz*"); }));
    CHECK(proposed(*small, request_for("arn:aws:s3:::" + same + "x00017yz")).size() == 20);
    CHECK(decided(small, request_for("arn:aws:s3:::" + same + "x00017yz")) == Outcome::allow);
}

TEST_CASE("the index grows with the policy and not faster") {
    const auto bytes = [](size_t count) {
        const auto statements = repeated(count, [](size_t i) {
            return R"({"Effect":"Allow","Action":["s3:Get*","s3:Put*"],"Resource":["arn:aws:s3:::*/runs/)" + number(i) +
                   R"(/*","arn:aws:s3:::*a-long-name-without-a-number-)" + number(i) + "\"]}";
        });
        return static_cast<double>(parsed(statements)->compiled().bytes()) / static_cast<double>(document(statements).size());
    };
    const double small = bytes(8), large = bytes(8000);
    MESSAGE(small, " and ", large, " bytes for each of the document");
    CHECK(large < small * 1.5);
}

namespace {

// Small words that are parts of one another, so that patterns nearly fit.
class Words {
public:
    explicit Words(uint32_t seed) : random_(seed) {}
    size_t below(size_t n) { return random_() % n; }
    bool chance(size_t percent) { return below(100) < percent; }
    std::string word() {
        static constexpr std::array pool = {"run",    "runs", "00017",       "00018", "0001", "a",
                                            "team-a", "team", "shard-00017", "x.tar", "tar"};
        return pool[below(pool.size())];
    }
    std::string separator() {
        static constexpr std::array pool = {"/", "-", ".", "", "_", "/"};
        return pool[below(pool.size())];
    }
    std::string path(size_t words) {
        std::string out;
        for (size_t i = 0; i < words; ++i) out += separator() + word();
        return out;
    }
    std::string pattern() {
        std::string out = "*";
        for (size_t n = 1 + below(2); n > 0; --n) {
            out += path(1 + below(2)) + separator();
            if (n > 1 || chance(60)) out += chance(15) ? "${aws:username}" : chance(10) ? "?" : "*";
        }
        return out;
    }
    std::string action() {
        static constexpr std::array names = {"GetObject",        "PutObject",    "GetObjectTagging",
                                             "GetBucketTagging", "DeleteObject", "Get00017"};
        std::string out = names[below(names.size())];
        for (size_t n = below(3); n > 0; --n) {
            const auto from = below(out.size());
            out.replace(from, below(out.size() - from + 1), chance(80) ? "*" : "?");
        }
        return "s3:" + out;
    }
    std::string value() {
        static constexpr std::array pool = {"alice", "bob", "Alice", "", "al*", "${aws:username}", "team-a"};
        return pool[below(pool.size())];
    }
    std::string statement() {
        static constexpr std::array operators = {"StringEquals",          "StringEquals",    "StringLike",
                                                 "StringEqualsIfExists",  "StringNotEquals", "ForAnyValue:StringEquals",
                                                 "StringEqualsIgnoreCase"};
        static constexpr std::array keys = {"aws:username",       "aws:PrincipalTag/a", "aws:PrincipalTag/b",
                                            "aws:PrincipalTag/c", "aws:PrincipalTag/d", "aws:PrincipalTag/A"};
        std::string out = std::string(R"({"Effect":")") + (chance(20) ? "Deny" : "Allow") + R"(",")" +
                          (chance(10) ? "NotAction" : "Action") + R"(":[")" + (chance(40) ? "s3:GetObject" : action()) + "\"";
        if (chance(20)) out += ",\"" + action() + "\"";
        out += R"(],")" + std::string(chance(10) ? "NotResource" : "Resource") + R"(":[")" +
               (chance(15) ? "*" : "arn:aws:s3:::" + pattern()) + "\"";
        if (chance(15)) out += ",\"arn:aws:s3:::" + pattern() + "\"";
        out += "]";
        if (chance(60)) {
            out += std::string(R"(,"Condition":{")") + operators[below(operators.size())] + R"(":{")" + keys[below(keys.size())] +
                   R"(":[")" + value() + "\"";
            if (chance(30)) out += ",\"" + value() + "\"";
            out += "]}}";
        }
        return out + "}";
    }
    Request request() {
        static constexpr std::array actions = {"s3:GetObject",        "s3:GetObject", "s3:PutObject",
                                               "s3:GetObjectTagging", "s3:Get00017",  "s3:DeleteObject"};
        auto out = request_for("arn:aws:s3:::b" + path(1 + below(4)), actions[below(actions.size())]);
        for (const char* key :
             {"aws:username", "aws:PrincipalTag/a", "aws:PrincipalTag/b", "aws:PrincipalTag/c", "aws:PrincipalTag/d"}) {
            if (chance(25)) continue;
            if (chance(10))
                out.context.set_list(key, {value(), value()});
            else
                out.context.set(key, value());
            if (chance(3)) out.context.set(key, value());
        }
        return out;
    }

private:
    std::mt19937 random_;
};

struct Named {
    size_t statement;
    Layer layer;
    bool operator==(const Named&) const = default;
};

}  // namespace

TEST_CASE("a policy with an index decides and explains as its statements do in policies without") {
    constexpr size_t chunk = Index::statements_min - 1;
    size_t outcomes[3] = {}, near = 0;
    for (uint32_t seed = 1; seed <= 400; ++seed) {
        CAPTURE(seed);
        Words words(seed);
        const auto statements = repeated(20 + words.below(60), [&](size_t) { return words.statement(); });
        PolicySet whole, parts;
        whole.identity = {{parsed(statements), "p"}};
        REQUIRE(whole.identity[0].policy->compiled().has_index());
        for (size_t at = 0; at < statements.size(); at += chunk) {
            const Statements some(statements.begin() + static_cast<ptrdiff_t>(at),
                                  statements.begin() + static_cast<ptrdiff_t>(std::min(at + chunk, statements.size())));
            parts.identity.push_back({parsed(some), std::to_string(at)});
            REQUIRE(!parts.identity.back().policy->compiled().has_index());
        }
        const auto named = [](const std::vector<StatementRef>& refs) {
            std::vector<Named> out;
            for (const auto& ref : refs)
                out.push_back({ref.statement + (ref.policy_name == "p" ? 0 : std::stoul(ref.policy_name)), ref.layer});
            return out;
        };
        const auto conditioned = [&](const Decision& decision) {
            std::vector<StatementRef> refs;
            for (const auto& one : decision.conditioned) refs.push_back(one.statement);
            return named(refs);
        };
        for (int i = 0; i < 40; ++i) {
            const auto request = words.request();
            CAPTURE(request.resource);
            const auto one = evaluate(request, whole), other = evaluate(request, parts);
            ++outcomes[static_cast<size_t>(one.outcome)], near += !one.conditioned.empty();
            REQUIRE(one.outcome == other.outcome);
            REQUIRE(decide(Question(request), whole).outcome == other.outcome);
            CHECK(one.missing == other.missing);
            CHECK(named(one.because) == named(other.because));
            CHECK(named(one.granted) == named(other.granted));
            CHECK(conditioned(one) == conditioned(other));
        }
    }
    for (const auto count : outcomes) CHECK(count > 1000);
    CHECK(near > 1000);
}
