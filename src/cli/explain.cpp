// `trainwarden explain`: why a request was decided as it was, or how one would be.
#include <cstdio>

#include "base/error_codes.hpp"
#include "cli/commands.hpp"
#include "cli/question.hpp"
#include "cli/show_decision.hpp"
#include "cli/terminal.hpp"
#include "model/json.hpp"
#include "model/words.hpp"
#include "text/json.hpp"
#include "wire/client.hpp"

namespace cli {
namespace {

namespace m = model::trainwarden;

struct Options {
    std::string request_id, principal, action, resource, operation, input, region;
    std::vector<std::string> context;
    bool json = false;
};

base::Result<int> explain_request(wire::Client& client, const Options& options) {
    const auto answer = TRY(client.call<m::ExplainRequest>({.request_id = options.request_id}));
    if (options.json) {
        print_pretty_json(model::write_document(answer));
        return 0;
    }
    for (const m::RequestRecord& record : answer.records) print(show_record(record));
    return 0;
}

std::optional<std::string> if_any(const std::string& option) { return option.empty() ? std::nullopt : std::optional(option); }

base::Result<int> explain_access(wire::Client& client, const Options& options) {
    const m::ExplainAccessRequest asked{.principal_arn = options.principal,
                                        .action = if_any(options.action),
                                        .resource = if_any(options.resource),
                                        .operation = if_any(options.operation),
                                        .input = if_any(options.input),
                                        .context = TRY(context_of(options.context))};
    const auto answer = TRY(client.call<m::ExplainAccess>(asked));
    if (options.json) {
        print_pretty_json(model::write_document(answer));
        return 0;
    }
    print(paint(Style::cyan, show_principal(answer.principal)) + "\n");
    if (answer.access) print(show_access(*answer.access));
    if (answer.decision) print(Text(options.operation) + ": " + model::word_of(*answer.decision) + "\n");
    if (answer.message) print(Text(*answer.message) + "\n");
    if (answer.note) print(Text(*answer.note) + "\n");
    for (const m::DecidedAccess& access : model::items(answer.accesses)) print(show_access(access));
    for (const m::ServiceAct& act : model::items(answer.service_acts)) {
        print("then, as " + paint(Style::cyan, show_principal(act.principal)) + "\n");
        for (const m::DecidedAccess& access : act.accesses) print(show_access(access));
    }
    return 0;
}

base::Result<int> explain(const Options& options) {
    const bool asks = !options.principal.empty() || !options.action.empty() || !options.operation.empty();
    if (asks == !options.request_id.empty())
        return base::fail(base::Error(base::code::Usage, "say which request, or ask a question")
                              .note("trainwarden explain REQUEST-ID")
                              .note("trainwarden explain --as ARN --action s3:GetObject --resource arn:aws:s3:::bucket/key")
                              .note("trainwarden explain --as ARN --operation iam:CreateRole --input '{\"RoleName\": …}'"));
    if (asks && (options.principal.empty() || options.action.empty() == options.operation.empty()))
        return base::fail(base::code::Usage, "a question needs --as, and either --action or --operation");
    if (!options.input.empty() && options.operation.empty())
        return base::fail(base::code::Usage, "--input is that of an --operation");
    if (!options.input.empty())
        if (const auto input = text::parse_json(options.input); !input || !input->is_object())
            return base::fail(
                base::Error(base::code::Usage, "--input takes a JSON object" + (input ? "" : ": " + input.error().message))
                    .note("trainwarden explain --as ARN --operation iam:CreateRole --input '{\"RoleName\": …}'"));
    wire::Client client(TRY(client_options(options.region)));
    return asks ? explain_access(client, options) : explain_request(client, options);
}

}  // namespace

void add_explain(Command& root) {
    auto options = std::make_shared<Options>();
    Command command = root.subcommand("explain", "Why a request was allowed or refused, or how one would be");
    command.asks_server();
    command.positional("request-id", options->request_id, "the id that the answer carried (x-amz-request-id, x-amzn-requestid)",
                       false);
    command.option("--as", "ARN", options->principal,
                   "who would ask: a role, user, root or service; `*` for anyone without credentials");
    command.option("--action", "ACTION", options->action, "what: s3:GetObject");
    command.option("--resource", "ARN", options->resource, "on what: one ARN; `${*}` is a `*` that a name really has");
    command.option("--operation", "SERVICE:NAME", options->operation,
                   "a whole request instead of one action: every permission that it needs");
    command.option("--input", "JSON", options->input, "its input, by the members of AWS's service model");
    command.option("--context", "KEY=VALUE", options->context,
                   "a condition key of the request (may be repeated; VALUE,VALUE for a list, \\, for a comma)");
    command.option("--region", "REGION", options->region, "where such a request would be made; otherwise the configured region");
    command.flag("--json", options->json, "print JSON");
    command.action([options] { return explain(*options); });
}

}  // namespace cli
