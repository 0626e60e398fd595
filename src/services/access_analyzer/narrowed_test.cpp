#include "services/access_analyzer/narrowed.hpp"

#include <doctest/doctest.h>

#include <chrono>

#include "text/json.hpp"

namespace aa = services::access_analyzer;

namespace {

using Texts = std::set<std::string>;
const base::Time then = base::Time(std::chrono::days(20'000));

policy::PolicyPtr identity(const std::string& statements) {
    return policy::Policy::parse(R"({"Version":"2012-10-17","Statement":[)" + statements + "]}", policy::PolicyKind::identity)
        .value();
}

// What is left of each policy; `-` in front of what goes.
std::vector<std::string> steps(const std::vector<std::string>& policies, const Texts& used) {
    std::vector<aa::HeldPolicy> held;
    for (size_t i = 0; i < policies.size(); ++i)
        held.push_back({.id = "p" + std::to_string(i), .policy = identity(policies[i]), .updated = then});
    std::vector<std::string> out;
    const auto found = aa::narrowing_steps(held, [&](const std::string& action) { return used.contains(action); });
    REQUIRE(found);
    for (const auto& step : *found) {
        CHECK(step.updated == then);
        if (step.kind == aa::NarrowingStep::Kind::detach)
            out.push_back("-" + step.policy);
        else
            out.push_back(step.policy + " " + (*text::parse_json(step.document))["Statement"].dump());
    }
    return out;
}

using Steps = std::vector<std::string>;

}  // namespace

TEST_CASE("policies without what is unused") {
    const std::string reads =
        R"({"Sid":"R","Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::data/*","Condition":{"Bool":{"aws:SecureTransport":"true"}}})";
    CHECK(steps({reads}, {"s3:getobject", "s3:putobject"}).empty());
    CHECK(steps({reads}, {"logs:getlogevents"}) == Steps{"-p0"});
    CHECK(
        steps({reads}, {"s3:getobject"}) ==
        Steps{
            R"(p0 [{"Sid":"R","Effect":"Allow","Action":["s3:GetObject"],"Resource":"arn:aws:s3:::data/*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}])",
            "-p0"});
    // A wildcard becomes what was used of it, and so does what is not excepted.
    CHECK(steps({R"({"Effect":"Allow","Action":"s3:*","Resource":"*"})"}, {"s3:getobject", "iam:getuser"}) ==
          Steps{R"(p0 [{"Effect":"Allow","Action":["s3:GetObject"],"Resource":"*"}])", "-p0"});
    CHECK(steps({R"({"Effect":"Allow","NotAction":"S3:*","Resource":"*"})"}, {"s3:getobject", "iam:getuser"}) ==
          Steps{R"(p0 [{"Effect":"Allow","Action":["iam:GetUser"],"Resource":"*"}])", "-p0"});
    // What denies stays, whatever is used.
    CHECK(steps({reads + R"(,{"Effect":"Deny","Action":"s3:DeleteObject","Resource":"*"})"}, {}) ==
          Steps{R"(p0 [{"Effect":"Deny","Action":"s3:DeleteObject","Resource":"*"}])", "-p0"});
    CHECK(steps({R"({"Effect":"Deny","Action":"s3:DeleteObject","Resource":"*"})"}, {}).empty());
    CHECK(steps({reads, R"({"Effect":"Allow","Action":"logs:GetLogEvents","Resource":"*"})"}, {"s3:getobject", "s3:putobject"}) ==
          Steps{"-p1"});
}
