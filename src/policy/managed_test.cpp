// AWS's own managed policies are the largest sample of real policies there is: every one parses strictly and compiles.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "policy/compile.hpp"
#include "policy/policy.hpp"
#include "text/json.hpp"

TEST_CASE("every AWS managed policy parses and compiles") {
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
        statements += (*parsed)->statements().size();
    }
    CHECK(statements > 8000);
}
