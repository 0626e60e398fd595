// `trainwarden lint`: what is wrong in policies: files, those of a stack, those of an account.
#include <algorithm>
#include <iostream>
#include <iterator>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "cli/account_reading.hpp"
#include "cli/commands.hpp"
#include "cli/deployment.hpp"
#include "cli/lint_stack.hpp"
#include "cli/terminal.hpp"
#include "lint/account.hpp"
#include "os/file.hpp"
#include "wire/client.hpp"

namespace cli {
namespace {

using lint::Finding;
using text::Json;

struct Options : StackChoice {
    std::vector<std::string> files, config;
    std::string type, fail_on = "security_warning";
    bool account = false, preview = false, json = false;
};

struct TypeName {
    std::string_view name;
    lint::PolicyType type;
    std::string_view resource_type;
};
constexpr TypeName type_names[] = {
    {"identity", lint::PolicyType::identity, ""},
    {"resource", lint::PolicyType::resource, ""},
    {"bucket", lint::PolicyType::resource, "AWS::S3::Bucket"},
    {"trust", lint::PolicyType::resource, "AWS::IAM::AssumeRolePolicyDocument"},
    {"scp", lint::PolicyType::service_control, ""},
    {"rcp", lint::PolicyType::resource_control, ""},
};

std::string_view name_of(const lint::NamedPolicy& policy) {
    for (const TypeName& one : type_names)
        if (one.type == policy.type && one.resource_type == policy.resource_type) return one.name;
    return "resource";
}

struct LevelName {
    std::string_view name;
    Finding::Kind kind;
    Style style;
};
constexpr LevelName levels[] = {
    {"error", Finding::Kind::error, Style::red},
    {"security_warning", Finding::Kind::security_warning, Style::red},
    {"warning", Finding::Kind::warning, Style::yellow},
    {"suggestion", Finding::Kind::suggestion, Style::dim},
};
const LevelName& level_of(Finding::Kind kind) { return *std::ranges::find(levels, kind, &LevelName::kind); }

base::Result<lint::AccountReport> check_files(const Options& options) {
    lint::AccountReport out;
    for (const std::string& file : options.files) {
        std::string document = file == "-" ? std::string(std::istreambuf_iterator<char>(std::cin), {}) : TRY(os::read_file(file));
        lint::NamedPolicy policy = lint::guess(file, std::move(document));
        if (!options.type.empty()) {
            const auto* named = std::ranges::find(type_names, options.type, &TypeName::name);
            if (named == std::end(type_names))
                return base::fail(base::code::Usage,
                                  "--type is identity, resource, bucket, trust, scp or rcp, not `" + options.type + "`");
            policy.type = named->type;
            policy.resource_type = named->resource_type;
        }
        auto report = lint::check(policy.document, {.type = policy.type, .resource_type = policy.resource_type});
        out.policies.push_back({std::move(policy), std::move(report)});
    }
    return out;
}

base::Result<lint::AccountReport> check_account() {
    const proof::AccountPolicies account = read_account(TRY(wire::options_from_environment()));
    if (account.id.empty())
        return base::fail(base::Error(base::code::ServiceUnavailable, "the account cannot be read")
                              .note(account.unread.empty() ? "" : account.unread.front()));
    return lint::check_account(account);
}

Json position_json(const lint::Position& position) {
    return Json::object({{"line", static_cast<int64_t>(position.line)},
                         {"column", static_cast<int64_t>(position.column)},
                         {"offset", static_cast<int64_t>(position.offset)}});
}

// As ValidatePolicy answers.
Json finding_json(const Finding& finding) {
    Json locations = Json::array();
    for (const lint::Location& location : finding.locations) {
        Json path = Json::array();
        for (const lint::PathElement& step : location.path) {
            using Kind = lint::PathElement::Kind;
            Json one = Json::object();
            if (step.kind == Kind::index) one.set("index", static_cast<int64_t>(step.index));
            if (step.kind == Kind::value) one.set("value", step.name);
            if (step.kind == Kind::key) one.set("key", step.name);
            path.push(std::move(one));
        }
        locations.push(Json::object({{"path", std::move(path)},
                                     {"span", Json::object({{"start", position_json(location.span.start)},
                                                            {"end", position_json(location.span.end)}})}}));
    }
    return Json::object({{"findingType", std::string(lint::name_of(finding.kind))},
                         {"issueCode", finding.code},
                         {"findingDetails", finding.details},
                         {"learnMoreLink", finding.learn_more},
                         {"locations", std::move(locations)}});
}

Json strings_json(const std::vector<std::string>& texts) {
    Json out = Json::array();
    for (const std::string& one : texts) out.push(one);
    return out;
}

void print_report(const lint::AccountReport& report) {
    size_t counts[std::size(levels)] = {};
    for (const lint::NamedReport& one : report.policies) {
        if (one.report.findings.empty() && one.report.unknown.empty()) continue;
        print(paint(Style::bold, one.policy.name) + paint(Style::dim, " (" + Text(name_of(one.policy)) + ")") + "\n");
        for (const Finding& finding : one.report.findings) {
            const LevelName& level = level_of(finding.kind);
            ++counts[&level - std::begin(levels)];
            const lint::Position at = finding.locations.empty() ? lint::Position{} : finding.locations.front().span.start;
            print("  " + Text(std::to_string(at.line) + ":" + std::to_string(at.column + 1)) + "  " +
                  paint(level.style, level.name) + "  " + finding.details + " " + paint(Style::dim, finding.code) + "\n");
        }
        for (const std::string& unknown : one.report.unknown)
            print("  " + paint(Style::yellow, "not checked") + "  " + unknown + "\n");
    }
    for (const std::string& unknown : report.unknown) print(paint(Style::yellow, "not checked") + "  " + unknown + "\n");
    std::string summary;
    constexpr std::string_view words[][2] = {{" error", " errors"},
                                             {" security warning", " security warnings"},
                                             {" warning", " warnings"},
                                             {" suggestion", " suggestions"}};
    for (size_t i = 0; i < std::size(levels); ++i)
        if (counts[i] > 0)
            summary += (summary.empty() ? "" : ", ") + std::to_string(counts[i]) + std::string(words[i][counts[i] == 1 ? 0 : 1]);
    const bool one_policy = report.policies.size() == 1;
    print(Text(summary.empty() ? "nothing found" : summary) + " in " + std::to_string(report.policies.size()) +
          (one_policy ? Text(" policy\n") : Text(" policies\n")));
}

Json report_json(const lint::AccountReport& report) {
    Json policies = Json::array();
    for (const lint::NamedReport& one : report.policies) {
        Json findings = Json::array();
        for (const Finding& finding : one.report.findings) findings.push(finding_json(finding));
        policies.push(Json::object({{"policy", one.policy.name},
                                    {"type", std::string(name_of(one.policy))},
                                    {"findings", std::move(findings)},
                                    {"notChecked", strings_json(one.report.unknown)}}));
    }
    return Json::object({{"policies", std::move(policies)}, {"notChecked", strings_json(report.unknown)}});
}

base::Result<int> run_lint(const Options& options) {
    const auto* fail_on = std::ranges::find(levels, options.fail_on, &LevelName::name);
    if (fail_on == std::end(levels))
        return base::fail(base::code::Usage,
                          "--fail-on is error, security_warning, warning or suggestion, not `" + options.fail_on + "`");
    if (options.account + !options.files.empty() + (options.preview || !options.stack.empty()) > 1)
        return base::fail(base::code::Usage, "files, --account and what is of a stack (--stack, --preview) exclude each other");
    if (!options.config.empty() && !options.preview)
        return base::fail(base::code::Usage, "--config is for --preview: without it no program runs");
    if (!options.type.empty() && options.files.empty())
        return base::fail(base::code::Usage, "--type is for files: of others the type is known");
    const auto checked = options.account          ? check_account()
                         : !options.files.empty() ? check_files(options)
                         : options.preview        ? check_preview(options, options.config)
                                                  : check_stack(options);
    if (!checked) {
        print_error(checked.error());
        return 2;
    }
    options.json ? print_pretty_json(report_json(*checked)) : print_report(*checked);
    const bool failed = std::ranges::any_of(checked->policies, [&](const lint::NamedReport& one) {
        return std::ranges::any_of(one.report.findings, [&](const Finding& finding) { return finding.kind <= fail_on->kind; });
    });
    return failed ? 1 : 0;
}

}  // namespace

void add_lint(Command& root) {
    auto options = std::make_shared<Options>();
    Command command =
        root.subcommand("lint", "Find what is wrong in policies: in files, of this stack or its program, or of the account");
    command.asks_server();
    command.positional("FILE", options->files,
                       "policy documents; - is stdin. Without any, the policies of the stack as it was deployed last");
    add_stack_options(command, *options);
    command.flag("--preview", options->preview, "run the program as `preview` does, and check what `up` would deploy");
    command.option("-c,--config", "KEY=VALUE", options->config, "with --preview: a configuration value of the stack");
    command.flag("--account", options->account, "every policy of the account, and what they do together");
    command.option("--type", "TYPE", options->type,
                   "of the files: identity, resource, bucket, trust, scp or rcp; otherwise by their elements");
    command.option("--fail-on", "LEVEL", options->fail_on,
                   "exit with 1 from this on: error, security_warning, warning or suggestion");
    command.flag("--json", options->json, "print JSON, each finding as Access Analyzer's ValidatePolicy answers it");
    command.action([options] { return run_lint(*options); });
    command.footer(
        "Exit status: 0 nothing at --fail-on or above, 1 something is, 2 it could not be checked. docs/lint.md lists the "
        "checks.");
}

}  // namespace cli
