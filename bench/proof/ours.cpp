// What proof costs, on one core: implications between AWS's managed policies, and growth with the number of statements.
//
//   bench_proof implications POLICIES COUNT SEED    the pairs and what is said of each, as JSON lines, the summary last
//   bench_proof growth                              milliseconds a question, for 10 to 10,000 statements
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <random>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "policy/compile.hpp"
#include "proof/compare.hpp"
#include "text/json.hpp"

namespace {

using proof::Answer;
using Milliseconds = std::chrono::duration<double, std::milli>;

struct Managed {
    std::string name;
    policy::PolicyPtr policy;
};

std::vector<Managed> managed_policies(const char* path) {
    std::ifstream file(path);
    std::stringstream content;
    content << file.rdbuf();
    std::vector<Managed> out;
    for (const auto& row : text::parse_json(content.str()).value().items())
        out.push_back(
            {row["name"].as_string(), policy::Policy::parse(row["document"].as_string(), policy::PolicyKind::identity).value()});
    return out;
}

// Those that allow the most: in them, others have a chance to be.
std::vector<size_t> widest(const std::vector<Managed>& all, size_t count) {
    std::vector<std::pair<size_t, size_t>> sized;
    for (size_t i = 0; i < all.size(); ++i) {
        size_t services = 0;
        const auto& compiled = all[i].policy->compiled();
        for (const auto& statement : compiled.statements())
            if (statement.effect == policy::Effect::allow)
                services += statement.not_action ? 1000 : compiled.actions(statement).size();
        sized.emplace_back(services, i);
    }
    std::ranges::sort(sized, std::greater{});
    std::vector<size_t> out;
    for (size_t i = 0; i < count; ++i) out.push_back(sized[i].second);
    return out;
}

// What two of them say together: the first is in it, unless the other denies.
Managed together(const Managed& first, const Managed& second) {
    text::Json statements = text::Json::array();
    const auto add = [&](const text::Json& statement) {
        text::Json copy = text::Json::object();
        for (const auto& [name, value] : statement.members())
            if (name != "Sid") copy.set(name, value);  // one may come twice
        statements.push(std::move(copy));
    };
    for (const auto* one : {&first, &second}) {
        const auto document = text::parse_json(one->policy->text()).value();
        const auto& own = document["Statement"];
        if (!own.is_array()) add(own);
        if (own.is_array())
            for (const auto& statement : own.items()) add(statement);
    }
    const auto document = text::Json::object({{"Version", "2012-10-17"}, {"Statement", std::move(statements)}});
    return {first.name + " + " + second.name, policy::Policy::parse(document.dump(), policy::PolicyKind::identity).value()};
}

const char* word(Answer::Kind kind) { return kind == Answer::Kind::no ? "no" : kind == Answer::Kind::yes ? "yes" : "unknown"; }

int implications(const char* path, size_t count, uint64_t seed) {
    const auto all = managed_policies(path);
    const auto wide = widest(all, 100);
    std::mt19937_64 random(seed);
    std::array<size_t, 3> answers{};
    Milliseconds sum{}, slowest{};
    std::string slow;
    for (size_t i = 0; i < count; ++i) {
        // Half of them in a policy that allows much; the others in a neighbour by name, which is about the same service, or in that one and itself.
        size_t a = random() % all.size();
        const size_t b = i % 2 == 0 ? wide[random() % wide.size()] : std::min(all.size() - 1, a + 1 + random() % 6);
        if (a == b) a = (a + 1) % all.size();
        const Managed second = i % 4 == 3 ? together(all[a], all[b]) : all[b];
        const auto begin = std::chrono::steady_clock::now();
        const auto answer = proof::find_more(all[a].policy, second.policy);
        const Milliseconds took = std::chrono::steady_clock::now() - begin;
        sum += took;
        if (took > slowest) slowest = took, slow = all[a].name + " in " + second.name;
        ++answers[static_cast<size_t>(answer.kind)];
        fmt::print(R"({{"first":"{}","second":"{}","answer":"{}","reason":"{}","ms":{:.3f}}})"
                   "\n",
                   all[a].name, second.name, word(answer.kind), answer.reason, took.count());
    }
    fmt::print(R"({{"implications":{},"seconds":{:.3f},"no":{},"yes":{},"unknown":{},"slowest_ms":{:.1f},"slowest":"{}"}})"
               "\n",
               count, sum.count() / 1000, answers[0], answers[1], answers[2], slowest.count(), slow);
    return 0;
}

struct Family {
    const char* name;
    std::string (*statement)(size_t);
};

std::string allow(const std::string& action, const std::string& resource, const std::string& condition = "") {
    return R"({"Effect":"Allow","Action":")" + action + R"(","Resource":")" + resource + "\"" +
           (condition.empty() ? "" : R"(,"Condition":)" + condition) + "}";
}

int growth() {
    const Family families[] = {
        {"prefixes", [](size_t i) { return allow("s3:GetObject", "arn:aws:s3:::team-" + std::to_string(i) + "/*"); }},
        {"suffixes", [](size_t i) { return allow("s3:GetObject", "arn:aws:s3:::data/*-" + std::to_string(i) + ".tar"); }},
        {"conditions",
         [](size_t i) {
             return allow("s3:GetObject", "*", R"({"StringEquals":{"s3:ExistingObjectTag/team":"t)" + std::to_string(i) + "\"}}");
         }},
        {"both",
         [](size_t i) {
             return allow("s3:Get*", "arn:aws:s3:::team-" + std::to_string(i) + "/*",
                          R"({"IpAddress":{"aws:SourceIp":"10.)" + std::to_string(i / 256 % 256) + "." + std::to_string(i % 256) +
                              R"(.0/24"}})");
         }},
    };
    for (const auto& family : families)
        for (const size_t count : {10u, 100u, 1000u, 10000u}) {
            std::string statements;
            for (size_t i = 0; i < count; ++i) statements += (i == 0 ? "" : ",") + family.statement(i);
            const auto policy_of = [](const std::string& all) {
                return policy::Policy::parse(R"({"Version":"2012-10-17","Statement":[)" + all + "]}",
                                             policy::PolicyKind::identity)
                    .value();
            };
            const auto all = policy_of(statements);
            const auto one = policy_of(family.statement(count / 2)), other = policy_of(family.statement(count + 1));
            const auto timed = [&](const policy::PolicyPtr& first, const policy::PolicyPtr& second, std::string& said) {
                const auto begin = std::chrono::steady_clock::now();
                const auto answer = proof::find_more(first, second);
                said = word(answer.kind) + (answer.reason.empty() ? "" : " (" + answer.reason + ")");
                return Milliseconds(std::chrono::steady_clock::now() - begin).count();
            };
            std::string within, beyond, back;
            const double a = timed(one, all, within), b = timed(other, all, beyond), c = timed(all, one, back);
            fmt::print(
                "{:<12}{:>8} statements: one of them within {:>9.2f} ms {}; another one {:>9.2f} ms {}; all in one {:>9.2f} ms "
                "{}\n",
                family.name, count, a, within, b, beyond, c, back);
        }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::span arguments(argv, static_cast<size_t>(argc));
    if (arguments.size() == 5 && arguments[1] == std::string("implications"))
        return implications(arguments[2], std::strtoull(arguments[3], nullptr, 10), std::strtoull(arguments[4], nullptr, 10));
    if (arguments.size() == 2 && arguments[1] == std::string("growth")) return growth();
    fmt::print(stderr, "usage: bench_proof implications POLICIES COUNT SEED | growth\n");
    return 2;
}
