// `trainwarden audit`: the record of decisions; `audit used`: what a principal used of what it may.
#include <chrono>
#include <cstdio>
#include <map>
#include <thread>

#include "cli/commands.hpp"
#include "cli/show_decision.hpp"
#include "cli/terminal.hpp"
#include "wire/client.hpp"

namespace cli {
namespace {

using text::Json;

struct Options {
    std::string principal, since;
    int64_t count = 50;
    bool refused = false, tail = false, json = false;
};

// The questions of `audit` itself are recorded too; following the log must not follow itself.
bool is_own_question(const Json& record) {
    return record["Service"].as_string() == "trainwarden" && record["Operation"].as_string() == "ListRequests";
}

Text line_of(const Json& record) {
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
    if (record.contains("ErrorCode")) out += "  " + paint(Style::red, record["ErrorCode"].as_string());
    return out;
}

base::Result<int> list(const Options& options) {
    // The record knows ARNs and the names of services; of a role's name it would find nothing, and say so by being empty.
    if (!options.principal.empty() && options.principal.find_first_of(":.*") == std::string::npos) {
        return base::fail(
            base::Error("InvalidArgument", "`" + options.principal + "` is not the ARN of a principal")
                .note("aws iam get-role --role-name " + options.principal + " shows a role's, aws iam get-user a user's"));
    }
    wire::Client client(TRY(wire::options_from_environment()));
    std::string last;
    do {
        Json input = Json::object({{"MaxResults", options.count}, {"RefusedOnly", options.refused}});
        if (!options.principal.empty()) input.set("PrincipalArn", options.principal);
        if (!options.since.empty()) input.set("Since", options.since);
        if (!last.empty()) input.set("AfterRequestId", last);
        const Json answer = TRY(client.call("trainwarden", "ListRequests", input));
        for (const Json& record : answer["Records"].items()) {
            last = record["RequestId"].as_string();
            if (options.tail && is_own_question(record)) continue;
            if (options.json)
                print_json(record);
            else
                print(line_of(record) + "\n");
        }
        std::fflush(stdout);
        if (options.tail) std::this_thread::sleep_for(std::chrono::seconds(1));
    } while (options.tail);
    return 0;
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
    std::vector<std::vector<std::string>> rows{{"ACTION", "TIMES", "LAST USED", "ON"}};
    for (const Json& use : answer["Used"].items()) {
        std::string on = use["Resources"].size() > 0 ? use["Resources"].items().front().as_string() : "";
        if (use["Resources"].size() > 1) on += " and " + std::to_string(use["Resources"].size() - 1) + " more";
        rows.push_back({use["Action"].as_string(), use["Count"].as_string(), use["LastUsed"].as_string(), on});
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

void add_audit(Command& root) {
    auto options = std::make_shared<Options>();
    Command command = root.subcommand("audit", "The record of every decision");
    command.option("--principal,--role", "ARN", options->principal, "only of this role, user or session");
    command.option("--since", "TIME", options->since, "only since then: 2026-01-31T12:00:00Z");
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
}

}  // namespace cli
