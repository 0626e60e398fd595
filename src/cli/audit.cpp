// `trainwarden audit`: the record of decisions; `audit used`: what a principal used of what it may.
#include <algorithm>
#include <cstdio>
#include <map>

#include "base/error_codes.hpp"
#include "cli/commands.hpp"
#include "cli/show_decision.hpp"
#include "cli/terminal.hpp"
#include "wire/client.hpp"

namespace cli {
namespace {

using text::Json;

struct Options {
    std::string principal, action, resource, outcome, since, until;
    int64_t count = 50;
    bool refused = false, tail = false, json = false;
};

constexpr int64_t wait_seconds = 20;

Text line_of(const Json& record) {
    if (record["RequestId"].as_string().empty()) {
        const Style style = record.contains("Unreadable") ? Style::red : Style::yellow;
        return Text(record["Time"].as_string()) + "  " + paint(style, record["Note"].as_string());
    }
    Text accesses;
    for (const Json& access : record["Accesses"].items()) {
        const bool allowed = access["Decision"].as_string() == "allowed";
        if (!accesses.empty()) accesses += ", ";
        accesses +=
            paint(allowed ? Style::green : Style::red, access["Action"].as_string()) + " on " + access["Resource"].as_string();
    }
    if (accesses.empty()) accesses = record["Service"].as_string() + ":" + record["Operation"].as_string();
    Text out = Text(record["Time"].as_string()) + "  " + record["RequestId"].as_string() + "  " +
               show_principal(record["Principal"]) + "  " + accesses;
    if (record.contains("Repeated")) out += "  " + record["Repeated"].as_string() + " times since " + record["Since"].as_string();
    if (record.contains("ErrorCode")) out += "  " + paint(Style::red, record["ErrorCode"].as_string());
    if (record["Outcome"].as_string() == "notAnswered") out += "  " + paint(Style::red, "not answered");
    if (record["Outcome"].as_string() == "partlyRefused") out += "  " + paint(Style::red, "refused in part");
    if (record.contains("Note")) out += "  " + paint(Style::red, record["Note"].as_string());
    return out;
}

void print_records(const Json& records, bool as_json) {
    for (const Json& record : records.items()) {
        if (as_json)
            print_json(record);
        else
            print(line_of(record) + "\n");
    }
    std::fflush(stdout);
}

// A request that waits on the server until there is something.
base::Result<int> follow(wire::Client& client, const Options& options, Json input, std::string newer) {
    input.erase("Since");
    input.set("WaitSeconds", wait_seconds);
    for (;;) {
        input.set("Newer", newer);
        const Json answer = TRY(client.call("trainwarden", "ListRequests", input));
        print_records(answer["Records"], options.json);
        newer = answer["Newer"].as_string();
    }
}

base::Result<int> list(const Options& options) {
    // The record knows ARNs and the names of services; of a role's name it would find nothing, and say so by being empty.
    if (!options.principal.empty() && options.principal.find_first_of(":.*") == std::string::npos) {
        return base::fail(
            base::Error(base::code::InvalidArgument, "`" + options.principal + "` is not the ARN of a principal")
                .note("aws iam get-role --role-name " + options.principal + " shows a role's, aws iam get-user a user's"));
    }
    if (options.refused && !options.outcome.empty())
        return base::fail(base::code::Usage, "--refused is --outcome refused: give one of them");
    wire::Client client(TRY(wire::options_from_environment()));
    Json input = Json::object({{"MaxResults", options.count}, {"RefusedOnly", options.refused}});
    for (const auto& [name, value] : {std::pair{"PrincipalArn", &options.principal},
                                      {"Action", &options.action},
                                      {"Resource", &options.resource},
                                      {"Outcome", &options.outcome},
                                      {"Since", &options.since},
                                      {"Until", &options.until}})
        if (!value->empty()) input.set(name, *value);
    const Json answer = TRY(client.call("trainwarden", "ListRequests", input));
    print_records(answer["Records"], options.json);
    if (answer.contains("Withheld"))
        print_warning(answer["Withheld"].as_string() + " records are of principals whose requests you may not list");
    if (!options.tail) return 0;
    return follow(client, options, std::move(input), answer["Newer"].as_string());
}

base::Result<int> used(const Options& options) {
    wire::Client client(TRY(wire::options_from_environment()));
    Json input = Json::object({{"PrincipalArn", options.principal}});
    if (!options.since.empty()) input.set("Since", options.since);
    const Json answer = TRY(client.call("trainwarden", "UsedActions", input));
    if (options.json) {
        print_pretty_json(answer);
        return 0;
    }
    std::vector<std::vector<std::string>> rows{{"ACTION", "TIMES", "FAILED", "LAST USED", "ON"}};
    for (const Json& use : answer["Used"].items()) {
        std::string on = use["Resources"].size() > 0 ? use["Resources"].items().front().as_string() : "";
        if (use["Resources"].size() > 1) on += " and " + std::to_string(use["Resources"].size() - 1) + " more";
        rows.push_back(
            {use["Action"].as_string(), use["Count"].as_string(), use["Failed"].as_string(), use["LastUsed"].as_string(), on});
    }
    if (rows.size() > 1) print(table(rows) + "\n");
    const size_t granted = answer["GrantedActions"].size(), unused = answer["UnusedActions"].size();
    print(Text(options.principal) + " used " + std::to_string(answer["Used"].size()) + " actions; its policies grant " +
          std::to_string(granted) + ", of which " + paint(Style::bold, std::to_string(unused)) + " were never used\n");
    std::map<std::string, size_t> by_service;
    for (const Json& action : answer["UnusedActions"].items())
        ++by_service[action.as_string().substr(0, action.as_string().find(':'))];
    std::string services;
    for (const auto& [service, count] : by_service)
        services += (services.empty() ? "" : ", ") + service + " " + std::to_string(count);
    if (!services.empty()) print("never used, by service: " + Text(services) + "\n");
    return 0;
}

}  // namespace

Command add_audit(Command& root) {
    auto options = std::make_shared<Options>();
    Command command = root.subcommand("audit", "The record of every decision");
    command.option("--principal,--role", "ARN", options->principal, "only of this role, user or session");
    command.option("--action", "ACTION", options->action, "only requests that needed it: s3:GetObject");
    command.option("--resource", "ARN", options->resource, "only requests that needed it");
    command.option("--outcome", "OUTCOME", options->outcome, "only what succeeded, failed, was refused, or notAnswered");
    command.option("--since", "TIME", options->since, "only since then: 2026-01-31T12:00:00Z");
    command.option("--until", "TIME", options->until, "only until then");
    command.option("-n,--count", "N", options->count, "the newest N (at most 1000)");
    command.flag("--refused", options->refused, "only what was refused");
    command.flag("--tail", options->tail, "go on printing as requests come");
    command.flag("--json", options->json, "print one JSON record a line");
    command.action([options] { return list(*options); });

    auto use = std::make_shared<Options>();
    Command used_command = command.subcommand("used", "Which actions a principal used, beside those that its policies grant");
    used_command.positional("principal", use->principal, "ARN of a role or user");
    used_command.option("--since", "TIME", use->since, "only since then: 2026-01-31T12:00:00Z");
    used_command.flag("--json", use->json, "print JSON");
    used_command.action([use] { return used(*use); });
    return command;
}

}  // namespace cli
