#include "deploy/operation.hpp"

#include <algorithm>

#include "base/error_codes.hpp"
#include "base/mutex.hpp"
#include "base/strings.hpp"
#include "deploy/interrupt.hpp"
#include "deploy/program.hpp"
#include "deploy/rpc/server.hpp"

namespace deploy {

using provider::Property;
using text::Json;

namespace {

constexpr int program_patience_ms = 5000;  // between asking a program to end and ending it

std::string_view name_of(Operation operation) {
    return operation == Operation::update ? "update" : operation == Operation::destroy ? "destroy" : "refresh";
}

int64_t seconds(base::Time time) { return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count(); }

// Counts steps for the history, passes everything on.
class Counting final : public Events {
public:
    explicit Counting(Events& next) : next_(next) {}
    void step(const Step& step) override {
        if (step.phase == Step::Phase::done && !step.hidden && step.op != Op::create_replacement &&
            step.op != Op::delete_replaced) {
            const base::Lock lock(mutex_);
            ++counts_[std::string(deploy::name_of(step.op))];
        }
        next_.step(step);
    }
    void diagnostic(const Diagnostic& diagnostic) override { next_.diagnostic(diagnostic); }
    void program_line(const std::string& line, bool is_error) override { next_.program_line(line, is_error); }
    [[nodiscard]] Json counts() const {
        Json json = Json::object();
        const base::Lock lock(mutex_);
        for (const auto& [name, count] : counts_) json.set(name, Json(count));
        return json;
    }

private:
    Events& next_;
    mutable base::Mutex mutex_;
    std::map<std::string, int> counts_ GUARDED_BY(mutex_);
};

// Runs the program against the engine until both are done. The error: it could not start.
base::Result<void> run_program(Stack& stack, const Run& how, const Config& config, Engine& engine) {
    auto server = TRY(rpc::Server::start(engine));
    ProgramOptions options;
    options.project = &stack.project();
    options.stack = stack.name();
    options.config = config;
    options.preview = how.preview;
    options.transpile_only = how.after_preview;
    options.parallel = how.parallel;
    options.line = [&](const std::string& line, bool is_error) { engine.program_said(line, is_error); };
    options.ended = [&](std::optional<std::string> error) { engine.program_ended(std::move(error)); };
    auto program = TRY(start_program(std::move(options), engine, server->address()));
    engine.run();
    if (engine.failed() || engine.interrupted()) {
        // Waiting calls will not get an answer.
        program->interrupt();
        if (!program->wait(200)) {
            server->stop();
            if (!program->wait(program_patience_ms)) program->kill();
        }
        return {};
    }
    engine.release_program();
    while (!program->wait(1000) && !engine.interrupted()) {
    }
    program->kill();
    return {};
}

}  // namespace

base::Result<std::unique_ptr<Stack>> Stack::open(const Project& project, const std::string& name, Open how,
                                                 PassphraseSource passphrase, base::Clock& clock, crypto::Random& random) {
    StackFile file = TRY(StackFile::load(project, name));
    Backend backend = TRY(Backend::open(project.backend_url, project.root));
    std::unique_ptr<Stack> stack(new Stack(project, name, std::move(file), std::move(backend), clock, random));
    if (how != Open::to_make && how != Open::to_try && !stack->backend_.has(project.name, name))
        TRY(stack->backend_.load(project.name, name));  // for its error
    if (how == Open::to_change || how == Open::to_make) stack->lock_ = TRY(stack->backend_.lock(project.name, name, clock.now()));
    std::string salt = stack->file_.salt_state();
    if (stack->backend_.has(project.name, name)) {
        const Json deployment = TRY(stack->backend_.load(project.name, name));
        const std::string in_state = read_salt_state(deployment);
        if (salt.empty()) salt = in_state;
    } else {
        stack->is_new_ = true;
    }
    stack->passphrase_ = passphrase;
    stack->secrets_ = std::make_unique<Secrets>(salt, std::move(passphrase), random);
    if (stack->is_new_ && how == Open::to_make) TRY(stack->save(Snapshot{}));
    return stack;
}

base::Result<Snapshot> Stack::snapshot() {
    if (is_new_ && !backend_.has(project_.name, name_)) return Snapshot{};
    const Json deployment = TRY(backend_.load(project_.name, name_));
    const std::string salt = read_salt_state(deployment);
    if (salt.empty() || salt == secrets_->salt_state()) return read_deployment(deployment, *secrets_);
    // An imported state was sealed under another salt; the next save seals it under ours.
    Secrets theirs(salt, passphrase_, random);
    return read_deployment(deployment, theirs);
}

base::Result<void> Stack::save(const Snapshot& snapshot) {
    const Json deployment = TRY(write_deployment(snapshot, *secrets_, clock.now()));
    return save(deployment);
}

base::Result<void> Stack::save(const Json& deployment) { return backend_.save(project_.name, name_, deployment); }

base::Result<Property> outputs_of(Stack& from, const std::string& name) {
    const auto parts = base::split(name, '/');
    const std::string project = parts.size() >= 2 ? std::string(parts[parts.size() - 2]) : from.project().name;
    const std::string stack(parts.back());
    if (parts.size() > 3 || (parts.size() == 3 && parts[0] != "organization"))
        return base::fail(base::code::NoSuchStack, "there is no stack `" + name + "`");
    const Json deployment = TRY(from.backend().load(project, stack));
    const std::string salt = read_salt_state(deployment);
    Secrets secrets(salt, passphrase_from_environment(), from.random);
    return TRY(read_deployment(deployment, secrets)).stack_outputs();
}

base::Result<Outcome> run(Stack& stack, const Run& how) {
    const auto start = std::chrono::steady_clock::now();
    const base::Time start_time = stack.clock.now();
    const Config config = how.operation == Operation::update ? TRY(stack.file().config(stack.secrets()))
                                                             : TRY(stack.file().config_without_secrets());
    Snapshot snapshot = TRY(stack.snapshot());
    if (!how.preview) TRY(stack.backend().back_up(stack.project().name, stack.name()));

    Counting events(*how.events);
    EngineOptions options{.project = stack.project().name,
                          .stack = stack.name(),
                          .root = stack.project().program.string(),
                          .preview = how.preview,
                          .parallel = how.parallel,
                          .seed = how.seed};
    for (const auto& [key, value] : config) {
        options.config[key] = value.text;
        if (value.secret) options.secret_keys.push_back(key);
    }
    EngineHooks hooks;
    hooks.make_provider = how.make_provider;
    hooks.events = &events;
    hooks.clock = &stack.clock;
    hooks.random = &stack.random;
    hooks.can_keep_secrets = [&] { return stack.secrets().require(); };
    hooks.stack_outputs = [&](const std::string& name) { return outputs_of(stack, name); };
    hooks.journal = [&](const Snapshot& now) -> base::Result<void> {
        auto saved = stack.save(now);
        if (saved || saved.error().code != base::code::PassphraseRequired) return saved;
        // A secret that the configuration does not announce: losing it would be worse than keeping it badly.
        if (stack.secrets().require_at_any_price()) {
            events.diagnostic(
                {.severity = rpc::Severity::warning,
                 .message = "the state holds secrets and no passphrase was given: they are kept under the empty passphrase",
                 .notes = {"set PULUMI_CONFIG_PASSPHRASE before the first deployment of a stack that keeps secrets"}});
        }
        return stack.save(now);
    };

    std::unique_ptr<Engine> engine;
    base::Mutex engine_mutex;
    const Interrupts interrupts([&] {
        events.diagnostic({.severity = rpc::Severity::warning,
                           .message = "interrupted: what runs will end, nothing new starts (again: end at once)"});
        const base::Lock lock(engine_mutex);
        if (engine) engine->interrupt();
    });
    {
        const base::Lock lock(engine_mutex);
        engine = std::make_unique<Engine>(std::move(options), std::move(hooks), std::move(snapshot));
    }
    if (auto recovered = engine->recover(); !recovered) return base::fail(std::move(recovered.error()));
    switch (how.operation) {
        case Operation::update:
            TRY(run_program(stack, how, config, *engine));
            break;
        case Operation::destroy:
            engine->destroy();
            break;
        case Operation::refresh:
            engine->refresh();
            break;
    }

    Outcome outcome;
    outcome.interrupted = engine->interrupted();
    outcome.ok = !engine->failed() && !outcome.interrupted;
    outcome.outputs = engine->stack_outputs();
    if (!how.preview) {
        TRY(stack.file().keep_salt(stack.secrets()));
        Json entry = Json::object();
        entry.set("kind", Json(name_of(how.operation)));
        entry.set("startTime", Json(seconds(start_time)));
        entry.set("message", Json(""));
        entry.set("environment", Json::object());
        entry.set("config", Json::object());
        entry.set("result", Json(outcome.ok ? "succeeded" : "failed"));
        entry.set("endTime", Json(seconds(stack.clock.now())));
        entry.set("resourceChanges", events.counts());
        TRY(stack.backend().add_history(stack.project().name, stack.name(), entry, stack.clock.now()));
    }
    {
        const base::Lock lock(engine_mutex);
        engine.reset();
    }
    outcome.took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
    return outcome;
}

}  // namespace deploy
