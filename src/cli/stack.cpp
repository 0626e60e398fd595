// `trainwarden stack`: the stacks of a project, their outputs, their state in and out.
#include <cstdio>
#include <iostream>
#include <iterator>

#include "base/error_codes.hpp"
#include "cli/commands.hpp"
#include "cli/deployment.hpp"
#include "cli/terminal.hpp"
#include "os/file.hpp"

namespace cli {

using text::Json;
using Open = deploy::Stack::Open;

namespace {

struct StackOptions : StackChoice {
    std::string name, file;
    bool json = false, show_secrets = false, yes = false, force = false;
};

base::Result<int> make(StackOptions& options) {
    if (!options.name.empty()) options.stack = options.name;
    Opened opened = TRY(open_stack(options, Open::to_make));
    if (!opened.stack->is_new())
        return base::fail(base::code::StackExists, "there is a stack `" + opened.stack->name() + "` already");
    TRY(select_stack(*opened.project, opened.stack->name()));
    print("made stack " + Text(opened.stack->name()) + " of " + opened.project->name + "\n");
    return 0;
}

base::Result<int> list(const StackOptions& options) {
    const deploy::Project project = TRY(deploy::find_project(options.folder));
    const deploy::Backend backend = TRY(deploy::Backend::open(project.backend_url, project.root));
    const std::string selected = TRY(chosen_stack(project, options.stack));
    Json json = Json::array();
    std::vector<std::vector<std::string>> rows = {{"NAME", "RESOURCES", "LAST UPDATE"}};
    for (const std::string& name : backend.stacks(project.name)) {
        const Json deployment = TRY(backend.load(project.name, name));
        Json entry = Json::object();
        entry.set("name", Json(name));
        entry.set("current", Json(name == selected));
        entry.set("lastUpdate", Json(deployment["manifest"]["time"].as_string()));
        entry.set("resourceCount", Json(static_cast<int64_t>(deployment["resources"].size())));
        json.push(std::move(entry));
        rows.push_back({name + (name == selected ? "*" : ""), std::to_string(deployment["resources"].size()),
                        deployment["manifest"]["time"].as_string()});
    }
    if (options.json)
        print_pretty_json(json);
    else
        print(table(rows));
    return 0;
}

base::Result<int> select(const StackOptions& options) {
    StackOptions named = options;
    named.stack = options.name;
    Opened opened = TRY(open_stack(named, Open::to_read));
    TRY(select_stack(*opened.project, opened.stack->name()));
    return 0;
}

base::Result<int> output(const StackOptions& options) {
    Opened opened = TRY(open_stack(options, Open::to_read));
    const provider::Property outputs = TRY(opened.stack->snapshot()).stack_outputs();
    const Json json = deploy::to_plain_json(outputs, options.show_secrets);
    if (options.name.empty()) {
        if (options.json) {
            print_pretty_json(json);
            return 0;
        }
        std::vector<std::vector<std::string>> rows = {{"OUTPUT", "VALUE"}};
        for (const auto& [name, value] : json.members())
            rows.push_back({name, value.is_string() ? value.as_string() : value.dump()});
        print(table(rows));
        return 0;
    }
    const Json* value = json.find(options.name);
    if (value == nullptr)
        return base::fail(base::code::NoSuchOutput,
                          "the stack `" + opened.stack->name() + "` has no output `" + options.name + "`");
    if (options.json || !value->is_string())
        print_json(*value);
    else
        print_value(value->as_string());
    return 0;
}

base::Result<int> remove(StackOptions& options) {
    if (!options.name.empty()) options.stack = options.name;
    Opened opened = TRY(open_stack(options, Open::to_change));
    const Json deployment = TRY(opened.stack->deployment());
    if (deployment["resources"].size() > 0 && !options.force) {
        return base::fail(base::Error(base::code::StackNotEmpty, "the stack `" + opened.stack->name() + "` still holds " +
                                                                     std::to_string(deployment["resources"].size()) +
                                                                     " resources")
                              .note("delete them with `trainwarden destroy`, or use --force to forget them"));
    }
    if (!options.yes && !confirm("Remove the stack " + opened.stack->name() + " and its history?"))
        return base::fail(
            base::Error(base::code::ConfirmationRequired, "nothing was removed").note("use --yes to skip the confirmation"));
    TRY(opened.stack->backend().remove(opened.project->name, opened.stack->name()));
    return 0;
}

base::Result<int> export_state(const StackOptions& options) {
    Opened opened = TRY(open_stack(options, Open::to_read));
    Json document = Json::object();
    const Json deployment = TRY(opened.stack->deployment());
    deploy::set_format(document, deployment);
    document.set("deployment", deployment);
    if (options.file.empty())
        print_pretty_json(document);
    else
        TRY(os::replace_file(options.file, document.pretty() + "\n"));
    return 0;
}

base::Result<int> import_state(const StackOptions& options) {
    Opened opened = TRY(open_stack(options, Open::to_make));
    const std::string content =
        options.file.empty() ? std::string(std::istreambuf_iterator<char>(std::cin), {}) : TRY(os::read_file(options.file));
    const Json document = TRY(text::parse_json(content));
    TRY(deploy::check_format(document, options.file.empty() ? "the document" : options.file));
    const Json& deployment = document["deployment"];
    if (!deployment.is_object()) return base::fail(base::code::InvalidState, "the document has no `deployment`");
    // Read it wholly first: a state that cannot be read must not replace one that can. Its secrets need its own salt.
    const std::string salt = deploy::read_salt_state(deployment);
    deploy::Secrets secrets(salt, passphrase_source(), system_random());
    const deploy::Snapshot snapshot = TRY(deploy::read_deployment(deployment, secrets));
    for (const auto& resource : snapshot.resources) {
        const std::string expected = "urn:pulumi:" + opened.stack->name() + "::" + opened.project->name + "::";
        if (!options.force && !resource->urn.starts_with(expected)) {
            return base::fail(base::Error(base::code::InvalidState, resource->urn + " belongs to another stack")
                                  .note("use --force to import it all the same"));
        }
    }
    TRY(opened.stack->backend().back_up(opened.project->name, opened.stack->name()));
    if (deploy::holds_plaintext_secrets(deployment))
        TRY(opened.stack->save(snapshot));  // which seals them
    else
        TRY(opened.stack->save(deployment));
    print("imported " + Text(std::to_string(snapshot.resources.size())) + " resources\n", stderr);
    return 0;
}

}  // namespace

void add_stack(Command& root) {
    auto options = std::make_shared<StackOptions>();
    Command stack = root.subcommand("stack", "The stacks of a project");
    Command init = stack.subcommand("init", "Make an empty stack and select it");
    add_stack_options(init, *options);
    init.positional("NAME", options->name, "stack", false);
    init.action([options] { return make(*options); });
    Command ls = stack.subcommand("ls", "List the stacks");
    add_stack_options(ls, *options);
    ls.flag("--json", options->json, "print a JSON array");
    ls.action([options] { return list(*options); });
    Command choose = stack.subcommand("select", "Make a stack the one that commands mean");
    choose.option("-C,--cwd", "DIR", options->folder, "folder of the program");
    choose.positional("NAME", options->name, "stack");
    choose.action([options] { return select(*options); });
    Command out = stack.subcommand("output", "Print the outputs of a stack, or one of them");
    add_stack_options(out, *options);
    out.positional("NAME", options->name, "output", false);
    out.flag("--json", options->json, "print JSON");
    out.flag("--show-secrets", options->show_secrets, "decrypt secrets");
    out.action([options] { return output(*options); });
    Command rm = stack.subcommand("rm", "Remove an empty stack, its state and its history");
    add_stack_options(rm, *options);
    rm.positional("NAME", options->name, "stack", false);
    rm.flag("-y,--yes", options->yes, "do not ask");
    rm.flag("--force", options->force, "even if it holds resources, which are then forgotten, not deleted");
    rm.action([options] { return remove(*options); });
    Command out_of = stack.subcommand("export", "Print the state, as Pulumi's `stack export` does");
    add_stack_options(out_of, *options);
    out_of.option("--file", "FILE", options->file, "write it here");
    out_of.action([options] { return export_state(*options); });
    Command into = stack.subcommand("import", "Take over a state, as Pulumi's `stack import` does");
    add_stack_options(into, *options);
    into.option("--file", "FILE", options->file, "read it from here, not stdin");
    into.flag("--force", options->force, "even if it belongs to another stack");
    into.action([options] { return import_state(*options); });
}

}  // namespace cli
