// `trainwarden what-can`: what a principal may do, by service, with resources and conditions.
#include <optional>

#include "cli/commands.hpp"
#include "cli/question.hpp"
#include "cli/show_ways.hpp"
#include "cli/terminal.hpp"
#include "model/json.hpp"
#include "wire/client.hpp"

namespace cli {
namespace {

namespace m = model::trainwarden;

struct Options {
    std::string principal, action, resource, region;
    std::vector<std::string> context;
    bool json = false;
};

base::Result<int> what_can(const Options& options) {
    const auto given = [](const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); };
    wire::Client client(TRY(client_options(options.region)));
    const m::WhatCanRequest asked{.principal_arn = options.principal,
                                  .action = given(options.action),
                                  .resource = given(options.resource),
                                  .context = TRY(context_of(options.context))};
    const auto answer = TRY(client.call<m::WhatCan>(asked));
    if (options.json) {
        print_pretty_json(model::write_document(answer));
        return 0;
    }
    print(paint(Style::cyan, name_of(answer.principal)) + "\n");
    if (answer.note) print(Text(*answer.note) + "\n");
    if (answer.services.empty()) print("  may do nothing of this\n");
    for (const m::ServiceAllowed& service : answer.services) {
        print("\n" + paint(Style::bold, service.service) + "\n");
        for (const m::WayIn& way : service.ways) print(show_way(way, "  "));
    }
    for (const std::string& one : model::items(answer.open)) print("\n" + paint(Style::red, "not known") + ": " + one + "\n");
    return 0;
}

}  // namespace

void add_what_can(Command& root) {
    auto options = std::make_shared<Options>();
    Command command = root.subcommand("what-can", "What a principal may do: actions by service, resources, conditions");
    command.asks_server();
    command.positional(
        "principal", options->principal,
        "the ARN of a role, of one of its sessions or of a user, a service, or `*` for anyone without credentials");
    command.option("--action", "PATTERN", options->action, "only these actions, for example s3:*");
    command.option("--resource", "PATTERN", options->resource, "only on these resources, for example arn:aws:s3:::bucket/*");
    command.option("--context", "KEY=VALUE", options->context,
                   "a condition key of the requests (may be repeated; VALUE,VALUE for a list, \\, for a comma)");
    command.option("--region", "REGION", options->region, "where such requests would be made; otherwise the configured region");
    command.flag("--json", options->json, "print JSON");
    command.action([options] { return what_can(*options); });
}

}  // namespace cli
