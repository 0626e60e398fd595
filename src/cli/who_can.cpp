// `trainwarden who-can`: every principal that may do an action on a resource, and the statement that lets it.
#include <cstdio>

#include "cli/commands.hpp"
#include "cli/question.hpp"
#include "cli/show_decision.hpp"
#include "cli/terminal.hpp"
#include "wire/client.hpp"

namespace cli {
namespace {

using text::Json;

struct Options {
    std::string action, resource;
    std::vector<std::string> context;
    bool json = false;
};

base::Result<int> who_can(const Options& options) {
    wire::Client client(TRY(wire::options_from_environment()));
    Json input = Json::object({{"Action", options.action}, {"Resource", options.resource}});
    TRY(set_context(input, options.context));
    const Json answer = TRY(client.call("trainwarden", "WhoCan", input));
    if (options.json) {
        print_pretty_json(answer);
        return 0;
    }
    print(paint(Style::bold, options.action) + " on " + options.resource + ": " + std::to_string(answer["Principals"].size()) +
          " of " + answer["Checked"].as_string() + " principals\n");
    for (const Json& who : answer["Principals"].items()) {
        const Json& principal = who["Principal"];
        // A role is asked as one of its sessions; people know it by its own ARN.
        const Text name = principal.contains("Name")      ? Text(principal["Name"].as_string())
                          : principal.contains("RoleArn") ? Text(principal["RoleArn"].as_string())
                                                          : show_principal(principal);
        print("\n" + paint(Style::cyan, name) + "\n");
        if (who["MatchedStatements"].size() == 0) print("  " + Text(who["DecidedBy"].as_string()) + "\n");
        print(show_statements(who["MatchedStatements"], "  "));
        if (who.contains("Needs")) print("  with " + Text(who["Needs"].as_string()) + "\n");
    }
    return 0;
}

}  // namespace

void add_who_can(Command& root) {
    auto options = std::make_shared<Options>();
    Command command = root.subcommand("who-can", "Every principal that may do an action on a resource, and why");
    command.positional("action", options->action, "for example s3:GetObject");
    command.positional("resource", options->resource,
                       "one ARN, for example arn:aws:s3:::bucket/key; `${*}` is a `*` that a name really has");
    command.option("--context", "KEY=VALUE", options->context,
                   "a condition key of the request (may be repeated; VALUE,VALUE for a list)");
    command.flag("--json", options->json, "print JSON");
    command.action([options] { return who_can(*options); });
}

}  // namespace cli
