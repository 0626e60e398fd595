// Trainwarden's side of bench/policy: reads commands, a line each, and answers each with a line of JSON (README.md, "The
// conversation"). Everything that touches the engine is in the first part; the rest measures and talks.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <deque>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "policy/evaluate.hpp"
#include "policy/residual.hpp"
#include "text/json.hpp"

namespace {

using text::Json;

[[noreturn]] void die(const std::string& why) {
    std::fprintf(stderr, "error: %s\n", why.c_str());
    std::exit(1);
}

// --- The engine: parse, prepare, decide --------------------------------------------------------------------------------------

policy::PolicyPtr parsed(const std::string& document, policy::PolicyKind kind) {
    auto got = policy::Policy::parse(document, kind);
    if (!got) die(got.error().describe() + "\n" + document.substr(0, 400));
    return *got;
}

policy::AttachedPolicy attached(const Json& named, policy::PolicyKind kind) {
    return {parsed(named.items()[1].dump(), kind), named.items()[0].as_string()};
}

// No condition key has a value that is known in advance.
struct NothingKnown final : policy::KnownKeys {
    [[nodiscard]] bool knows(uint64_t, std::string_view) const override { return false; }
};

// A question, ready to be asked: what a server has in hand when a request has been authenticated and classified. It stays where
// it was made, so that it may point into itself.
struct Asked {
    policy::Request request;
    policy::Question question;
    const policy::PolicySet& policies;
    policy::Outcome expected;
    policy::Residual residual;  // what is left of the policies for this caller and this action

    Asked(policy::Request asked, const policy::PolicySet& set, policy::Outcome answer)
        : request(std::move(asked)),
          question(request),
          policies(set),
          expected(answer),
          residual(question, policies, resource_policy(), NothingKnown()) {}
    Asked(const Asked&) = delete;
    [[nodiscard]] const policy::AttachedPolicy* resource_policy() const {
        return policies.resource ? &*policies.resource : nullptr;
    }
};

// What is compared with the other engines. Nothing is reused from one call to the next.
policy::Outcome decide(const Asked& asked) { return policy::decide(asked.question, asked.policies).outcome; }
// As the gate decides what is not a principal's first request for an action, but that there the caller's keys are known too.
policy::Outcome decide_prepared(const Asked& asked) {
    return policy::decide(asked.question, asked.policies, asked.resource_policy(), asked.residual).outcome;
}

// What a server keeps of a principal: its own policy, compiled. What many share (managed policies, boundaries, service control
// policies) is compiled and kept once, and the set of a request points to it all.
struct Principal {
    std::string policy_name;
    policy::PolicyPtr own;
};

policy::PolicySet set_of(const Principal& principal, policy::PolicySet shared) {
    shared.identity[0] = {principal.own, principal.policy_name};
    return shared;
}

policy::PolicySet policy_set(const Json& policies, bool with_resource) {
    using policy::PolicyKind;
    const auto one = [&](std::string_view layer, PolicyKind kind) {
        return policy::AttachedPolicy{parsed(policies[layer].dump(), kind), std::string(layer)};
    };
    policy::PolicySet out;
    for (const auto& named : policies["identity"].items()) out.identity.push_back(attached(named, PolicyKind::identity));
    if (!policies["boundary"].is_null()) out.boundary = one("boundary", PolicyKind::identity);
    if (!policies["session"].is_null()) out.session = std::vector{one("session", PolicyKind::session)};
    for (const auto& level : policies["service_control"].items()) {
        auto& into = out.service_control.emplace_back();
        for (const auto& named : level.items()) into.push_back(attached(named, PolicyKind::service_control));
    }
    if (with_resource && !policies["resource"].is_null()) out.resource = one("resource", PolicyKind::resource);
    return out;
}

policy::Outcome outcome_named(std::string_view name) {
    if (name == "allow") return policy::Outcome::allow;
    if (name == "explicit_deny") return policy::Outcome::explicit_deny;
    if (name == "implicit_deny") return policy::Outcome::implicit_deny;
    die("unknown outcome " + std::string(name));
}

std::string_view name_of(policy::Outcome outcome) {
    switch (outcome) {
        case policy::Outcome::allow:
            return "allow";
        case policy::Outcome::explicit_deny:
            return "explicit_deny";
        case policy::Outcome::implicit_deny:
            return "implicit_deny";
    }
    die("unknown outcome");
}

policy::Request request_of(const Json& json) {
    policy::Request out;
    const auto& principal = json["principal"];
    out.principal.kind = policy::PrincipalKind::role_session;
    out.principal.account = principal["account"].as_string();
    out.principal.arn = principal["arn"].as_string();
    out.principal.role_arn = principal["role_arn"].as_string();
    out.principal.unique_id = principal["unique_id"].as_string();
    out.principal.role_id = principal["role_id"].as_string();
    out.action = json["action"].as_string();
    out.resource = json["resource"].as_string();
    out.resource_account = json["resource_account"].as_string();
    for (const auto& [key, value] : json["context"].members()) out.context.set(key, value.as_string());
    return out;
}

using Sequence = std::vector<const Asked*>;

struct Case {
    policy::PolicySet with_bucket, without_bucket;
    std::deque<Asked> asked;
    std::map<std::string, Sequence> sequences;  // all, allow, deny

    explicit Case(const Json& json)
        : with_bucket(policy_set(json["policies"], true)), without_bucket(policy_set(json["policies"], false)) {
        for (const auto& each : json["requests"].items()) {
            const auto& one = asked.emplace_back(request_of(each), each["bucket"].as_bool() ? with_bucket : without_bucket,
                                                 outcome_named(each["expected"].as_string()));
            sequences["all"].push_back(&one);
            sequences[one.expected == policy::Outcome::allow ? "allow" : "deny"].push_back(&one);
        }
    }
    Case(const Case&) = delete;
};

// --- Measuring ---------------------------------------------------------------------------------------------------------------

using Wall = std::chrono::steady_clock;

// The processor time that this process has used: what a busy machine's other work does not add to.
double processor_nanoseconds() {
    timespec now{};
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0) die("no clock of this process's processor time");
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double nanoseconds_since(Wall::time_point start) { return std::chrono::duration<double, std::nano>(Wall::now() - start).count(); }

// A stopwatch for one decision: the time stamp counter where there is one (10 ns a reading; a clock takes 25).
class Stopwatch {
public:
    Stopwatch() {
        std::vector<double> empty(20'001);
        const auto wall = Wall::now();
        const auto from = ticks();
        for (auto& each : empty) {
            const auto start = ticks();
            each = static_cast<double>(ticks() - start);
        }
        while (nanoseconds_since(wall) < 20e6) {
        }
        const auto elapsed = static_cast<double>(ticks() - from);
        nanoseconds_per_tick_ = nanoseconds_since(wall) / elapsed;
        std::ranges::nth_element(empty, empty.begin() + 10'000);
        overhead_ticks_ = empty[10'000];
    }

    // Fenced, so that neither the decision nor its neighbours leak over the edge.
    static uint64_t ticks() {
#if defined(__x86_64__)
        _mm_lfence();
        const auto now = __rdtsc();
        _mm_lfence();
        return now;
#else
        return static_cast<uint64_t>(Wall::now().time_since_epoch().count());
#endif
    }
    // The reading itself subtracted.
    [[nodiscard]] double nanoseconds(uint64_t start, uint64_t stop) const {
        return std::max(0.0, static_cast<double>(stop - start) - overhead_ticks_) * nanoseconds_per_tick_;
    }
    [[nodiscard]] double overhead_nanoseconds() const { return overhead_ticks_ * nanoseconds_per_tick_; }

private:
    double nanoseconds_per_tick_ = 1;
    double overhead_ticks_ = 0;
};

double quantile(std::vector<double>& values, double q) {
    const auto at = values.begin() + static_cast<ptrdiff_t>(q * static_cast<double>(values.size() - 1));
    std::ranges::nth_element(values, at);
    return *at;
}

// Keeps a result alive for the optimizer.
void keep(policy::Outcome outcome) { asm volatile("" : : "r"(outcome) : "memory"); }

using Decide = policy::Outcome(const Asked&);

template <Decide decide>
Json measured(const Sequence& sequence, double milliseconds, const Stopwatch& stopwatch) {
    const auto budget = milliseconds * 1e6;
    const auto ask_all = [&] {
        for (const auto* asked : sequence) keep(decide(*asked));
    };
    // The median: batches of as many passes over the sequence as take 200 us, each batch timed as one.
    ask_all();
    const auto warm = Wall::now();
    ask_all();
    const auto passes = static_cast<size_t>(std::max(1.0, 200e3 / nanoseconds_since(warm)));
    const auto per_batch = static_cast<double>(passes * sequence.size());
    std::vector<double> batches;
    for (const auto start = Wall::now(); batches.empty() || nanoseconds_since(start) < budget / 2;) {
        const auto from = processor_nanoseconds();
        for (size_t i = 0; i < passes; ++i) ask_all();
        batches.push_back((processor_nanoseconds() - from) / per_batch);
    }
    // The tail: each decision by itself.
    std::vector<double> singles;
    for (const auto start = Wall::now(); singles.empty() || nanoseconds_since(start) < budget / 2;) {
        for (const auto* asked : sequence) {
            const auto from = Stopwatch::ticks();
            keep(decide(*asked));
            singles.push_back(stopwatch.nanoseconds(from, Stopwatch::ticks()));
        }
    }
    auto out = Json::object();
    out.set("median_ns", quantile(batches, 0.5));
    out.set("single_median_ns", quantile(singles, 0.5));
    out.set("p99_ns", quantile(singles, 0.99));
    out.set("decisions", static_cast<uint64_t>(per_batch) * batches.size() + singles.size());
    return out;
}

Json compiled(const std::string& document, double milliseconds) {
    std::vector<double> times;
    for (const auto start = Wall::now(); times.size() < 3 || nanoseconds_since(start) < milliseconds * 1e6;) {
        const auto from = processor_nanoseconds();
        const auto got = parsed(document, policy::PolicyKind::identity);
        times.push_back(processor_nanoseconds() - from);
    }
    auto out = Json::object();
    out.set("median_ns", quantile(times, 0.5));
    out.set("p99_ns", quantile(times, 0.99));
    return out;
}

uint64_t resident_bytes() {
    std::ifstream file("/proc/self/statm");
    uint64_t size = 0, resident = 0;
    if (!(file >> size >> resident)) die("cannot read /proc/self/statm");
    return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

// `@@` becomes the next number, `@` this one: seven digits, so that no number is the beginning of another.
std::string numbered(std::string text, uint64_t number) {
    const auto replace = [&](std::string_view mark, const std::string& by) {
        for (size_t at = 0; (at = text.find(mark, at)) != std::string::npos; at += by.size()) text.replace(at, mark.size(), by);
    };
    replace("@@", fmt::format("{:07}", number + 1));
    replace("@", fmt::format("{:07}", number));
    return text;
}

// `count` principals: each one's own inline policy parsed, the documents that all share parsed once. Some are asked.
Json populated(const Json& population, uint64_t count) {
    const auto& policies = population["policies"];
    const auto inline_document = policies["identity"].items()[0].items()[1].dump();
    const auto shared = policy_set(policies, false);
    const auto before = resident_bytes();
    const auto start = Wall::now();
    std::vector<Principal> principals;
    principals.reserve(count);
    for (uint64_t i = 0; i < count; ++i)
        principals.push_back({"own", parsed(numbered(inline_document, i), policy::PolicyKind::identity)});
    auto out = Json::object();
    out.set("seconds", nanoseconds_since(start) / 1e9);
    out.set("bytes", resident_bytes() - before);
    out.set("principals", count);
    for (const auto& each : population["requests"].items()) {
        for (uint64_t i = 0; i < count; i += std::max<uint64_t>(1, count / 1000)) {
            const auto json = text::parse_json(numbered(each.dump(), i));
            if (!json) die(json.error().describe());
            const auto set = set_of(principals[i], shared);
            const Asked asked(request_of(*json), set, outcome_named(each["expected"].as_string()));
            if (decide(asked) != asked.expected)
                die(fmt::format("principal {} of {}: {} instead of {}", i, count, name_of(decide(asked)),
                                name_of(asked.expected)));
        }
    }
    return out;
}

// --- The conversation --------------------------------------------------------------------------------------------------------

Json read_json(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream content;
    content << file.rdbuf();
    auto json = text::parse_json(content.str());
    if (!file || !json) die("cannot read " + path + (json ? "" : ": " + json.error().describe()));
    return *std::move(json);
}

class Conversation {
public:
    explicit Conversation(std::string folder) : folder_(std::move(folder)) {}

    Json answer(const std::string& line) {
        std::istringstream words(line);
        std::string verb, name, sequence;
        double amount = 0;
        words >> verb;
        auto out = Json::object();
        if (verb == "load") {
            words >> name;
            cases_[name] = std::make_unique<Case>(read_json(folder_ + "/" + name + "/case.json"));
        } else if (verb == "drop") {
            words >> name;
            cases_.erase(name);
        } else if (verb == "answers") {
            words >> name;
            auto answers = Json::array();
            for (const auto& asked : at(name).asked) {
                if (decide_prepared(asked) != decide(asked)) die("decides otherwise when prepared: " + asked.request.resource);
                answers.push(name_of(decide(asked)));
            }
            out.set("answers", std::move(answers));
        } else if (verb == "round") {
            words >> name >> sequence >> amount;
            out = measured<decide>(at(name).sequences.at(sequence), amount, stopwatch_);
        } else if (verb == "prepared") {
            words >> name >> sequence >> amount;
            out = measured<decide_prepared>(at(name).sequences.at(sequence), amount, stopwatch_);
        } else if (verb == "compile") {
            words >> amount;
            out = compiled(read_json(folder_ + "/compile/document.json").dump(), amount);
        } else if (verb == "population") {
            words >> amount;
            out = populated(read_json(folder_ + "/population/case.json"), static_cast<uint64_t>(amount));
        } else if (verb == "about") {
            out.set("clock", fmt::format("time stamp counter, {:.0f} ns subtracted", stopwatch_.overhead_nanoseconds()));
        } else {
            die("unknown command: " + line);
        }
        return out;
    }

private:
    const Case& at(const std::string& name) {
        const auto found = cases_.find(name);
        if (found == cases_.end()) die("case " + name + " is not loaded");
        return *found->second;
    }

    std::string folder_;
    std::map<std::string, std::unique_ptr<Case>> cases_;
    Stopwatch stopwatch_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) die("usage: bench_policy FOLDER");
    Conversation conversation(argv[1]);
    for (std::string line; std::getline(std::cin, line);) std::cout << conversation.answer(line).dump() << std::endl;
    return 0;
}
