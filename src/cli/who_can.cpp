// `trainwarden who-can`: every principal that may do an action on a resource, and the statement that lets it; of patterns, in groups, with
// the conditions.
#include <algorithm>
#include <optional>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "cli/commands.hpp"
#include "cli/graph.hpp"
#include "cli/question.hpp"
#include "cli/show_decision.hpp"
#include "cli/show_ways.hpp"
#include "cli/terminal.hpp"
#include "model/json.hpp"
#include "wire/client.hpp"

namespace cli {
namespace {

namespace m = model::trainwarden;

struct Options {
    std::string action, resource, region;
    std::vector<std::string> context;
    bool json = false, conditions = false, paths = false;
    std::string graph;
};

constexpr size_t principals_shown_max = 20;  // of one group

void print_paths(const std::vector<m::AccessPath>& paths) {
    print("\n" + paint(Style::bold, "paths") + ": " + std::to_string(paths.size()) + " more could come to it\n");
    for (const m::AccessPath& path : paths) {
        print("\n" + paint(Style::cyan, name_of(path.principal)) + "\n");
        for (size_t i = 0; i < path.steps.size(); ++i) {
            const m::PathStep& step = path.steps[i];
            print("  " + Text(std::to_string(i + 1)) + ". " + step.description + " (" + step.means + ")\n");
            for (const m::WayIn& request : step.requests) print(show_way(request, "     "));
        }
    }
}

void print_groups(const Options& options, const m::WhoCanResponse& answer) {
    size_t count = 0;
    for (const m::PrincipalsInAlike& group : model::items(answer.groups)) count += group.principals.size();
    print(paint(Style::bold, options.action) + " on " + options.resource + ": " + std::to_string(count) + " of " +
          std::to_string(answer.checked) + " principals\n");
    for (const m::PrincipalsInAlike& group : model::items(answer.groups)) {
        print("\n");
        for (size_t i = 0; i < std::min(group.principals.size(), principals_shown_max); ++i)
            print(paint(Style::cyan, name_of(group.principals[i])) + "\n");
        if (group.principals.size() > principals_shown_max)
            print("and " + Text(std::to_string(group.principals.size() - principals_shown_max)) + " more (--json names them)\n");
        if (group.needs) print("  with " + Text(*group.needs) + "\n");
        for (const m::WayIn& way : group.ways) print(show_way(way, "  "));
    }
    if (answer.paths) print_paths(*answer.paths);
    for (const std::string& one : model::items(answer.open)) print("\n" + paint(Style::red, "not known") + ": " + one + "\n");
}

base::Result<int> who_can(const Options& options) {
    if (!options.graph.empty() && options.graph != "dot" && options.graph != "mermaid")
        return base::fail(base::code::Usage, "--graph is dot or mermaid, not `" + options.graph + "`");
    wire::Client client(TRY(client_options(options.region)));
    const m::WhoCanRequest asked{.action = options.action,
                                 .resource = options.resource,
                                 .context = TRY(context_of(options.context)),
                                 .any_circumstances = options.conditions ? std::optional(true) : std::nullopt,
                                 .paths = options.paths || !options.graph.empty() ? std::optional(true) : std::nullopt};
    const auto answer = TRY(client.call<m::WhoCan>(asked));
    if (!options.graph.empty()) {
        const std::string on = options.action + " on " + options.resource;
        const std::string graph = options.graph == "dot" ? to_dot(answer, on) : to_mermaid(answer, on);
        for (const std::string_view line : base::split(std::string_view(graph).substr(0, graph.size() - 1), '\n'))
            print(Text(line) + "\n");
        return 0;
    }
    if (options.json) {
        print_pretty_json(model::write_document(answer));
        return 0;
    }
    if (!answer.principals) {
        print_groups(options, answer);
        return 0;
    }
    print(paint(Style::bold, options.action) + " on " + options.resource + ": " + std::to_string(answer.principals->size()) +
          " of " + std::to_string(answer.checked) + " principals\n");
    for (const m::PrincipalWhoCan& who : *answer.principals) {
        print("\n" + paint(Style::cyan, name_of(who.principal)) + "\n");
        if (who.matched_statements.empty()) print("  " + Text(who.decided_by) + "\n");
        print(show_statements(who.matched_statements, "  "));
        if (who.needs) print("  with " + Text(*who.needs) + "\n");
    }
    const auto is_said = [&](std::string_view key) {
        return std::ranges::any_of(options.context, [&](const std::string& one) {
            return base::equals_ignoring_case(std::string_view(one).substr(0, one.find('=')), key);
        });
    };
    if (!is_said("aws:SourceIp") || !is_said("aws:UserAgent"))
        print(
            "\n" +
            paint(Style::dim,
                  "Who may only with an aws:SourceIp or aws:UserAgent is not among them: --context sets keys, --conditions asks "
                  "about all.") +
            "\n");
    return 0;
}

}  // namespace

void add_who_can(Command& root) {
    auto options = std::make_shared<Options>();
    Command command = root.subcommand("who-can", "Every principal that may do an action on a resource, and why");
    command.asks_server();
    command.positional("action", options->action, "for example s3:GetObject, or a pattern: s3:Get*");
    command.positional("resource", options->resource,
                       "an ARN, for example arn:aws:s3:::bucket/key (`${*}` is a `*` that a name really has), or a pattern: "
                       "arn:aws:s3:::bucket/*");
    command.option("--context", "KEY=VALUE", options->context,
                   "a condition key of the request (may be repeated; VALUE,VALUE for a list, \\, for a comma)");
    command.option("--region", "REGION", options->region, "where such a request would be made; otherwise the configured region");
    command.flag("--conditions", options->conditions,
                 "find out on which conditions, as for patterns, instead of what a request to this server would have");
    command.flag("--paths", options->paths, "also who could come to it, by acting as another or changing policies, and how");
    command.option("--graph", "FORMAT", options->graph, "print the paths as a graph instead: dot (Graphviz) or mermaid");
    command.flag("--json", options->json, "print JSON");
    command.action([options] { return who_can(*options); });
}

}  // namespace cli
