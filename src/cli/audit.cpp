// `trainwarden audit`: the record of decisions; `audit used`: what a principal used of what it may.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <map>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "cli/commands.hpp"
#include "cli/show_decision.hpp"
#include "cli/terminal.hpp"
#include "cli/time_option.hpp"
#include "model/json.hpp"
#include "model/words.hpp"
#include "text/time.hpp"
#include "wire/client.hpp"

namespace cli {
namespace {

namespace m = model::trainwarden;

struct Options {
    std::string principal, action, resource, outcome, since, until;
    int64_t count = 50;
    bool refused = false, tail = false, json = false;
};

constexpr int32_t wait_seconds = 20;
constexpr int64_t count_max = 1000;  // MaxResults of ListRequests

Text line_of(const m::RequestRecord& record) {
    const Text time = model::text(record.time), note = model::text(record.note);
    if (model::text(record.request_id).empty()) return time + "  " + paint(record.unreadable ? Style::red : Style::yellow, note);
    Text accesses;
    for (const m::DecidedAccess& access : model::items(record.accesses)) {
        if (!accesses.empty()) accesses += ", ";
        accesses +=
            paint(access.decision == m::Decision::allowed ? Style::green : Style::red, access.action) + " on " + access.resource;
    }
    // An operation that was refused before it was known what it needs: its name is not an action's.
    if (accesses.empty()) accesses = Text(model::text(record.service)) + " " + model::text(record.operation);
    Text out = time + "  " + *record.request_id + "  " + show_caller(record) + "  " + accesses;
    if (record.repeated) out += "  " + Text(std::to_string(*record.repeated)) + " times since " + model::text(record.since);
    if (record.error_code) out += "  " + paint(Style::red, *record.error_code);
    if (record.outcome == m::Outcome::not_answered) out += "  " + paint(Style::red, "not answered");
    if (record.outcome == m::Outcome::partly_refused) out += "  " + paint(Style::red, "refused in part");
    if (record.note) out += "  " + paint(Style::red, note);
    return out;
}

void print_records(const std::vector<m::RequestRecord>& records, bool as_json) {
    for (const m::RequestRecord& record : records) {
        if (as_json)
            print_json(model::write_document(record));
        else
            print(line_of(record) + "\n");
    }
    std::fflush(stdout);
}

// A request that waits on the server until there is something.
base::Result<int> follow(wire::Client& client, const Options& options, m::ListRequestsRequest asked, std::string newer) {
    asked.since.reset();
    asked.wait_seconds = wait_seconds;
    for (;;) {
        asked.newer = std::move(newer);
        auto answer = TRY(client.call<m::ListRequests>(asked));
        print_records(answer.records, options.json);
        newer = std::move(answer.newer);
    }
}

std::optional<std::string> if_any(const std::string& option) { return option.empty() ? std::nullopt : std::optional(option); }

std::string outcomes() {
    std::string out;
    for (const std::string_view word : shape_of(m::Outcome::unknown).enumeration)
        out += (out.empty() ? "" : ", ") + std::string(word);
    return out;
}

// A word that the model does not have would not be sent, and everything be shown.
base::Result<std::optional<m::Outcome>> outcome_of(const std::string& word) {
    if (word.empty()) return std::nullopt;
    const auto outcome = model::value_of<m::Outcome>(word);
    if (outcome != m::Outcome::unknown) return outcome;
    return base::fail(base::code::Usage, "--outcome takes one of " + outcomes() + ", not `" + word + "`");
}

base::Result<std::optional<std::string>> time_of(const std::string& option, const std::string& text) {
    const auto time = TRY(read_time_option(option, text, base::SystemClock().now()));
    return time ? std::optional(text::iso8601_millis(*time)) : std::nullopt;
}

base::Result<m::ListRequestsRequest> asked_by(const Options& options) {
    // The record knows ARNs and the names of services; of a role's name it would find nothing, and say so by being empty.
    if (!options.principal.empty() && options.principal.find_first_of(":.*") == std::string::npos) {
        return base::fail(
            base::Error(base::code::InvalidArgument, "`" + options.principal + "` is not the ARN of a principal")
                .note("aws iam get-role --role-name " + options.principal + " shows a role's, aws iam get-user a user's"));
    }
    if (options.refused && !options.outcome.empty())
        return base::fail(base::code::Usage, "--refused lists what was refused, whole or in part: give it or --outcome");
    const int64_t count_min = options.tail ? 0 : 1;
    if (options.count < count_min || options.count > count_max)
        return base::fail(base::code::Usage, "--count takes " + std::to_string(count_min) + " to " + std::to_string(count_max));
    m::ListRequestsRequest asked{.principal_arn = if_any(options.principal),
                                 .since = TRY(time_of("--since", options.since)),
                                 .until = TRY(time_of("--until", options.until)),
                                 .action = if_any(options.action),
                                 .resource = if_any(options.resource),
                                 .outcome = TRY(outcome_of(options.outcome)),
                                 .refused_only = options.refused,
                                 .max_results = static_cast<int32_t>(std::max<int64_t>(options.count, 1))};
    // Both as ISO 8601 in UTC, which sorts by time.
    if (asked.since && asked.until && *asked.until < *asked.since)
        return base::fail(base::code::Usage,
                          "--until is before --since: nothing was recorded between " + *asked.since + " and " + *asked.until);
    return asked;
}

base::Result<int> list(const Options& options) {
    const auto asked = TRY(asked_by(options));
    wire::Client client(TRY(wire::options_from_environment()));
    auto answer = TRY(client.call<m::ListRequests>(asked));
    if (options.count == 0) answer.records.clear();  // of --tail: only what comes
    print_records(answer.records, options.json);
    if (answer.withheld)
        print_warning(std::to_string(*answer.withheld) + " records are of principals whose requests you may not list");
    // On stderr: an empty list is an answer, and must not look like no answer.
    if (answer.records.empty() && !options.tail) print("no records\n", stderr);
    if (!options.tail) return 0;
    return follow(client, options, asked, std::move(answer.newer));
}

base::Result<int> used(const Options& options) {
    wire::Client client(TRY(wire::options_from_environment()));
    const m::UsedActionsRequest asked{.principal_arn = options.principal, .since = TRY(time_of("--since", options.since))};
    const auto answer = TRY(client.call<m::UsedActions>(asked));
    if (options.json) {
        print_pretty_json(model::write_document(answer));
        return 0;
    }
    std::vector<std::vector<std::string>> rows{{"ACTION", "TIMES", "FAILED", "LAST USED", "ON"}};
    for (const m::UsedAction& use : answer.used) {
        std::string on = use.resources.empty() ? "" : use.resources.front();
        if (use.resources.size() > 1) on += " and " + std::to_string(use.resources.size() - 1) + " more";
        rows.push_back({use.action, std::to_string(use.count), std::to_string(use.failed), use.last_used, on});
    }
    if (rows.size() > 1) print(table(rows) + "\n");
    if (answer.unlimited.value_or(false)) {
        print(Text(options.principal) + " used " + std::to_string(answer.used.size()) +
              " actions; no policy says what the root user may do: it may do everything\n");
        return 0;
    }
    print(Text(options.principal) + " used " + std::to_string(answer.used.size()) + " actions; its policies grant " +
          std::to_string(answer.granted_actions.size()) + ", of which " +
          paint(Style::bold, std::to_string(answer.unused_actions.size())) + " were never used\n");
    // By the policy of a bucket, the trust policy of a role, or policies that it had.
    const auto granted_otherwise = std::ranges::count_if(answer.used, [&](const m::UsedAction& use) {
        return use.count > use.failed && std::ranges::none_of(answer.granted_actions, [&](const std::string& granted) {
                   return base::equals_ignoring_case(granted, use.action);
               });
    });
    if (granted_otherwise > 0)
        print("used, and granted by no policy of its own now (resource and trust policies, or former ones): " +
              Text(std::to_string(granted_otherwise)) + "\n");
    std::map<std::string, size_t> by_service;
    for (const std::string& action : answer.unused_actions) ++by_service[action.substr(0, action.find(':'))];
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
    command.asks_server();
    command.option("--principal,--role", "ARN", options->principal, "only of this role, user or session");
    command.option("--action", "ACTION", options->action, "only requests that needed it: s3:GetObject");
    command.option("--resource", "ARN", options->resource, "only requests that needed it");
    command.option("--outcome", "OUTCOME", options->outcome, "only with this one: " + outcomes());
    command.option("--since", "TIME", options->since, "only since then: 2026-01-31T12:00:00Z, a date, or how long ago: 12h, 7d");
    command.option("--until", "TIME", options->until, "only until then");
    command.option("-n,--count", "N", options->count,
                   "the newest N (at most " + std::to_string(count_max) + "); with --tail, before it goes on: 0 for none");
    command.flag("--refused", options->refused, "only what was refused");
    command.flag("--tail", options->tail, "after the newest -n, go on printing as requests come");
    command.flag("--json", options->json, "print one JSON record a line");
    command.action([options] { return list(*options); });

    auto use = std::make_shared<Options>();
    Command used_command = command.subcommand("used", "Which actions a principal used, beside those that its policies grant");
    used_command.asks_server();
    used_command.positional("principal", use->principal, "ARN of a role or user");
    used_command.option("--since", "TIME", use->since, "only since then: 2026-01-31T12:00:00Z, a date, or how long ago: 12h, 7d");
    used_command.flag("--json", use->json, "print JSON");
    used_command.action([use] { return used(*use); });
    return command;
}

}  // namespace cli
