// The engine beside a public simulator, @cloud-copilot/iam-simulate, which runs as a process of its own (peer/simulate.mjs).
//
//   policy_peer ask SEED SETS      questions as lines of JSON, for the simulator
//   policy_peer judge SEED SETS    its answers on standard input, a line a question
//
// A disagreement is known only if it is exactly one that docs/disagreements.md lists: each row there is a reading, a switch of
// the reference evaluator, and the reference with the simulator's readings on must give the simulator's answer to every question,
// as with all of them off it gives the engine's. So nothing hides behind "known": an answer that the readings do not
// explain fails, and so does a reading that explains nothing any more.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>

#include "generator.hpp"
#include "reference.hpp"
#include "text/json.hpp"

namespace {

using namespace reference;
using policy::Outcome;
using policy::PrincipalKind;
using text::Json;

constexpr int requests_per_set = 4;
// The simulator validates its input; what it does not take is not compared, and must stay rare.
constexpr size_t errors_per_thousand_max = 10;

// Layers that the simulator refuses to be told of for this caller, and that the engine would not look at or is never given.
bool belongs(const Placed& placed, const policy::Request& request) {
    const auto kind = request.principal.kind;
    const bool service = kind == PrincipalKind::service, anonymous = kind == PrincipalKind::anonymous;
    const bool session = kind == PrincipalKind::role_session || kind == PrincipalKind::federated_user;
    if (placed.layer == "identity") return !service && !anonymous;
    if (placed.layer == "boundary") return !service && !anonymous && kind != PrincipalKind::root;
    if (placed.layer == "session") return session;
    if (placed.layer == "scp") return !anonymous;
    if (placed.layer == "trust") return request.action.starts_with("sts:AssumeRole");
    return true;
}

template <class Use>
void each_question(uint64_t seed, uint64_t sets, Use use) {
    for (const auto end = seed + sets; seed < end; ++seed) {
        Generator generator(Dice(seed), {.everything = false});
        const auto policies = generator.policies();
        for (int i = 0; i < requests_per_set; ++i) {
            Question question;
            generator.ask(question);
            for (const auto& placed : policies)
                if (belongs(placed, question.request)) question.policies.push_back(placed);
            use(question, seed);
        }
    }
}

Json as_json(const Question& question) {
    const auto& request = question.request;
    const auto& caller = request.principal;
    Json out = Json::object({{"action", request.action}, {"resource", request.resource}});
    if (caller.kind == PrincipalKind::service)
        out.set("principal", caller.service);
    else if (caller.kind != PrincipalKind::anonymous)
        out.set("principal", caller.arn);
    const auto own = caller.account.empty() ? std::string("111122223333") : caller.account;
    out.set("account", request.resource_account.empty() ? own : request.resource_account);
    Json context = Json::object();
    for (const auto& entry : request.context.entries()) {
        Json values = Json::array();
        for (const auto& value : entry.values) values.push(value);
        context.set(entry.key, entry.multivalued ? std::move(values) : Json(entry.values[0]));
    }
    out.set("context", std::move(context));
    for (const char* list : {"identity", "scp", "rcp"}) out.set(list, Json::array());
    for (const auto& placed : question.policies) {
        if (placed.layer == "rcp" && placed.document == full_resource_control) continue;
        auto document = *text::parse_json(placed.document);
        if (placed.layer == "identity") {
            out.find("identity")->push(std::move(document));
        } else if (placed.layer == "scp" || placed.layer == "rcp") {
            auto& levels = *out.find(placed.layer);
            while (levels.size() <= placed.level) levels.push(Json::array());
            levels.items()[placed.level].push(std::move(document));
        } else {
            out.set(placed.layer == "resource" || placed.layer == "trust" ? "policy" : placed.layer, std::move(document));
        }
    }
    return out;
}

std::string answer_with(const Question& question, const Layers& layers, const Reading& reading) {
    return std::string(outcome_name(evaluate(question.request, layers, reading).outcome));
}

int judge(uint64_t first, uint64_t sets) {
    std::ifstream page("docs/disagreements.md");
    std::stringstream listed;
    listed << page.rdbuf();
    size_t failures = 0;
    const auto fail = [&](const std::string& what) {
        if (++failures <= 5) std::cerr << what << "\n";
    };
    Reading all;
    for (const auto& [name, flag] : all_readings()) {
        all.*flag = true;
        if (listed.str().find("`" + std::string(name) + "`") == std::string::npos)
            fail(std::string(name) + " is not in docs/disagreements.md");
    }
    size_t asked = 0, agreed = 0, refused = 0;
    std::map<std::string, size_t> explained;
    std::array<size_t, 3> outcomes{};
    each_question(first, sets, [&](const Question& question, uint64_t seed) {
        std::string theirs;
        if (!std::getline(std::cin, theirs)) return fail("no answer to a question of seed " + std::to_string(seed));
        ++asked;
        if (theirs.starts_with("error")) {
            if (++refused <= 3) std::cerr << "not taken: " << theirs << "\n";
            return;
        }
        const auto policies = policy_set(question.policies);
        const auto layers = read(policies);
        const auto decision = policy::evaluate(question.request, policies);
        const auto ours = std::string(outcome_name(decision.outcome));
        ++outcomes[static_cast<size_t>(decision.outcome)];
        if (answer_with(question, layers, all) != theirs)
            fail("An unlisted disagreement: the simulator says " + theirs + ", the engine " + ours +
                 ", the reference in the simulator's reading " + answer_with(question, layers, all) + ".\n" +
                 question.as_case("R0: asked with policy_peer ask " + std::to_string(seed) + " 1", decision.outcome));
        if (ours == theirs) {
            ++agreed;
            return;
        }
        // A reading explains a difference if the difference is gone without it.
        for (const auto& [name, flag] : all_readings()) {
            Reading without = all;
            without.*flag = false;
            if (answer_with(question, layers, without) != theirs) ++explained[name];
        }
    });
    std::cout << asked << " questions: " << outcomes[0] << " implicit, " << outcomes[1] << " denied, " << outcomes[2]
              << " allowed; " << agreed << " answers agree, " << refused << " questions were not taken\n";
    for (const auto& [name, count] : explained) std::cout << "  " << count << " " << name << "\n";
    if (refused * 1000 > asked * errors_per_thousand_max) fail("too many questions are not taken");
    for (const auto count : outcomes)
        if (asked >= 10'000 && count * 7 < asked) fail("the questions are not balanced");
    if (asked >= 10'000)
        for (const auto& [name, flag] : all_readings())
            if (!explained.contains(name))
                fail(std::string(name) + " explains no disagreement any more: take it out, or ask about it");
    if (failures > 0) std::cerr << failures << " failures\n";
    return failures > 0 ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 4) {
        const auto seed = std::stoull(argv[2]), sets = std::stoull(argv[3]);
        if (std::string(argv[1]) == "judge") return judge(seed, sets);
        if (std::string(argv[1]) == "ask") {
            each_question(seed, sets, [](const Question& question, uint64_t) { std::cout << as_json(question).dump() << "\n"; });
            return 0;
        }
    }
    std::cerr << "policy_peer ask|judge SEED SETS\n";
    return 2;
}
