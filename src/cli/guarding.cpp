#include "cli/guarding.hpp"

#include <algorithm>

#include "cli/access.hpp"
#include "cli/terminal.hpp"
#include "text/xml.hpp"

namespace cli {

using proof::Guard;
using proof::GuardResult;
using text::Json;
using Outcome = GuardResult::Outcome;

namespace {

const char* name_of(Outcome outcome) {
    return outcome == Outcome::kept ? "kept" : outcome == Outcome::broken ? "broken" : "unknown";
}

// `role trainer may s3:DeleteObject on arn:aws:s3:::ml-data/a`
std::string said(const Guard& guard, const GuardResult& result) {
    if (result.outcome == Outcome::kept) return result.asked > 0 ? "proved" : "proved, as there is nobody that it is about";
    if (!result.witness) return (result.outcome == Outcome::unknown ? "not proved: " : "") + result.reason;
    return result.who + (guard.kind == Guard::Kind::allow ? " may not " : " may ") + result.witness->action + " on " +
           result.witness->resource;
}

std::string seconds(std::chrono::milliseconds took) {
    std::string thousandths = std::to_string(took.count() % 1000);
    return std::to_string(took.count() / 1000) + "." + std::string(3 - thousandths.size(), '0') + thousandths;
}

}  // namespace

size_t Guarded::count(Outcome outcome) const {
    return static_cast<size_t>(std::ranges::count(results, outcome, &GuardResult::outcome));
}

Guarded guard(std::vector<Guard> guards, const proof::AccountPolicies& account, std::span<const std::string> doubts) {
    const auto start = std::chrono::steady_clock::now();
    Guarded out{.guards = std::move(guards), .results = {}};
    out.results = check_guards(out.guards, account, doubts);
    out.took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
    return out;
}

void print_guarded(const Guarded& guarded, bool only_broken) {
    for (size_t i = 0; i < guarded.results.size(); ++i) {
        const Guard& rule = guarded.guards[i];
        const GuardResult& result = guarded.results[i];
        if (only_broken && result.outcome == Outcome::kept) continue;
        const Style style = result.outcome == Outcome::kept     ? Style::green
                            : result.outcome == Outcome::broken ? Style::red
                                                                : Style::yellow;
        print("  " + paint(style, name_of(result.outcome)) + " " + paint(Style::bold, rule.name) + ": " + said(rule, result) +
              "\n");
        if (!result.witness) continue;
        const Json context = request_json(*result.witness)["context"];
        if (!context.members().empty()) print(paint(Style::dim, "      with " + Text(context.dump())) + "\n");
    }
    print("Rules: " + Text(std::to_string(guarded.count(Outcome::kept))) + " kept, " +
          std::to_string(guarded.count(Outcome::broken)) + " broken, " + std::to_string(guarded.count(Outcome::unknown)) +
          " not proved\n");
}

Json guarded_json(const Guarded& guarded) {
    Json out = Json::array();
    for (size_t i = 0; i < guarded.results.size(); ++i) {
        const Guard& rule = guarded.guards[i];
        const GuardResult& result = guarded.results[i];
        Json one = Json::object({{"rule", rule.name},
                                 {"line", rule.line},
                                 {"kind", std::string(proof::name_of(rule.kind))},
                                 {"outcome", name_of(result.outcome)},
                                 {"principals", static_cast<int64_t>(result.asked)}});
        if (!result.who.empty()) one.set("who", result.who);
        if (!result.reason.empty()) one.set("reason", result.reason);
        if (result.witness) one.set("witness", request_json(*result.witness));
        out.push(std::move(one));
    }
    return out;
}

std::string junit_xml(const Guarded& guarded, const std::string& suite) {
    text::XmlWriter xml;
    const auto count = [&](Outcome outcome) { return std::to_string(guarded.count(outcome)); };
    const std::vector<std::pair<std::string, std::string>> totals = {{"name", suite},
                                                                     {"tests", std::to_string(guarded.results.size())},
                                                                     {"failures", count(Outcome::broken)},
                                                                     {"errors", count(Outcome::unknown)},
                                                                     {"time", seconds(guarded.took)}};
    xml.open_with("testsuites", {});
    xml.open_with("testsuite", totals);
    for (size_t i = 0; i < guarded.results.size(); ++i) {
        const Guard& rule = guarded.guards[i];
        const GuardResult& result = guarded.results[i];
        xml.open_with("testcase", {{"classname", suite}, {"name", rule.name}, {"line", std::to_string(rule.line)}});
        if (result.outcome != Outcome::kept) {
            xml.open_with(result.outcome == Outcome::broken ? "failure" : "error", {{"message", said(rule, result)}});
            if (result.witness) xml.text(request_json(*result.witness).pretty());
            xml.close();
        }
        xml.close();
    }
    xml.close();
    xml.close();
    return xml.finish();
}

std::string junit_error_xml(const std::string& suite, const std::string& message) {
    text::XmlWriter xml;
    xml.open_with("testsuites", {});
    xml.open_with("testsuite", {{"name", suite}, {"tests", "1"}, {"failures", "0"}, {"errors", "1"}});
    xml.open_with("testcase", {{"classname", suite}, {"name", "the rules are checked"}});
    xml.open_with("error", {{"message", message}});
    for (int i = 0; i < 4; ++i) xml.close();
    return xml.finish();
}

}  // namespace cli
