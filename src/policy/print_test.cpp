// Printing and parsing again loses nothing; AWS's own managed policies are the largest sample of real policies there is.
#include "policy/print.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "policy/compile.hpp"
#include "policy/policy.hpp"
#include "text/json.hpp"

namespace {

using namespace policy;

std::string words(const Pattern& pattern, const CompiledPolicy& of) {
    using Shape = Pattern::Shape;
    auto out = std::to_string(static_cast<int>(pattern.shape));
    if (pattern.shape == Shape::exact || pattern.shape == Shape::prefix) return out + std::string(of.text(pattern.where));
    if (pattern.shape == Shape::nothing || pattern.shape == Shape::everything) return out;
    const auto tables = of.patterns();
    for (const auto& piece : tables.pieces.subspan(pattern.where.at, pattern.where.size)) {
        out += "|" + std::to_string(static_cast<int>(piece.kind));
        if (piece.kind == PatternPiece::Kind::literal) out += tables.text(piece.text);
        if (piece.kind != PatternPiece::Kind::variable) continue;
        const auto& variable = tables.variables[piece.text.at];
        (((out += tables.text(variable.key)) += variable.has_fallback ? "'" : "") += tables.text(variable.fallback)) +=
            std::to_string(variable.key_hash);
    }
    return out;
}

std::string words(const Condition& condition, const CompiledPolicy& of) {
    const auto& op = condition.op;
    auto out = std::to_string(static_cast<int>(op.comparison)) + std::to_string(static_cast<int>(op.set)) +
               std::to_string(op.negated) + std::to_string(op.if_exists) + std::string(of.text(condition.key)) +
               std::to_string(condition.key_hash);
    const auto tables = of.condition_tables();
    for (const auto& value : tables.values.subspan(condition.values.at, condition.values.size)) {
        out += "|";
        switch (op.comparison) {
            case Comparison::ip_address:
                out += tables.networks[value.network].text();
                break;
            case Comparison::null:
                out += std::to_string(value.flag);
                break;
            case Comparison::binary_equals:
                out += of.text(value.encoded);
                break;
            case Comparison::string_equals:
            case Comparison::string_equals_ignore_case:
            case Comparison::string_like:
            case Comparison::arn_like:
            case Comparison::boolean:
                out += words(value.pattern, of);
                break;
            default:
                if (op.comparison >= Comparison::date_equals && op.comparison <= Comparison::date_greater_equals)
                    out += std::to_string(value.millis);
                else
                    out += std::to_string(value.decimal.negative) + std::string(of.text(value.decimal.digits)) + "e" +
                           std::to_string(value.decimal.point);
        }
    }
    return out;
}

// Everything that a decision looks at, independently of the printer.
std::string words(const Policy& policy) {
    const auto& of = policy.compiled();
    std::string out = std::to_string(policy.has_variables());
    for (const auto& s : of.statements()) {
        out += "\n" + std::to_string(static_cast<int>(s.effect)) + std::to_string(s.broken) + std::to_string(s.not_action) +
               std::to_string(s.not_resource) + std::to_string(s.any_resource) + std::to_string(s.has_principal) +
               std::to_string(s.not_principal) + std::to_string(s.services);
        for (const auto& action : of.actions(s))
            out += " A" + std::to_string(action.key) + std::to_string(action.service) + words(action.pattern, of);
        for (const auto& resource : of.resources(s)) out += " R" + words(resource, of);
        for (const auto& entry : of.principals(s).entries)
            out += " P" + std::to_string(static_cast<int>(entry.kind)) + std::string(of.text(entry.text)) + "/" +
                   std::string(of.text(entry.partition));
        std::vector<std::string> conditions;  // their order is nothing to a decision
        for (const auto& condition : of.conditions(s)) conditions.push_back(" C" + words(condition, of));
        std::ranges::sort(conditions);
        for (const auto& condition : conditions) out += condition;
    }
    return out;
}

void check_printed(const Policy& parsed, std::string_view name) {
    const auto printed = print(parsed);
    const auto again = Policy::parse(printed, parsed.kind());
    REQUIRE_MESSAGE(again.has_value(), name, ": ", printed);
    CHECK_MESSAGE(words(**again) == words(parsed), name, ": ", printed);
    CHECK(print(**again) == printed);
}

}  // namespace

TEST_CASE("what is printed parses to an equal policy") {
    const std::pair<PolicyKind, const char*> documents[] = {
        {PolicyKind::identity,
         R"({"Version":"2012-10-17","Statement":[{"Sid":"One","Effect":"Allow","NotAction":["S3:Get*","iam: x"],"NotResource":"*"}]})"},
        {PolicyKind::identity,
         R"({"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"s3:x y","Resource":["arn:aws:s3","arn:aws:s3:::${aws:username}/${*}/${?}?/${$}{/${aws:PrincipalTag/Team, 'none, ''of'' them}'}*","arn:aws:iam:u?-*t**:a*b:c**?d"]}})"},
        {PolicyKind::identity,
         R"({"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:username}/*"}})"},
        {PolicyKind::session,
         R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ArnLike":{"aws:a":"arn:aws:iam::*:role/R","aws:b":"short"},"ArnEquals":{"aws:A":"arn:aws:iam::1:role/?"},"ForAnyValue:StringNotLikeIfExists":{"aws:TagKeys":["a*","${aws:username}?"]},"ForAllValues:StringEquals":{"aws:TagKeys":["*","${*}","${$}{"]},"NumericLessThan":{"s3:max-keys":["10","-1.50","0.0","1e-3"]},"NumericNotEquals":{"s3:max-keys":12345678901234567890},"DateGreaterThan":{"aws:CurrentTime":["2026-01-01","1767225600","-100000000000","2026-01-01T00:00:00.5Z"]},"NotIpAddress":{"aws:SourceIp":["10.0.0.1","2001:DB8::/32"]},"Bool":{"aws:SecureTransport":[true,"False","${aws:x}"]},"BinaryEquals":{"aws:blob":"QUJD"},"Null":{"aws:y":true}}}})"},
        {PolicyKind::resource,
         R"({"Version":"2012-10-17","Id":"gone","Statement":[{"Sid":"with space","Effect":"Deny","NotPrincipal":{"AWS":["111122223333","arn:aws-cn:iam::111122223333:root","arn:aws:iam::111122223333:user/a/b","*"],"Service":"s3.amazonaws.com"},"Action":"s3:*","Resource":"*"},{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"s3:*","Resource":"*"}]})"},
        {PolicyKind::trust,
         R"({"Statement":{"Effect":"Allow","Principal":{"Federated":["accounts.google.com"],"AWS":"AROAEXAMPLE"},"Action":"sts:AssumeRoleWithWebIdentity"}})"},
    };
    for (const auto& [kind, document] : documents) {
        const auto parsed = Policy::parse(document, kind);
        REQUIRE_MESSAGE(parsed.has_value(), std::string(document), parsed ? "" : parsed.error().describe());
        check_printed(**parsed, document);
    }
    // What could not be read prints as what it does.
    const auto closed = Policy::parse_stored("not a policy", PolicyKind::trust);
    CHECK(print(*closed) == R"({"Version":"2008-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"sts:*"}]})");
}

TEST_CASE("every AWS managed policy parses, compiles, prints and parses again to an equal policy") {
    std::ifstream file(MANAGED_POLICIES);
    std::stringstream content;
    content << file.rdbuf();
    const auto policies = text::parse_json(content.str());
    REQUIRE(policies.has_value());
    CHECK(policies->size() > 1500);
    size_t statements = 0;
    for (const auto& row : policies->items()) {
        const auto parsed = policy::Policy::parse(row["document"].as_string(), policy::PolicyKind::identity);
        CHECK_MESSAGE(parsed.has_value(), row["name"].as_string(), ": ", parsed ? "" : parsed.error().describe());
        if (!parsed) continue;
        for (const auto& statement : (*parsed)->compiled().statements()) {
            CHECK(!statement.broken);
            CHECK(statement.actions.size > 0);
            CHECK(statement.resources.size > 0);
        }
        check_printed(**parsed, row["name"].as_string());
        statements += (*parsed)->statements().size();
    }
    CHECK(statements > 8000);
}

TEST_CASE("one condition, and one statement's resources, as they are written") {
    const auto policy = Policy::parse(
        R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject",
            "Resource":["arn:aws:s3:::home/${aws:username}/*","*"],
            "Condition":{"IpAddress":{"AWS:SourceIP":["10.0.0.0/8","192.0.2.1"]},
                         "ForAnyValue:StringLikeIfExists":{"aws:tagkeys":"${*}*"},
                         "NumericLessThan":{"aws:MultiFactorAuthAge":["3600","1.5","-20","0.25","1e30"]},
                         "DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"}}}})",
        PolicyKind::identity);
    REQUIRE(policy.has_value());
    const auto& compiled = (*policy)->compiled();
    const auto& statement = compiled.statements()[0];
    CHECK(print_resources(compiled, statement) == std::vector<std::string>{"arn:aws:s3:::home/${aws:username}/*", "*"});
    std::vector<std::string> printed;
    for (const auto& condition : compiled.conditions(statement)) {
        const auto one = print(compiled, condition);
        auto& line = printed.emplace_back(one.op + " " + one.key);
        for (const auto& value : one.values) line += " " + value;
    }
    std::ranges::sort(printed);
    REQUIRE(printed.size() == 4);
    CHECK(printed[0] == "DateLessThan aws:CurrentTime 2030-01-01T00:00:00Z");
    CHECK(printed[1] == "ForAnyValue:StringLikeIfExists aws:TagKeys ${*}*");
    CHECK(printed[2] == "IpAddress aws:SourceIp 10.0.0.0/8 192.0.2.1/32");
    CHECK(printed[3] == "NumericLessThan aws:MultiFactorAuthAge 3600 1.5 -20 0.25e0 0.1e31");
}

TEST_CASE("operators as IAM documents them") {
    CHECK(operator_as_documented("stringlike") == "StringLike");
    CHECK(operator_as_documented("FORALLVALUES:stringnotequalsignorecaseifexists") ==
          "ForAllValues:StringNotEqualsIgnoreCaseIfExists");
    CHECK(operator_as_documented("arnequals") == "ArnEquals");
    CHECK(operator_as_documented("ARNNOTLIKE") == "ArnNotLike");
    CHECK(operator_as_documented("StringIs") == "StringIs");  // none
}
