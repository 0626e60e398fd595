#include "proof/count.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

namespace {

std::vector<policy::AttachedPolicy> policies(const std::string& statements) {
    if (statements.empty()) return {};
    return {{policy::Policy::parse(R"({"Version":"2012-10-17","Statement":[)" + statements + "]}", policy::PolicyKind::identity)
                 .value(),
             "the policy"}};
}

std::string allow(const std::string& actions, const std::string& resources, const std::string& more = "") {
    return R"({"Effect":"Allow","Action":)" + actions + R"(,"Resource":)" + resources + more + "}";
}

const proof::ResourceOwner owner{.partition = "aws", .account = "111122223333", .region = "us-east-1"};
const policy::Context nothing;

proof::RequestCount count(const std::string& before, const std::string& after, const proof::CountLimits& limits = {}) {
    return proof::count_requests(policies(before), policies(after), owner, nothing, limits);
}

// log2 of the number of texts of at most so many of 95 characters.
double log_of_texts(size_t characters) {
    long double out = 0, of_length = 1;
    for (size_t i = 0; i <= characters; ++i, of_length *= 95) out += of_length;
    return static_cast<double>(std::log2(out));
}

const std::string get = R"("s3:GetObject")";

}  // namespace

TEST_CASE("single resources are counted one by one") {
    const auto one = count(allow(get, R"(["arn:aws:s3:::data/a","arn:aws:s3:::data/b","arn:aws:s3:::data/a"])"),
                           allow(get, R"("arn:aws:s3:::data/b")"));
    CHECK(one.open.empty());
    CHECK(one.before.value() == 1.0);  // two of them
    CHECK(one.after.value() == 0.0);
    CHECK(one.lost.value() == 0.0);
    CHECK(one.narrowed == std::vector<std::string>{"s3:GetObject"});
    CHECK(one.dropped.empty());
}

TEST_CASE("what a wildcard stands for is every text up to the length") {
    const std::string prefix = "arn:aws:s3:::data/x/";
    const auto all = count(allow(get, "\"" + prefix + "*\""), "");
    CHECK(*all.before == doctest::Approx(log_of_texts(256 - prefix.size())).epsilon(1e-12));
    CHECK(!all.after.has_value());
    CHECK(all.lost.value() == all.before.value());
    CHECK(all.dropped == std::vector<std::string>{"s3:GetObject"});
    const auto one = count(allow(get, "\"" + prefix + "?\""), "");
    CHECK(*one.before == doctest::Approx(std::log2(95.0)).epsilon(1e-12));
    // Two actions are twice as many.
    const auto two = count(allow(R"(["s3:GetObject","s3:PutObject"])", "\"" + prefix + "*\""), "");
    CHECK(*two.before == doctest::Approx(*all.before + 1).epsilon(1e-12));
    // Both at once are counted once.
    const auto twice = count(allow(get, "\"" + prefix + "*\"") + "," + allow(get, "\"" + prefix + "a*\""), "");
    CHECK(*twice.before == doctest::Approx(*all.before).epsilon(1e-12));
}

TEST_CASE("texts that are no resource of the action do not count") {
    CHECK(!count(allow(R"("s3:GetObject")", R"("arn:aws:s3:::data")"), "").before.has_value());
    // s3:ListAllMyBuckets has no resources: there is one request for it.
    CHECK(count(allow(R"("s3:ListAllMyBuckets")", R"("*")"), "").before.value() == 0.0);
}

TEST_CASE("a Deny takes away, a Condition does not") {
    const std::string both = R"(["arn:aws:s3:::data/a","arn:aws:s3:::data/b"])";
    const std::string deny = R"(,{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::data/a")";
    CHECK(count(allow(get, both) + deny + "}", "").before.value() == 0.0);
    CHECK(count(allow(get, both) + deny + R"(,"Condition":{"Bool":{"aws:SecureTransport":"false"}}})", "").before.value() == 1.0);
    CHECK(count(allow(get, both, R"(,"Condition":{"Bool":{"aws:SecureTransport":"false"}})"), "").before.value() == 1.0);
    const std::string all_but = R"({"Effect":"Allow","Action":"s3:GetObject","NotResource":"arn:aws:s3:::data/*"})";
    const auto some = count(all_but, ""), all = count(allow(get, R"("*")"), "");
    CHECK(*some.before < *all.before);
    CHECK(*some.before > *all.before - 0.01);
}

TEST_CASE("what is lost is counted by itself") {
    const auto out = count(allow(R"("s3:*")", R"("*")"), allow(get, R"("arn:aws:s3:::data/train/*")"));
    REQUIRE(out.lost.has_value());
    CHECK(*out.lost <= *out.before);
    CHECK(*out.after < *out.before);
    CHECK(std::ranges::find(out.dropped, "s3:PutObject") != out.dropped.end());
    CHECK(out.narrowed == std::vector<std::string>{"s3:GetObject"});
}

TEST_CASE("a limit is said") {
    CHECK(count(allow(get, R"("arn:aws:s3:::data/*")"), "", {.states_max = 3}).open == "automaton states");
    CHECK(count(allow(R"("*")", R"("*")"), "").open.empty());
}
