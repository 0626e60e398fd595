// A world of things for tests: a provider whose resources live in a map, and a program written as a function.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "deploy/engine.hpp"

namespace deploy::testing {

// What exists, by id. `fake:index/thing:Thing` has the inputs `name` (automatic; a change replaces), `value` (changes in place),
// `pinned` (a change replaces, the old one first), `link` (of a `Chained`: a change replaces) and `broken` (its creation or
// update fails). Its outputs hold the value again as `copy` and as a part of `shout`. A `Setting` may be made where it exists.
struct FakeCloud {
    std::mutex mutex;
    std::map<std::string, provider::Property> things;
    std::vector<std::string> log;  // `create a-1234567`, `update …`, `delete …`
    int at_once = 0, at_once_max = 0;
    bool reachable = true;
    std::string lost_answer;       // what is made is answered with this error
    std::function<void()> moment;  // before and after every effect: a process may die there
    void pass() const {
        if (moment) moment();
    }
};

class FakeProvider final : public provider::Provider {
public:
    explicit FakeProvider(FakeCloud& cloud) : cloud_(cloud) {}
    [[nodiscard]] bool knows(std::string_view type) const override {
        return type == "fake:index/thing:Thing" || type == "fake:index/chained:Chained" || type == "fake:index/setting:Setting";
    }
    [[nodiscard]] base::Result<void> ready() override {
        if (!cloud_.reachable) return base::fail("ConnectionError", "nobody there");
        return {};
    }

    base::Result<provider::Checked> check(std::string_view, std::string_view name, const provider::Property& olds,
                                          const provider::Property& news, std::string_view random_hex) override {
        provider::Checked checked;
        checked.inputs = news;
        for (const auto& [key, value] : news.members()) {
            if (key != "name" && key != "value" && key != "pinned" && key != "link" && key != "broken" && key != "secret")
                checked.failures.push_back({key, "unknown property " + key});
        }
        if (!news.contains("name")) {
            const bool was_automatic = !olds["__defaults"].items().empty();
            checked.inputs.set("name", was_automatic ? provider::Property(olds["name"])
                                                     : provider::Property(std::string(name) + "-" + std::string(random_hex)));
            checked.inputs.set("__defaults", provider::Property(provider::Property::Array{"name"}));
        }
        return checked;
    }

    base::Result<provider::Difference> diff(std::string_view type, const std::string&, const provider::Property& old_inputs,
                                            const provider::Property&, const provider::Property& new_inputs) override {
        provider::Difference difference;
        for (const char* key : {"name", "value", "pinned", "link", "secret"}) {
            if (old_inputs[key] == new_inputs[key]) continue;
            difference.changed.emplace_back(key);
            const std::string_view changed = key;
            if (changed == "name" || changed == "pinned" || (changed == "link" && type.ends_with("Chained")))
                difference.replace.emplace_back(key);
            if (changed == "pinned") difference.delete_before_replace = true;
        }
        return difference;
    }

    base::Result<provider::State> create(std::string_view type, const provider::Property& inputs, bool preview) override {
        const std::string id = inputs["name"].as_string();
        provider::Property outputs = outputs_of(inputs);
        if (preview) outputs.set("made", provider::Property::unknown());
        if (preview) return provider::State{id, outputs};
        const Working working(cloud_);
        if (inputs["broken"].as_bool()) return base::fail("Broken", "it is broken with " + inputs["value"].as_string());
        cloud_.pass();
        {
            const std::lock_guard lock(cloud_.mutex);
            if (cloud_.things.contains(id) && !type.ends_with("Setting")) return base::fail("AlreadyExists", id + " exists");
            cloud_.things[id] = inputs;
            cloud_.log.push_back("create " + id);
        }
        cloud_.pass();
        if (!cloud_.lost_answer.empty()) return base::fail(cloud_.lost_answer, "the answer is lost");
        return provider::State{id, outputs};
    }

    base::Result<provider::State> update(std::string_view, const std::string& id, const provider::Property&,
                                         const provider::Property& new_inputs, bool preview) override {
        provider::Property outputs = outputs_of(new_inputs);
        if (preview) return provider::State{id, outputs};
        const Working working(cloud_);
        if (new_inputs["broken"].as_bool()) return base::fail("Broken", "it is broken");
        cloud_.pass();
        {
            const std::lock_guard lock(cloud_.mutex);
            if (!cloud_.things.contains(id)) return base::fail("NoSuchEntity", id + " is gone");
            cloud_.things[id] = new_inputs;
            cloud_.log.push_back("update " + id);
        }
        cloud_.pass();
        return provider::State{id, outputs};
    }

    base::Result<std::optional<provider::ReadState>> read(std::string_view, const std::string& id, const provider::Property&,
                                                          const provider::Property&) override {
        const std::lock_guard lock(cloud_.mutex);
        const auto found = cloud_.things.find(id);
        if (found == cloud_.things.end()) return std::nullopt;
        return provider::ReadState{id, found->second, outputs_of(found->second)};
    }

    base::Result<void> remove(std::string_view, const std::string& id, const provider::Property&) override {
        const Working working(cloud_);
        cloud_.pass();
        {
            const std::lock_guard lock(cloud_.mutex);
            cloud_.things.erase(id);
            cloud_.log.push_back("delete " + id);
        }
        cloud_.pass();
        return {};
    }

    base::Result<std::vector<std::string>> holds(std::string_view, const std::string& id,
                                                 const provider::Property& properties) override {
        const std::string name = properties["name"].as_string().empty() ? id : properties["name"].as_string();
        return name.empty() ? std::vector<std::string>() : std::vector{"thing " + name};
    }

    base::Result<std::string> unique_name(std::string_view type, const provider::Property& properties) override {
        return type.ends_with("Setting") ? std::string() : properties["name"].as_string();
    }

    base::Result<provider::Property> invoke(std::string_view token, const provider::Property& arguments) override {
        if (token != "fake:index/echo:echo") return base::fail("NotSupported", std::string(token) + " is not supported");
        return provider::Property(provider::Property::Object{{"echo", arguments["say"]}});
    }

private:
    static provider::Property outputs_of(const provider::Property& inputs) {
        provider::Property outputs = inputs;
        outputs.set("made", "yes");
        if (inputs.contains("value")) outputs.set("copy", inputs["value"]);
        if (inputs["value"].is(provider::Property::Kind::string)) outputs.set("shout", inputs["value"].as_string() + "!");
        return outputs;
    }

    struct Working {
        explicit Working(FakeCloud& cloud_in) : cloud(cloud_in) {
            const std::lock_guard lock(cloud.mutex);
            cloud.at_once_max = std::max(cloud.at_once_max, ++cloud.at_once);
        }
        ~Working() {
            const std::lock_guard lock(cloud.mutex);
            --cloud.at_once;
        }
        FakeCloud& cloud;
    };
    FakeCloud& cloud_;
};

struct Collected final : Events {
    std::mutex mutex;
    std::vector<std::string> steps;  // `create a`, as they are done
    std::vector<std::string> reasons;
    std::vector<Diagnostic> errors, warnings;
    std::vector<std::string> lines;
    void step(const Step& step) override {
        const std::lock_guard lock(mutex);
        if (step.phase == Step::Phase::done && !step.hidden && step.type != "pulumi:pulumi:Stack")
            steps.push_back(std::string(name_of(step.op)) + " " + step.name);
        if (step.phase == Step::Phase::done && !step.reason.empty()) reasons.push_back(step.reason);
    }
    void diagnostic(const Diagnostic& diagnostic) override {
        const std::lock_guard lock(mutex);
        if (diagnostic.severity == rpc::Severity::error) errors.push_back(diagnostic);
        if (diagnostic.severity == rpc::Severity::warning) warnings.push_back(diagnostic);
    }
    void program_line(const std::string& line, bool) override {
        const std::lock_guard lock(mutex);
        lines.push_back(line);
    }
};

class FixedRandom final : public crypto::Random {
public:
    std::string bytes(size_t count) override {
        std::string result;
        for (size_t i = 0; i < count; ++i) result += static_cast<char>(++next_);
        return result;
    }

private:
    unsigned char next_ = 0;
};

// The program was stopped: its registration is never answered.
struct Stopped {};

// What an SDK does, in the order that the test says.
class Client {
public:
    explicit Client(Engine& engine) : engine_(engine) {
        stack_ =
            registered(
                {.type = "pulumi:pulumi:Stack", .name = "proj-dev", .inputs = provider::Property(provider::Property::Object{})})
                .urn;
    }
    rpc::Registered registered(rpc::Registration registration) {
        return answer<rpc::Registered>(
            [&](rpc::Reply<rpc::Registered> reply) { engine_.register_resource(std::move(registration), std::move(reply)); });
    }
    rpc::Registered thing(const std::string& name, provider::Property::Object inputs,
                          const std::function<void(rpc::Registration&)>& with = {}) {
        rpc::Registration registration{.type = "fake:index/thing:Thing", .name = name, .parent = stack_, .custom = true};
        registration.inputs = provider::Property(std::move(inputs));
        registration.source = {"/project/__main__.py", 12, 1};
        if (with) with(registration);
        return registered(std::move(registration));
    }
    void output(const std::string& name, provider::Property value) {
        outputs_.set(name, std::move(value));
        engine_.register_outputs(stack_, outputs_);
    }
    [[nodiscard]] const std::string& stack() const { return stack_; }
    [[nodiscard]] Engine& engine() { return engine_; }
    template <class T>
    T answer(const std::function<void(rpc::Reply<T>)>& ask) {
        struct Slot {
            std::mutex mutex;
            std::condition_variable changed;
            std::optional<T> value;
        };
        auto slot = std::make_shared<Slot>();
        ask([slot](base::Result<T> result) {
            const std::lock_guard lock(slot->mutex);
            if (result) slot->value = std::move(*result);
            slot->changed.notify_all();
        });
        std::unique_lock lock(slot->mutex);
        while (!slot->value) {
            slot->changed.wait_for(lock, std::chrono::milliseconds(2));
            if (!slot->value && (engine_.failed() || engine_.interrupted())) throw Stopped();
        }
        return *slot->value;
    }

private:
    Engine& engine_;
    std::string stack_;
    provider::Property outputs_ = provider::Property(provider::Property::Object{});
};

using Script = std::function<void(Client&)>;

// A stack that is deployed again and again.
struct Bench {
    FakeCloud cloud;
    Snapshot state;
    std::map<std::string, std::string> config;
    std::vector<std::string> secret_keys;
    std::vector<provider::Property> settings;  // of the providers that were made
    FixedRandom random;
    base::SystemClock clock;
    int parallel = 1;
    int saves = 0;
    std::function<void(const Snapshot&)> on_save;
    std::string seed = "seed";

    struct Ran {
        bool ok = false;
        std::vector<std::string> steps;
        std::vector<Diagnostic> errors, warnings;
        std::vector<std::string> reasons, lines;
    };
    std::unique_ptr<Engine> engine(Collected& events, bool preview) {
        EngineHooks hooks;
        hooks.make_provider = [this](const std::string& package,
                                     const provider::Property& of) -> base::Result<std::shared_ptr<provider::Provider>> {
            settings.push_back(of);
            if (package != "fake") return base::fail("NotSupported", "no provider for " + package);
            return std::make_shared<FakeProvider>(cloud);
        };
        hooks.journal = [this](const Snapshot& snapshot) -> base::Result<void> {
            ++saves;
            if (auto valid = verify(snapshot); !valid) return valid;
            state = snapshot;
            if (on_save) on_save(snapshot);
            return {};
        };
        hooks.events = &events;
        hooks.clock = &clock;
        hooks.random = &random;
        seed += "+";
        return std::make_unique<Engine>(EngineOptions{.project = "proj",
                                                      .stack = "dev",
                                                      .config = config,
                                                      .secret_keys = secret_keys,
                                                      .root = "/project",
                                                      .preview = preview,
                                                      .parallel = parallel,
                                                      .seed = seed},
                                        std::move(hooks), state);
    }
    Ran finish(Engine& engine, Collected& events) {
        return {!engine.failed() && !engine.interrupted(),
                events.steps,
                events.errors,
                events.warnings,
                events.reasons,
                events.lines};
    }
    // The program runs to its end, or throws std::string: what it died of.
    Ran up(const Script& script, bool preview = false, const std::function<void(Engine&)>& meanwhile = {}) {
        Collected events;
        auto one = engine(events, preview);
        if (auto recovered = one->recover(); !recovered)
            return {false, {}, {Diagnostic{.message = recovered.error().message}}, {}};
        std::thread program([&] {
            try {
                Client client(*one);
                script(client);
                one->program_ended(std::nullopt);
            } catch (const Stopped&) {
                one->program_ended("");
            } catch (const std::string& reason) {
                one->program_ended(reason);
            }
        });
        if (meanwhile) meanwhile(*one);
        one->run();
        program.join();
        return finish(*one, events);
    }
    Ran preview(const Script& script) { return up(script, true); }
    Ran destroy(bool only_preview = false) {
        Collected events;
        auto one = engine(events, only_preview);
        one->destroy();
        return finish(*one, events);
    }
    Ran refresh() {
        Collected events;
        auto one = engine(events, false);
        one->refresh();
        return finish(*one, events);
    }
    std::vector<std::string> take_log() { return std::exchange(cloud.log, {}); }
};

}  // namespace deploy::testing
