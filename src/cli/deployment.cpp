#include "cli/deployment.hpp"

#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <set>
#include <thread>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "cli/access.hpp"
#include "cli/guard_file.hpp"
#include "cli/guarding.hpp"
#include "cli/plan.hpp"
#include "cli/terminal.hpp"
#include "deploy/program.hpp"
#include "os/file.hpp"
#include "wire/client.hpp"
#include "wire/profile.hpp"

namespace cli {

using deploy::Operation;
using provider::Property;

namespace {

constexpr const char* default_stack = "dev";
constexpr int interrupted_status = 130;  // 128 + SIGINT

std::filesystem::path selection_path(const deploy::Project& project) { return project.root / ".pulumi" / "selected-stack"; }

base::Result<std::string> ask_passphrase() {
    print("passphrase of the stack's secrets: ", stderr);
    termios before{};
    ::tcgetattr(STDIN_FILENO, &before);
    termios silent = before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    std::string phrase;
    const bool read = static_cast<bool>(std::getline(std::cin, phrase));
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    print("\n", stderr);
    if (!read) return base::fail(base::code::PassphraseRequired, "no passphrase was given");
    return phrase;
}

std::string_view verb(Operation operation, bool preview) {
    switch (operation) {
        case Operation::update:
            return preview ? "Previewing" : "Updating";
        case Operation::destroy:
            return preview ? "Previewing the end of" : "Destroying";
        case Operation::refresh:
            return "Refreshing";
    }
    return "";
}

int refuse_plan(const Guarded& guarded, const AccessReport& access, bool json) {
    if (json)
        print_pretty_json(
            text::Json::object({{"result", "refused"}, {"access", access_json(access)}, {"guards", guarded_json(guarded)}}));
    print("nothing was changed: the plan breaks an access rule, or it cannot be proved that it keeps all of them\n", stderr);
    return 1;
}

}  // namespace

base::Clock& system_clock() {
    static base::SystemClock clock;
    return clock;
}

crypto::Random& system_random() {
    static crypto::SystemRandom random;
    return random;
}

void add_stack_options(Command& command, StackChoice& choice) {
    command.option("-C,--cwd", "DIR", choice.folder, "folder of the program");
    command.option("-s,--stack", "NAME", choice.stack, "stack (default: the selected one, else dev)");
}

void add_run_options(Command& command, RunChoice& choice) {
    command.asks_server();
    add_stack_options(command, choice);
    command.option("-p,--parallel", "N", choice.parallel, "resources at a time (0: four for each processor)");
    command.flag("--json", choice.json, "print one JSON object, at the end");
    command.flag("--show-secrets", choice.show_secrets, "with --json: outputs that are secret, too");
    command.flag("--diff", choice.details, "show the properties of what is created and deleted, too");
    command.flag("--skip-access", choice.skip_access, "do not read the account and compare who may do what");
}

bool confirm(const std::string& question) {
    if (::isatty(STDIN_FILENO) == 0) return false;
    print(Text(question) + " [y/N] ");
    std::fflush(stdout);
    std::string answer;
    return static_cast<bool>(std::getline(std::cin, answer)) && base::lower(base::trim(answer)).starts_with("y");
}

deploy::PassphraseSource passphrase_source() {
    return deploy::passphrase_from_environment(::isatty(STDIN_FILENO) != 0 ? deploy::PassphraseSource(ask_passphrase)
                                                                           : deploy::PassphraseSource());
}

base::Result<std::string> chosen_stack(const deploy::Project& project, const std::string& given) {
    if (!given.empty()) return given;
    if (!std::filesystem::exists(selection_path(project))) return std::string(default_stack);
    return std::string(base::trim(TRY(os::read_file(selection_path(project)))));
}

base::Result<void> select_stack(const deploy::Project& project, const std::string& name) {
    TRY(os::make_folders(selection_path(project).parent_path()));
    return os::replace_file(selection_path(project), name + "\n", 0644);
}

base::Result<Opened> open_stack(const StackChoice& choice, deploy::Stack::Open how) {
    Opened opened;
    opened.project = std::make_unique<deploy::Project>(TRY(deploy::find_project(choice.folder)));
    const std::string name = TRY(chosen_stack(*opened.project, choice.stack));
    opened.stack = TRY(deploy::Stack::open(*opened.project, name, how, passphrase_source(), system_clock(), system_random()));
    return opened;
}

base::Result<void> check_config(const std::vector<std::string>& settings) {
    for (const std::string& setting : settings)
        if (const size_t equals = setting.find('='); equals == 0 || equals == std::string::npos)
            return base::fail(base::code::Usage, "--config takes KEY=VALUE, not `" + setting + "`");
    return {};
}

base::Result<void> keep_config(const std::vector<std::string>& settings, deploy::Stack& stack) {
    for (const std::string& setting : settings) {
        const size_t equals = setting.find('=');
        TRY(stack.file().set(deploy::full_key(stack.project(), setting.substr(0, equals)), setting.substr(equals + 1)));
    }
    return {};
}

base::Result<int> run_operation(RunChoice& choice, Operation operation, bool only_preview) {
    TRY(check_config(choice.config));
    const bool asks = !only_preview && !choice.yes;
    std::vector<proof::Guard> guards;
    if (!choice.guard.empty()) {
        if (choice.skip_preview || choice.skip_access)
            return base::fail(base::code::InvalidArgument,
                              "--guard checks the plan against the account: leave out --skip-preview and --skip-access");
        guards = TRY(read_guards(choice.guard));
    }
    if (asks && (choice.json || ::isatty(STDIN_FILENO) == 0)) {
        // With --yes it would be told what is wrong with the folder or the stack: that comes first. `up` makes a stack.
        TRY(deploy::find_project(choice.folder));
        if (operation != Operation::update) TRY(open_stack(choice, deploy::Stack::Open::to_change));
        return base::fail(base::Error(base::code::ConfirmationRequired, "cannot ask for confirmation: not a terminal")
                              .note("use --yes to skip the confirmation"));
    }
    if (operation == Operation::update) {
        const deploy::Project project = TRY(deploy::find_project(choice.folder));
        TRY(deploy::check_runtime(project));
    }
    using Open = deploy::Stack::Open;
    const Open how = operation != Operation::update ? Open::to_change : only_preview ? Open::to_try : Open::to_make;
    Opened opened = TRY(open_stack(choice, how));
    deploy::Stack& stack = *opened.stack;
    if (stack.is_new() && !only_preview && !choice.json)
        print("stack `" + Text(stack.name()) + "` did not exist and was made\n", stderr);
    // Where there are others, a new name may be a slip.
    const auto others = stack.backend().stacks(opened.project->name);
    if (stack.is_new() && only_preview && !others.empty())
        print_warning("there is no stack `" + stack.name() + "` yet, only " + base::join(others, ", ") +
                      ": this is what making it would do");
    TRY(keep_config(choice.config, stack));
    // Relative paths in a program (assets) mean its folder.
    std::error_code error;
    std::filesystem::current_path(opened.project->program, error);
    if (error)
        return base::fail(base::code::NoProject, "cannot enter " + opened.project->program.string() + ": " + error.message());

    deploy::Run run;
    run.operation = operation;
    run.parallel = choice.parallel > 0 ? static_cast<int>(choice.parallel)
                                       : 4 * static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    run.seed = system_random().hex(32);
    const deploy::Snapshot old = TRY(stack.snapshot());
    const Property old_outputs = old.stack_outputs();
    std::optional<AccessReport> access;
    std::optional<Guarded> guarded;
    const auto pass = [&](bool preview) -> base::Result<std::pair<int, bool>> {
        PlanDisplay display({.json = choice.json, .preview = preview, .details = choice.details});
        if (!choice.json) print(Text(verb(operation, preview)) + " stack " + stack.name() + " of " + opened.project->name + "\n");
        std::fflush(stdout);
        run.preview = preview;
        // Of a plan, or, where a program reads what happens and there was none, of the run: then the account is read before it changes.
        const bool compares = !choice.skip_access && operation != Operation::refresh && !access && (preview || choice.json);
        AccessSteps steps(display, !preview);
        run.events = &display;
        run.make_provider = make_provider;
        if (compares) {
            for (const auto& resource : old.resources) {
                steps.secrets().learn(resource->inputs);
                steps.secrets().learn(resource->outputs);
            }
            if (operation == Operation::update)
                for (const auto& [key, value] : TRY(stack.file().config(stack.secrets())))
                    if (value.secret) steps.secrets().learn_text(value.text);
            run.events = &steps;
            run.make_provider = steps.watch(make_provider);
        }
        const deploy::Outcome outcome = TRY(deploy::run(stack, run));
        if (compares && outcome.ok) {
            access = steps.compare();
            if (!guards.empty()) {
                guarded = guard(guards, access->after, access->doubts());
                for (auto& result : guarded->results) steps.mask(result);
            }
        }
        display.summary(outcome, old_outputs);
        if (compares && access && !choice.json) print_access(*access);
        if (compares && guarded && !choice.json) print_guarded(*guarded, true);
        if (choice.json && preview == only_preview) {
            text::Json report = display.report(outcome, choice.show_secrets);
            if (access && access->about_access) report.set("access", access_json(*access));
            if (guarded) report.set("guards", guarded_json(*guarded));
            print_pretty_json(report);
        }
        run.after_preview = true;
        return std::pair{outcome.ok ? 0 : outcome.interrupted ? interrupted_status : 1, display.changes_anything()};
    };
    // A program that only reads JSON gains nothing from a plan it cannot refuse.
    const bool previews =
        only_preview || asks || !guards.empty() || (!choice.skip_preview && !choice.json && operation != Operation::refresh);
    if (previews) {
        const auto [status, changes] = TRY(pass(true));
        const bool refused = guarded && !guarded->all_kept();
        if (status == 0 && refused && !only_preview) return refuse_plan(*guarded, *access, choice.json);
        if (status != 0 || only_preview) return status != 0 ? status : refused ? 1 : 0;
        if (asks && changes && !confirm("Go ahead?")) {
            print("nothing was changed\n", stderr);
            return 1;
        }
    }
    return TRY(pass(false)).first;
}

namespace {

// The one endpoint of `endpoints`, which Pulumi writes as JSON text: [{"s3":"http://…","iam":"http://…"}].
base::Result<std::string> endpoint_of(const Property& endpoints) {
    Property list = endpoints;
    if (list.is(Property::Kind::string) && !list.as_string().empty())
        list = Property::from_json(TRY(text::parse_json(endpoints.as_string())));
    const Property::Array items = list.is(Property::Kind::array) ? list.items() : Property::Array{list};
    std::set<std::string> seen;
    for (const Property& item : items)
        for (const auto& [service, url] : item.members()) seen.insert(url.as_string());
    seen.erase("");
    if (seen.size() > 1)
        return base::fail(base::code::NotSupported,
                          "aws:endpoints names different endpoints for different services; only one for all is supported");
    return seen.empty() ? std::string() : *seen.begin();
}

}  // namespace

namespace {

base::Result<provider::AwsOptions> aws_options(const std::string& package, const Property& configuration) {
    if (package != "aws") {
        return base::fail(base::Error(base::code::NotSupported, "there is no provider for the package `" + package + "`")
                              .note("supported: aws"));
    }
    // These tune how Pulumi's plugin talks to AWS and mean nothing here.
    static const std::set<std::string, std::less<>> harmless = {
        "version",        "skipMetadataApiCheck", "skipRegionValidation", "skipRequestingAccountId",
        "s3UsePathStyle", "maxRetries",           "pluginDownloadURL"};
    provider::AwsOptions options;
    for (const auto& [key, value] : configuration.members()) {
        if (key == "region")
            options.region = value.as_string();
        else if (key == "accessKey")
            options.access_key_id = value.as_string();
        else if (key == "secretKey")
            options.secret_access_key = value.as_string();
        else if (key == "token")
            options.session_token = value.as_string();
        else if (key == "endpoints")
            options.endpoint = TRY(endpoint_of(value));
        else if (key == "skipCredentialsValidation")
            options.skip_validation = value.as_bool() || value.as_string() == "true";
        else if (!harmless.contains(key))
            return base::fail(base::code::NotSupported, "the provider setting aws:" + key + " is not supported");
    }
    // The place and the credentials are two things: a provider with keys of its own still goes where the environment says.
    const wire::Place place = wire::place_from_environment();
    if (options.endpoint.empty()) options.endpoint = place.endpoint;
    // The socket is one of the server that `--data` names: a program that names another goes there.
    if (options.endpoint == place.endpoint) options.socket = place.socket;
    if (options.region.empty()) options.region = place.region;
    if (options.access_key_id.empty()) {
        const wire::ClientOptions environment = TRY(wire::options_from_environment());
        options.access_key_id = environment.access_key_id;
        options.secret_access_key = environment.secret_access_key;
        options.session_token = environment.session_token;
    }
    if (options.region.empty()) options.region = "us-east-1";
    const char* strict = std::getenv("TRAINWARDEN_STRICT_NAMES");
    options.strict_names = strict != nullptr && std::string_view(strict) == "1";
    return options;
}

}  // namespace

base::Result<std::shared_ptr<provider::Provider>> make_provider(const std::string& package, const Property& configuration) {
    return std::shared_ptr<provider::Provider>(provider::make_aws_provider(TRY(aws_options(package, configuration))));
}

base::Result<wire::ClientOptions> client_options(const std::string& package, const Property& configuration) {
    const provider::AwsOptions options = TRY(aws_options(package, configuration));
    return wire::ClientOptions{.endpoint = options.endpoint,
                               .region = options.region,
                               .access_key_id = options.access_key_id,
                               .secret_access_key = options.secret_access_key,
                               .session_token = options.session_token,
                               .timeout_seconds = 20,
                               .socket = options.socket,
                               .attempts_max = 2};
}

}  // namespace cli
