// No pattern that a tenant may write stalls a decision (MinIO's recursive matching took 6.8 s for ten stars on forty characters).
//
// Processor time of this thread, the least of many batches: what a loaded machine does to single measurements does not show in
// it. The bounds are those of algorithms, not of machines: exponential work passes every one of them by orders of magnitude.
#include <doctest/doctest.h>

#include <algorithm>
#include <ctime>
#include <string>

#include "policy/evaluate.hpp"
#include "question.hpp"

namespace {

using namespace policy;

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr double slower = 50;  // what the sanitizers cost
#else
constexpr double slower = 1;
#endif

double processor_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::string repeat(const std::string& text, size_t times) {
    std::string out;
    for (size_t i = 0; i < times; ++i) out += text;
    return out;
}

struct Case {
    std::string resource_pattern = "*", condition;  // condition: a Condition block, or empty
    std::string action_pattern = "*";
    std::string action = "s3:GetObject", resource = "arn:aws:s3:::b/k", key_value;
    Outcome outcome = Outcome::implicit_deny;
};

// Seconds for one decision.
double cost(const Case& one, size_t batch, size_t batches) {
    const auto document = R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":")" + one.action_pattern +
                          R"(","Resource":")" + one.resource_pattern + "\"" +
                          (one.condition.empty() ? "" : R"(,"Condition":)" + one.condition) + "}}";
    const auto parsed = Policy::parse(document, PolicyKind::identity);
    if (!parsed) FAIL(parsed.error().describe());
    PolicySet policies;
    policies.identity = {{*parsed, "p"}};
    Request request{.action = one.action, .resource = one.resource};
    request.principal = *reference::principal_of("user alice", "aws");
    request.context.set("aws:x", one.key_value);
    const Question question(request);
    double least = 1e9;
    for (size_t i = 0; i < batches; ++i) {
        const auto start = processor_seconds();
        for (size_t j = 0; j < batch; ++j) {
            const auto ruling = decide(question, policies);
            if (ruling.outcome != one.outcome) FAIL("decides otherwise");
        }
        least = std::min(least, (processor_seconds() - start) / static_cast<double>(batch));
    }
    return least;
}

}  // namespace

TEST_CASE("ten stars on forty characters: under a microsecond") {
    const Case miss{.resource_pattern = "arn:aws:s3:::" + repeat("*a", 10) + "*b*",
                    .resource = "arn:aws:s3:::" + repeat("a", 40)};
    const auto seconds = cost(miss, 1000, 200);
    MESSAGE((seconds * 1e9), " ns");
    CHECK(seconds < 1e-6 * slower);
    auto hit = miss;
    hit.resource += "b", hit.outcome = Outcome::allow;
    CHECK(cost(hit, 1000, 200) < 1e-6 * slower);
}

TEST_CASE("the longest ARNs and the worst patterns: no more than their product") {
    const auto s3 = [](const std::string& name) { return "arn:aws:s3:::" + name; };
    const auto like = [](const std::string& op, const std::string& value) {
        return "{\"" + op + "\":{\"aws:x\":\"" + value + "\"}}";
    };
    const std::string as = repeat("a", 2000);
    const Case cases[] = {
        {.resource_pattern = s3(repeat("*a", 900) + "*b"), .resource = s3(as)},
        {.resource_pattern = s3(repeat("*a", 900) + "*b*"), .resource = s3(as)},
        {.resource_pattern = s3(repeat("*aa", 600) + "*b*"), .resource = s3(as)},
        {.resource_pattern = s3("*" + repeat("a", 1000) + "b*"), .resource = s3(as)},
        {.resource_pattern = s3(repeat("*", 2000) + "b"), .resource = s3(as)},
        {.resource_pattern = s3(repeat("?", 2001)), .resource = s3(as)},
        {.resource_pattern = s3(repeat("*?", 900) + "b*"), .resource = s3(as)},
        {.resource_pattern = s3(repeat("?*", 900) + "b*"), .resource = s3(as)},
        {.resource_pattern = s3(repeat("a", 900) + "*" + repeat("a", 900) + "b"), .resource = s3(as)},
        {.resource_pattern = s3("*" + repeat("a?", 400) + "b*c"), .resource = s3(as)},
        {.resource_pattern = "arn:aws:sqs:" + repeat("*a", 400) + "b*:*:q*",
         .resource = "arn:aws:sqs:" + repeat("a", 900) + ":1:q"},
        {.resource_pattern = "arn:aws:sqs:*:" + repeat("*1", 300) + "*2*:*q*r*",
         .resource = "arn:aws:sqs:eu:" + repeat("1", 900) + ":" + repeat("q", 900)},
        {.resource_pattern = s3(repeat("*${aws:x}", 200) + "*b*"), .resource = s3(as), .key_value = "aaaaaaaa"},
        {.condition = like("StringLike", repeat("*a", 900) + "*b*"), .key_value = as},
        {.condition = like("StringLike", repeat("*${aws:x}", 5) + "b*"), .key_value = as},
        {.condition = like("ArnLike", "arn:aws:*:" + repeat("*a", 300) + ":*:" + repeat("*a", 600) + "b*"),
         .key_value = "arn:aws:s:" + repeat("a", 600) + ":1:" + repeat("a", 1300)},
        {.condition = like("StringEqualsIgnoreCase", as), .key_value = as + "b"},
        {.action_pattern = "s3:" + repeat("*e", 60) + "*x*", .action = "s3:" + repeat("e", 120)},
    };
    for (size_t i = 0; i < std::size(cases); ++i) {
        const auto seconds = cost(cases[i], 1, 25);
        MESSAGE(i, ": ", (seconds * 1e6), " us");
        CHECK_MESSAGE(seconds < 0.05 * slower, i);  // four million steps, at the least that a machine does
    }
}

TEST_CASE("twice as long, four times the work at most") {
    const auto of_size = [](size_t stars) {
        return Case{.resource_pattern = "arn:aws:s3:::" + repeat("*a", stars) + "*b",
                    .resource = "arn:aws:s3:::" + repeat("a", 2 * stars)};
    };
    const auto small = cost(of_size(200), 20, 100), large = cost(of_size(800), 5, 100);
    MESSAGE((small * 1e6), " us, ", (large * 1e6), " us");
    CHECK(large < 16 * small * 3);
}
