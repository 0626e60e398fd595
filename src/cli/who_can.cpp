// `trainwarden who-can`: every principal that may do an action on a resource, and the statement that lets it.
#include <cstdio>

#include "cli/commands.hpp"
#include "cli/question.hpp"
#include "cli/show_decision.hpp"
#include "cli/terminal.hpp"
#include "model/json.hpp"
#include "wire/client.hpp"

namespace cli {
namespace {

namespace m = model::trainwarden;

struct Options {
    std::string action, resource, region;
    std::vector<std::string> context;
    bool json = false;
};

// A role is asked as one of its sessions; people know it by its own ARN.
Text name_of(const m::Principal& principal) {
    if (principal.name) return *principal.name;
    return principal.role_arn ? Text(*principal.role_arn) : show_principal(principal);
}

base::Result<int> who_can(const Options& options) {
    wire::Client client(TRY(client_options(options.region)));
    const m::WhoCanRequest asked{
        .action = options.action, .resource = options.resource, .context = TRY(context_of(options.context))};
    const auto answer = TRY(client.call<m::WhoCan>(asked));
    if (options.json) {
        print_pretty_json(model::write_document(answer));
        return 0;
    }
    print(paint(Style::bold, options.action) + " on " + options.resource + ": " + std::to_string(answer.principals.size()) +
          " of " + std::to_string(answer.checked) + " principals\n");
    for (const m::PrincipalWhoCan& who : answer.principals) {
        print("\n" + paint(Style::cyan, name_of(who.principal)) + "\n");
        if (who.matched_statements.empty()) print("  " + Text(who.decided_by) + "\n");
        print(show_statements(who.matched_statements, "  "));
        if (who.needs) print("  with " + Text(*who.needs) + "\n");
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
    command.option("--region", "REGION", options->region, "where such a request would be made; otherwise the configured region");
    command.flag("--json", options->json, "print JSON");
    command.action([options] { return who_can(*options); });
}

}  // namespace cli
