#include "cli/lint_stack.hpp"

#include <algorithm>
#include <filesystem>
#include <thread>

#include "base/error_codes.hpp"
#include "base/mutex.hpp"
#include "cli/access.hpp"
#include "cli/terminal.hpp"
#include "deploy/program.hpp"
#include "deploy/secret_texts.hpp"
#include "deploy/urn.hpp"
#include "policy/arn.hpp"
#include "proof/plan.hpp"
#include "wire/client.hpp"

namespace cli {
namespace {

using deploy::Op;
using proof::ResourceChange;
using text::Json;

lint::AccountReport check(const std::vector<ResourceChange>& resources, std::string account_id) {
    proof::AccountPolicies account;
    account.id = std::move(account_id);
    for (const ResourceChange& one : resources) {
        const auto arn = policy::parse_arn(one.after["arn"].as_string());
        if (arn && account.id.empty() && !arn->account.empty()) account.id = std::string(arn->account);
    }
    proof::PlannedAccount planned = proof::apply(account, resources);
    planned.account.unread.emplace_back("policies that the stack does not manage");
    lint::AccountReport out = lint::check_account(planned.account);
    out.unknown.insert(out.unknown.end(), planned.unknown.begin(), planned.unknown.end());
    return out;
}

// What a preview would leave, in the order of its steps.
class PlannedResources final : public deploy::Events {
public:
    void step(const deploy::Step& step) override {
        for (const deploy::ResourcePtr& resource : {step.before, step.after}) {
            if (resource == nullptr) continue;
            secrets_.learn(resource->inputs);
            secrets_.learn(resource->outputs);
        }
        const bool stays = step.op == Op::same || step.op == Op::create || step.op == Op::create_replacement ||
                           step.op == Op::update || step.op == Op::import;
        if (!stays || step.phase != deploy::Step::Phase::done || step.hidden || !proof::is_about_access(step.type)) return;
        ResourceChange one{.type = step.type, .name = step.name};
        one.after = properties_of(step.after != nullptr ? step.after : step.before, &one.unknown);
        const base::Lock lock(mutex_);
        resources_.push_back(std::move(one));
    }
    void diagnostic(const deploy::Diagnostic& diagnostic) override {
        if (diagnostic.ephemeral || diagnostic.message.empty()) return;
        if (diagnostic.severity == deploy::rpc::Severity::error)
            print("error: " + Text(secrets_.masked(diagnostic.message)) + "\n", stderr);
        if (diagnostic.severity == deploy::rpc::Severity::warning) print_warning(secrets_.masked(diagnostic.message));
    }
    // The program's own words are none of the findings.
    void program_line(const std::string& line, bool) override { print(Text(secrets_.masked(line)) + "\n", stderr); }

    [[nodiscard]] deploy::ProviderFactory watch() {
        return [this](const std::string& package, const provider::Property& configuration) {
            auto made = make_provider(package, configuration);
            if (made)
                if (const auto options = client_options(package, configuration)) {
                    const base::Lock lock(mutex_);
                    if (!place_) place_ = *options;
                }
            return made;
        };
    }
    deploy::KnownSecrets& secrets() { return secrets_; }
    // After the run. Once.
    [[nodiscard]] std::vector<ResourceChange> resources() {
        const base::Lock lock(mutex_);
        return std::move(resources_);
    }
    // Empty: it cannot be told.
    [[nodiscard]] std::string account() {
        std::optional<wire::ClientOptions> place;
        {
            const base::Lock lock(mutex_);
            place = place_;
        }
        if (!place) return "";
        const auto answer = wire::Client(*place).call("sts", "GetCallerIdentity", Json::object());
        return answer ? (*answer)["Account"].as_string() : "";
    }

private:
    deploy::KnownSecrets secrets_;
    base::Mutex mutex_;
    std::vector<ResourceChange> resources_ GUARDED_BY(mutex_);
    std::optional<wire::ClientOptions> place_ GUARDED_BY(mutex_);  // of the first provider
};

}  // namespace

base::Result<lint::AccountReport> check_stack(const StackChoice& choice) {
    Opened opened = TRY(open_stack(choice, deploy::Stack::Open::to_read));
    std::vector<ResourceChange> resources;
    const deploy::Snapshot snapshot = TRY(opened.stack->snapshot());
    for (const auto& resource : snapshot.resources) {
        if (resource->doomed || !proof::is_about_access(resource->type)) continue;
        Json properties = deploy::to_plain_json(resource->inputs, false);
        const Json outputs = deploy::to_plain_json(resource->outputs, false);
        for (const auto& [name, value] : outputs.members()) properties.set(name, value);
        resources.push_back({.type = resource->type,
                             .name = std::string(deploy::urn_name(resource->urn)),
                             .before = {},
                             .after = std::move(properties),
                             .unknown = {}});
    }
    return check(resources, "");
}

base::Result<lint::AccountReport> check_preview(const StackChoice& choice, const std::vector<std::string>& config) {
    TRY(check_config(config));
    const deploy::Project project = TRY(deploy::find_project(choice.folder));
    TRY(deploy::check_runtime(project));
    Opened opened = TRY(open_stack(choice, deploy::Stack::Open::to_try));
    TRY(keep_config(config, *opened.stack));
    // Relative paths in a program (assets) mean its folder.
    std::error_code error;
    std::filesystem::current_path(opened.project->program, error);
    if (error)
        return base::fail(base::code::NoProject, "cannot enter " + opened.project->program.string() + ": " + error.message());
    PlannedResources planned;
    for (const auto& [key, value] : TRY(opened.stack->file().config(opened.stack->secrets())))
        if (value.secret) planned.secrets().learn_text(value.text);
    deploy::Run run;
    run.preview = true;
    run.parallel = 4 * static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    run.seed = system_random().hex(32);
    run.events = &planned;
    run.make_provider = planned.watch();
    const deploy::Outcome outcome = TRY(deploy::run(*opened.stack, run));
    if (!outcome.ok)
        return base::fail(base::code::InvalidArgument, "the preview of the program failed: there is nothing to check");
    return check(planned.resources(), planned.account());
}

}  // namespace cli
