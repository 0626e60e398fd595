#include "proof/grants.hpp"

#include <doctest/doctest.h>

using proof::Answer;
using proof::DocumentKind;

namespace {

std::string document(const std::string& statements) { return R"({"Version":"2012-10-17","Statement":[)" + statements + "]}"; }

std::string allow(const std::string& action, const std::string& resource, const std::string& more = "") {
    return R"({"Effect":"Allow","Action":")" + action + R"(","Resource":")" + resource + "\"" + more + "}";
}

// `-`, `?`, or the statements that grant more.
std::string shown(const base::Result<proof::Grants>& found) {
    REQUIRE(found.has_value());
    if (found->kind == Answer::Kind::no) return "-";
    std::string out = found->kind == Answer::Kind::unknown ? "?" : "";
    for (const uint32_t statement : found->statements) out += (out.empty() ? "" : " ") + std::to_string(statement);
    if (found->kind == Answer::Kind::yes) CHECK(found->witness.has_value());
    return out;
}

std::string new_access(const std::string& before, const std::string& now, DocumentKind kind = DocumentKind::identity) {
    return shown(proof::find_new_access(document(now), document(before), kind));
}
std::string new_grants(const std::string& before, const std::string& now) {
    return new_access(before, now, DocumentKind::resource);
}

std::string to(const std::string& principal, const std::string& action = "s3:GetObject", const std::string& more = "") {
    return R"({"Effect":"Allow","Principal":)" + principal + R"(,"Action":")" + action + R"(","Resource":"arn:aws:s3:::data/*")" +
           more + "}";
}
std::string trust(const std::string& principal, const std::string& more = "") {
    return R"({"Effect":"Allow","Principal":)" + principal + R"(,"Action":"sts:AssumeRole")" + more + "}";
}

}  // namespace

TEST_CASE("an identity policy that grants more than another") {
    const std::string get = allow("s3:GetObject", "arn:aws:s3:::data/*");
    CHECK(new_access(get, get) == "-");
    CHECK(new_access(allow("s3:*", "*"), get) == "-");
    CHECK(new_access(get, get + "," + allow("s3:PutObject", "arn:aws:s3:::data/*")) == "1");
    CHECK(new_access(get, allow("s3:Get*", "arn:aws:s3:::data/*") + "," + allow("s3:GetObject", "arn:aws:s3:::other/*")) ==
          "0 1");
    // Without a Deny, what it kept is new.
    CHECK(new_access(allow("s3:*", "*") + R"(,{"Effect":"Deny","Action":"s3:DeleteObject","Resource":"*"})",
                     allow("s3:*", "*")) == "0");
    CHECK(new_access(get, get + R"(,{"Effect":"Deny","Action":"*","Resource":"*"})") == "-");
    CHECK(
        new_access(allow("s3:GetObject", "arn:aws:s3:::data/*", R"(,"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}})"),
                   get) == "0");
}

TEST_CASE("what the resource's own policy must agree to is granted as far as the policy goes") {
    const std::string get = allow("s3:GetObject", "arn:aws:s3:::data/*");
    for (const char* action : {"sts:AssumeRole", "kms:Decrypt"}) {
        CHECK(new_access(get, get + "," + allow(action, "*")) == "1");
        CHECK(shown(proof::find_granted(document(allow(action, "*")), DocumentKind::identity, {action}, {})) == "0");
        CHECK(shown(proof::find_granted(document(get), DocumentKind::identity, {action}, {})) == "-");
    }
}

TEST_CASE("a region that only one document names") {
    const auto east = [](const std::string& op) {
        return R"(,"Condition":{")" + op + R"(":{"aws:RequestedRegion":"us-east-1"}})";
    };
    const std::string everything = allow("*", "*");
    const std::string fence = R"({"Effect":"Deny","Action":"*","Resource":"*")" + east("StringNotEquals") + "}";
    CHECK(new_access(everything + "," + fence, everything) == "0");
    CHECK(new_access(everything, everything + "," + fence) == "-");
    CHECK(new_access(allow("*", "*", east("StringEquals")), everything) == "0");
    const std::string elsewhere =
        R"({"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*")" +
        east("StringNotEquals") + "}";
    CHECK(shown(proof::find_public(document(elsewhere))) == "0");
}

TEST_CASE("what a check may cost in all has a limit") {
    std::string before, now;
    for (int i = 0; i < 12; ++i) {
        const std::string n = std::to_string(i), condition = R"(,"Condition":{"StringNotLike":{"aws:UserAgent":"*)" + n + "*\"}}";
        before += (i > 0 ? "," : "") + allow("s3:Get*", "arn:aws:s3:::data/*a*" + n + "*", condition);
        now += (i > 0 ? "," : "") + allow("s3:Get*", "arn:aws:s3:::data/*b*" + n + "*", condition);
    }
    const auto kind = [&](size_t work) {
        const auto found = proof::find_new_access(document(now), document(before), DocumentKind::identity, {.work_max = work});
        REQUIRE(found.has_value());
        return found->kind == Answer::Kind::unknown ? found->reason
                                                    : std::string(found->kind == Answer::Kind::yes ? "yes" : "no");
    };
    CHECK(kind(proof::GrantLimits{}.work_max) == "yes");
    CHECK(kind(2'000) == "the work of all questions together");
}

TEST_CASE("keys whose names go on") {
    const std::string before = allow("kms:*", "*"), tagged = allow("secretsmanager:*", "*");
    CHECK(new_access(before, allow("kms:*", "*", R"(,"Condition":{"StringEquals":{"kms:EncryptionContext:team":"a"}})")) == "-");
    CHECK(new_access(tagged, allow("secretsmanager:*", "*",
                                   R"(,"Condition":{"StringEquals":{"secretsmanager:ResourceTag/SageMaker":"true"}})")) == "-");
}

TEST_CASE("requests without credentials have no keys of a principal") {
    const auto open_if = [](const std::string& condition) {
        return shown(proof::find_public(document(
            R"({"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":)" +
            condition + "}")));
    };
    CHECK(open_if(R"({"Null":{"aws:PrincipalIsAWSService":"true"}})") == "0");
}

TEST_CASE("resources of other accounts and regions than the usual ones") {
    const std::string east = allow("sqs:SendMessage", "arn:aws:sqs:us-east-1:111122223333:q");
    CHECK(new_access(east, east) == "-");
    CHECK(new_access(east, allow("sqs:SendMessage", "arn:aws:sqs:eu-west-1:111122223333:q")) == "0");
    CHECK(new_access(east, allow("sqs:SendMessage", "arn:aws:sqs:us-east-1:444455556666:q")) == "0");
    CHECK(new_access(east, allow("sqs:SendMessage", "arn:aws:sqs:us-*:111122223333:q")) == "0");
    CHECK(new_access(allow("sqs:SendMessage", "arn:aws:sqs:us-*:111122223333:q"), east) == "-");
    CHECK(new_access(allow("sqs:*", "*"), allow("sqs:SendMessage", "arn:aws:sqs:ap-south-2:444455556666:q")) == "-");
    const auto in = [](const std::string& region) {
        return allow("s3:*", "*", R"(,"Condition":{"StringEquals":{"aws:RequestedRegion":")" + region + R"("}})");
    };
    CHECK(new_access(in("eu-west-1"), in("eu-west-1")) == "-");
    CHECK(new_access(in("eu-west-1"), in("eu-west-2")) == "0");
    CHECK(new_access(in("eu-west-1"), allow("s3:*", "*")) == "0");
    // Which accounts such a pattern is about is not asked: it may be more.
    CHECK(new_access(east, allow("sqs:SendMessage", "arn:aws:sqs:us-east-1:4444*:q")) == "? 0");
}

TEST_CASE("a resource policy that grants more than another") {
    const std::string role = R"({"AWS":"arn:aws:iam::111122223333:role/reader"})", account = R"({"AWS":"111122223333"})";
    CHECK(new_grants(to(role), to(role)) == "-");
    CHECK(new_grants(to(account), to(role)) == "-");
    CHECK(new_grants(to(role), to(account)) == "0");
    CHECK(new_grants(to(role), to(R"({"AWS":"arn:aws:iam::111122223333:role/other"})")) == "0");
    CHECK(new_grants(to(R"("*")"), to(R"({"AWS":"444455556666"})")) == "-");
    CHECK(new_grants(to(account), to(R"("*")")) == "0");
    CHECK(new_grants(to(R"({"Service":"logs.amazonaws.com"})"), to(R"({"Service":"logs.amazonaws.com"})")) == "-");
    CHECK(new_grants(to(account), to(R"({"Service":"logs.amazonaws.com"})")) == "0");
    const auto of = [](const std::string& organization) {
        return to(R"("*")", "s3:GetObject", R"(,"Condition":{"StringEquals":{"aws:PrincipalOrgID":")" + organization + R"("}})");
    };
    CHECK(new_grants(to(account), of("o-1")) == "0");
    CHECK(new_grants(of("o-1"), of("o-1")) == "-");
    CHECK(new_grants(of("o-1"), of("o-2")) == "0");
    CHECK(new_grants(to(R"("*")"), of("o-1")) == "-");
    CHECK(new_grants(to(role),
                     to(R"("*")", "s3:GetObject",
                        R"(,"Condition":{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/reader"}})")) == "-");
}

TEST_CASE("whom a resource policy could mean without naming them") {
    const auto all_if = [](const std::string& condition) { return to(R"("*")", "s3:GetObject", R"(,"Condition":)" + condition); };
    const std::string account = to(R"({"AWS":"111122223333"})");
    CHECK(new_grants(account, all_if(R"({"Bool":{"aws:PrincipalIsAWSService":"true"}})")) == "0");
    CHECK(new_grants(account, all_if(R"({"StringEquals":{"aws:PrincipalServiceName":"logs.amazonaws.com"}})")) == "0");
    CHECK(new_grants(account, all_if(R"({"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::444455556666:root"}})")) == "0");
    CHECK(new_grants(account, all_if(R"({"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:root"}})")) == "-");
    CHECK(new_grants(account, all_if(R"({"StringEquals":{"aws:PrincipalType":"FederatedUser"}})")) == "0");
    CHECK(new_grants(account, all_if(R"({"StringEquals":{"aws:PrincipalAccount":"${aws:ResourceAccount}"}})")) != "-");
    CHECK(new_grants(account, all_if(R"({"StringLike":{"aws:PrincipalTag/team":"*"}})")) == "0");
    const std::string others =
        R"({"Effect":"Deny","NotPrincipal":{"AWS":"111122223333"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"})";
    CHECK(new_grants(to(R"("*")") + "," + others, to(R"("*")")) == "0");
    CHECK(new_grants(R"({"Effect":"Allow","Principal":"*","NotAction":"s3:GetObject","Resource":"arn:aws:s3:::data/*"})",
                     to(R"("*")")) == "0");
    CHECK(new_grants(to(R"("*")"),
                     R"({"Effect":"Allow","Principal":"*","Action":"s3:GetObject","NotResource":"arn:aws:s3:::data/x"})") == "0");
}

TEST_CASE("accounts, regions and partitions that could be taken for each other") {
    const auto queue = [](const std::string& arn) {
        return R"({"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sqs:SendMessage","Resource":")" + arn + "\"}";
    };
    CHECK(new_grants(queue("arn:aws:sqs:us-east-1:444455556666:q"), queue("arn:aws:sqs:eu-west-1:444455556666:q")) == "0");
    CHECK(new_grants(queue("arn:aws:sqs:eu-west-1:444455556666:q"), queue("arn:aws:sqs:us-east-1:444455556666:q")) == "0");
    CHECK(new_grants(queue("arn:aws:sqs:eu-west-1:444455556666:q"), queue("arn:aws:sqs:eu-west-1:777788889999:q")) == "0");
    CHECK(new_grants(queue("arn:aws:sqs:eu-*:444455556666:q"), queue("arn:aws:sqs:eu-west-1:444455556666:q")) == "-");
    // This server is of one partition: others are not looked into.
    CHECK(new_access(allow("s3:GetObject", "arn:aws:s3:::data/*"), allow("s3:GetObject", "arn:aws-cn:s3:::data/*")) == "? 0");
    // What another account owns.
    const auto owned = [](const std::string& owner, const std::string& asks) {
        return allow("s3:GetObject", "*",
                     R"(,"Condition":{"StringEquals":{"aws:ResourceAccount":")" + owner + R"(","aws:PrincipalAccount":")" + asks +
                         R"("}})");
    };
    CHECK(new_access(owned("111122223333", "111122223333"), owned("444455556666", "111122223333")) == "0");
    CHECK(new_access(owned("444455556666", "111122223333"), owned("444455556666", "111122223333")) == "-");
}

TEST_CASE("an identity policy hangs on roles as on users") {
    const std::string get = allow("s3:GetObject", "arn:aws:s3:::data/pub/*");
    const auto more_if = [&](const std::string& condition) {
        return new_access(get, get + "," + allow("s3:*", "arn:aws:s3:::data/*", R"(,"Condition":)" + condition));
    };
    for (const auto* condition :
         {R"({"StringEquals":{"aws:PrincipalType":"AssumedRole"}})", R"({"Null":{"aws:username":"true"}})",
          R"({"StringLike":{"aws:userid":"AROA*:*"}})", R"({"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/x"}})",
          R"({"StringEquals":{"aws:PrincipalType":"User"}})", R"({"StringLike":{"aws:username":"a*"}})"})
        CHECK(more_if(condition) == "1");
    const auto but_for = [](const std::string& roles) {
        return allow("s3:*", "*") +
               R"(,{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"ArnNotLike":{"aws:PrincipalArn":)" + roles +
               "}}}";
    };
    CHECK(new_access(but_for(R"("arn:aws:iam::*:role/admin")"),
                     but_for(R"(["arn:aws:iam::*:role/admin","arn:aws:iam::*:role/other"])")) == "0");
    CHECK(new_access(but_for(R"(["arn:aws:iam::*:role/admin","arn:aws:iam::*:role/other"])"),
                     but_for(R"("arn:aws:iam::*:role/admin")")) == "-");
    CHECK(shown(proof::find_granted(
              document(allow("s3:*", "*", R"(,"Condition":{"StringEquals":{"aws:PrincipalType":"AssumedRole"}})")),
              DocumentKind::identity, {"s3:DeleteObject"}, {})) == "0");
}

TEST_CASE("what no world stands for is not ruled out") {
    const std::string get = allow("s3:GetObject", "arn:aws:s3:::old/*");
    const auto more_if = [&](const std::string& condition) {
        return new_access(get, get + "," + allow("s3:*", "*", R"(,"Condition":)" + condition));
    };
    for (const auto* condition : {R"({"StringLike":{"aws:PrincipalAccount":"6626*"}})",
                                  R"({"StringLike":{"aws:PrincipalArn":"arn:aws:iam::6626*:user/*"}})",
                                  R"({"StringLike":{"aws:ResourceAccount":"6626*"}})", R"({"StringEquals":{"zork:bar":"x"}})",
                                  R"({"StringEquals":{"accounts.google.com:sub":"x"}})", R"({"StringEquals":{"saml:sub":"x"}})"})
        CHECK(more_if(condition) != "-");
    CHECK(more_if(R"({"StringLike":{"aws:RequestedRegion":"mars-*"}})") == "1");
    CHECK(more_if(R"({"Null":{"aws:SourceIp":"true"}})") == "1");
    CHECK(new_access(get, get + "," + allow("zork:*", "*")) != "-");
    CHECK(new_access(get, get + "," + allow("s3:Zork*", "*")) != "-");
    CHECK(new_access(get, get + "," + allow("zork:Foo", "*")) != "-");
    CHECK(new_access(get, get + "," + allow("zork:Foo", "arn:aws:zork:us-east-1:111122223333:x")) != "-");
    CHECK(new_access(get, get + "," + allow("lambda:GetLayerVersion", "arn:aws:lambda:us-east-1:aws:layer:x:1")) != "-");
    CHECK(new_access(get, get + "," + allow("iam:GetPolicy", "arn:aws:iam::aws:policy/ReadOnlyAccess")) == "1");
    // What was there, statement by statement, is nothing new whatever it speaks of.
    const std::string odd =
        allow("zork:*", "*") + "," + allow("s3:*", "*", R"(,"Condition":{"StringLike":{"aws:PrincipalAccount":"6626*"}})");
    CHECK(new_access(odd + "," + get, odd) == "-");
    CHECK(new_access(odd, odd) == "-");
    CHECK(new_access(odd + R"(,{"Effect":"Deny","Action":"*","Resource":"*"})", odd) != "-");
    // A namesake in a condition's value is no account.
    CHECK(new_access(allow("s3:*", "*"), allow("s3:ListBucket", "*", R"(,"Condition":{"StringLike":{"s3:prefix":"2026*"}})")) ==
          "-");
}

TEST_CASE("whom a resource policy names by an id, and who has no credentials") {
    const std::string account = to(R"({"AWS":"111122223333"})");
    for (const auto* id : {"AROAEXAMPLE", "AROAEXAMPLE:xx", "AIDAEXAMPLE"}) {
        const std::string named = to(R"({"AWS":")" + std::string(id) + R"("})");
        CHECK(new_grants(account, account + "," + named) == "1");
        CHECK(new_grants(named, named + "," + account) == "1");
        CHECK(shown(proof::find_granted(document(named), DocumentKind::resource, {"s3:GetObject"}, {})) == "0");
    }
    const auto all_if = [](const std::string& condition) { return to(R"("*")", "s3:GetObject", R"(,"Condition":)" + condition); };
    for (const auto* condition :
         {R"({"StringEquals":{"aws:userid":"anonymous"}})", R"({"StringLike":{"aws:userid":"anon*"}})",
          R"({"StringEquals":{"aws:PrincipalType":"Anonymous"}})", R"({"StringEquals":{"aws:RequestedRegion":"eu-west-1"}})",
          R"({"StringLike":{"aws:ResourceAccount":"66263*"}})", R"({"StringLike":{"aws:PrincipalAccount":"66263*"}})"}) {
        CHECK(new_grants(account, account + "," + all_if(condition)) != "-");
        CHECK(shown(proof::find_granted(document(all_if(condition)), DocumentKind::resource, {"s3:GetObject"}, {})) != "-");
        CHECK(shown(proof::find_public(document(all_if(condition)))) != "-");
    }
}

TEST_CASE("trust policies, and resource policies of other services") {
    const std::string root = R"({"AWS":"arn:aws:iam::111122223333:root"})", other = R"({"AWS":"arn:aws:iam::444455556666:root"})";
    const std::string with_id = R"(,"Condition":{"StringEquals":{"sts:ExternalId":"secret"}})";
    CHECK(new_grants(trust(root), trust(root)) == "-");
    CHECK(new_grants(trust(root), trust(root) + "," + trust(other)) == "1");
    CHECK(new_grants(trust(root), trust(root, with_id)) == "-");
    CHECK(new_grants(trust(root, with_id), trust(root)) == "0");
    CHECK(new_grants(trust(root), trust(R"({"Federated":"arn:aws:iam::111122223333:saml-provider/p"})")) ==
          "-");  // no sts:AssumeRole for them
    const auto queue = [](const std::string& who, const std::string& arn) {
        return R"({"Effect":"Allow","Principal":{"AWS":")" + who + R"("},"Action":"sqs:SendMessage","Resource":")" + arn + "\"}";
    };
    const std::string q = "arn:aws:sqs:eu-west-1:111122223333:q";
    CHECK(new_grants(queue("111122223333", q), queue("111122223333", q)) == "-");
    CHECK(new_grants(queue("111122223333", q), queue("444455556666", q)) == "0");
    CHECK(new_grants(queue("111122223333", q), queue("111122223333", "arn:aws:sqs:eu-west-1:111122223333:other")) == "0");
}

TEST_CASE("access that a policy does not grant") {
    const auto granted = [](const std::string& statements, std::vector<std::string> actions, std::vector<std::string> resources,
                            DocumentKind kind = DocumentKind::identity) {
        return shown(proof::find_granted(document(statements), kind, std::move(actions), std::move(resources)));
    };
    const std::string get = allow("s3:GetObject", "arn:aws:s3:::data/*");
    CHECK(granted(get, {"s3:PutObject", "s3:DeleteObject"}, {}) == "-");
    CHECK(granted(get, {"s3:PutObject", "s3:Get*"}, {}) == "0");
    CHECK(granted(get, {}, {"arn:aws:s3:::other/*"}) == "-");
    CHECK(granted(get, {}, {"arn:aws:s3:::data/x"}) == "0");
    CHECK(granted(get, {"s3:GetObject"}, {"arn:aws:s3:::other/*", "arn:aws:s3:::data/x"}) == "0");
    CHECK(granted(get + R"(,{"Effect":"Deny","Action":"s3:GetObject","Resource":"*"})", {"s3:GetObject"}, {}) == "-");
    CHECK(granted(allow("sqs:*", "*"), {"sqs:SendMessage"}, {"arn:aws:sqs:eu-west-1:111122223333:q"}) == "0");
    CHECK(granted(to(R"({"AWS":"111122223333"})"), {"s3:PutObject"}, {}, DocumentKind::resource) == "-");
    CHECK(granted(to(R"({"AWS":"111122223333"})"), {"s3:GetObject"}, {"arn:aws:s3:::data/x"}, DocumentKind::resource) == "0");
}

TEST_CASE("public access") {
    const auto is_public = [](const std::string& statements) { return shown(proof::find_public(document(statements))); };
    CHECK(is_public(to(R"({"AWS":"111122223333"})")) == "-");
    CHECK(is_public(to(R"({"AWS":"111122223333"})") + "," + to(R"("*")")) == "1");
    CHECK(is_public(to(R"("*")") + R"(,{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"})") == "-");
    CHECK(is_public(R"({"Effect":"Allow","Principal":"*","Action":"s3:GetObject"})") == "0");
    CHECK(is_public(trust(R"("*")")) == "0");
    CHECK(is_public(
              R"({"Effect":"Allow","Principal":"*","Action":"sqs:SendMessage","Resource":"arn:aws:sqs:eu-*:111122223333:q"})") ==
          "0");
    CHECK(is_public(
              R"({"Effect":"Allow","Principal":"*","Action":"sqs:SendMessage","Resource":"arn:aws:sqs:eu-*:111122223333:q"})") ==
          "0");
    CHECK(
        is_public(
            R"({"Effect":"Allow","Principal":"*","Action":"sqs:SendMessage","Resource":"arn:aws:sqs:eu-west-1:111122223333:q"})") ==
        "0");
    CHECK(is_public(to(R"("*")", "s3:GetObject", R"(,"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}})")) == "-");
}

TEST_CASE("limits and documents that are none") {
    proof::GrantLimits limits;
    limits.document_bytes_max = 10;
    CHECK(proof::find_public(document(to(R"("*")")), limits).error().code == "LimitExceeded");
    limits = {};
    limits.statements_max = 1;
    CHECK(proof::find_public(document(to(R"("*")") + "," + to(R"("*")")), limits).error().code == "LimitExceeded");
    limits = {};
    limits.questions_max = 0;
    CHECK(shown(proof::find_new_access(document(allow("s3:*", "*")), document(allow("s3:Get*", "*")), DocumentKind::identity,
                                       limits)) == "? 0");
    limits = {};
    limits.worlds_max = 0;
    CHECK(shown(proof::find_granted(document(allow("s3:*", "*")), DocumentKind::identity, {"s3:PutObject"}, {}, limits)) ==
          "? 0");
    // Questions are few where documents are large, and what is found is found all the same.
    std::string many;
    for (int i = 0; i < 20; ++i)
        many +=
            (i == 0 ? "" : ",") + allow("ec2:RunInstances", "arn:aws:ec2:us-*-" + std::to_string(i) + ":111122223333:instance/*");
    CHECK(proof::find_new_access(document(many), document(allow("s3:*", "*")), DocumentKind::identity)->kind ==
          Answer::Kind::yes);
    limits = {};
    limits.statements_asked_max = 10;
    CHECK(shown(proof::find_new_access(document(many), document(allow("ec2:*", "*")), DocumentKind::identity, limits))
              .starts_with("?"));
    CHECK(shown(proof::find_new_access(document(many), document(many), DocumentKind::identity, limits)) == "-");
    CHECK(!proof::find_new_access("{", document(""), DocumentKind::identity).has_value());
    CHECK(!proof::find_new_access(document(trust(R"("*")")), document(allow("s3:*", "*")), DocumentKind::identity).has_value());
}
