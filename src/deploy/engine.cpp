// The engine as the program and the operation see it; the work is in registration.cpp, steps.cpp and removal.cpp.
#include "deploy/engine.hpp"

#include <algorithm>

#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "base/mutex.hpp"
#include "deploy/context.hpp"
#include "deploy/urn.hpp"
#include "text/time.hpp"

namespace deploy {

using provider::Property;

std::string_view name_of(Op op) {
    switch (op) {
        case Op::same:
            return "same";
        case Op::create:
            return "create";
        case Op::update:
            return "update";
        case Op::replace:
            return "replace";
        case Op::create_replacement:
            return "create-replacement";
        case Op::delete_replaced:
            return "delete-replaced";
        case Op::remove:
            return "delete";
        case Op::read:
            return "read";
        case Op::import:
            return "import";
        case Op::refresh:
            return "refresh";
        case Op::discard:
            return "discard";
        case Op::forget:
            return "forget";
    }
    return "";
}

Engine::Engine(EngineOptions options, EngineHooks hooks, Snapshot old)
    : options_(std::move(options)),
      hooks_(std::move(hooks)),
      events_(*hooks_.events, secrets_),
      olds_(std::move(old.resources)),
      pool_(std::make_unique<Pool>(options_.parallel)) {
    INVARIANT(hooks_.make_provider && hooks_.clock != nullptr && hooks_.random != nullptr);
    for (const std::string& key : options_.secret_keys)
        if (const auto found = options_.config.find(key); found != options_.config.end()) secrets_.learn_text(found->second);
    // Deleted to make way, and never made again: there is nothing left of it but its name.
    std::erase_if(olds_, [this](const ResourcePtr& resource) NOT_CHECKED {  // no other thread has this yet
        const bool gone = resource->others["pendingReplacement"].as_bool();
        if (gone) recreated_.insert(resource->urn);
        return gone;
    });
    for (ResourcePtr& resource : olds_) {
        if (resource->inputs.has_secrets()) {
            // A state that an earlier version wrote may hold them in clear.
            auto whole = std::make_shared<Resource>(*resource);
            whole->outputs = keep_secret(std::move(whole->outputs), whole->inputs, whole->additional_secret_outputs);
            resource = std::move(whole);
        }
        if (!resource->doomed) old_by_urn_[resource->urn] = resource;
        secrets_.learn(resource->inputs);
        secrets_.learn(resource->outputs);
        if (has_secret_id(*resource)) secrets_.learn_id(resource->id);
    }
    for (PendingOperation& operation : old.pending) pending_.insert_or_assign(operation.resource.urn, std::move(operation));
}

Engine::~Engine() { pool_.reset(); }

bool Engine::stopping() const {
    const base::Lock lock(mutex_);
    // A preview goes on after an error, so that one run shows all of them.
    return interrupted_ || (failed_ && !options_.preview);
}

bool Engine::failed() const {
    const base::Lock lock(mutex_);
    return failed_;
}

bool Engine::interrupted() const {
    const base::Lock lock(mutex_);
    return interrupted_;
}

void Engine::interrupt() {
    const base::Lock lock(mutex_);
    interrupted_ = true;
    changed_.notify_all();
}

void Engine::register_resource(rpc::Registration registration, rpc::Reply<rpc::Registered> reply) {
    pool_->post([this, registration = std::move(registration), reply = std::move(reply)] {
        if (stopping()) return;
        auto registered = process(registration);
        if (!registered) return fail(registered.error(), registration.type + "::" + registration.name, registration.source);
        if (!stopping()) reply(std::move(registered));
    });
}

void Engine::program_said(const std::string& line, bool is_error) { events_.program_line(line, is_error); }

void Engine::register_outputs(const std::string& urn, Property outputs) {
    outputs = sealed(std::move(outputs), Property());
    const base::Lock lock(mutex_);
    if (urn == stack_urn_) {
        // The stack speaks before its last children do: its outputs are kept until the end.
        stack_outputs_ = std::move(outputs);
        return;
    }
    const auto found = std::ranges::find(news_, urn, [](const auto& resource) -> const std::string& { return resource->urn; });
    if (found != news_.end()) (*found)->outputs = std::move(outputs);
}

std::optional<provider::ReadState> Engine::planned(std::string_view type, std::string_view id) {
    const base::Lock lock(mutex_);
    for (const auto& resource : news_)
        if (resource->type == type && resource->id == id)
            return provider::ReadState{resource->id, resource->inputs, resource->outputs};
    return std::nullopt;
}

void Engine::read_resource(rpc::Reading reading, rpc::Reply<rpc::Registered> reply) {
    pool_->post([this, reading = std::move(reading), reply = std::move(reply)] {
        if (stopping()) return;
        const auto read = [&]() -> base::Result<rpc::Registered> {
            std::string urn;
            {
                const base::Lock lock(mutex_);
                urn = make_urn(options_.stack, options_.project, reading.parent.empty() ? stack_urn_ : reading.parent,
                               reading.type, reading.name);
            }
            if (reading.type == "pulumi:pulumi:StackReference") {
                if (!hooks_.stack_outputs) return base::fail(base::code::NotSupported, "stack references are not supported here");
                const std::string name = reading.id.empty() ? reading.name : reading.id;
                const Property outputs = TRY(hooks_.stack_outputs(name));
                Property::Array secret_names;
                for (const auto& [key, value] : outputs.members())
                    if (value.has_secrets()) secret_names.emplace_back(key);
                return rpc::Registered{urn, name,
                                       Property(Property::Object{{"name", Property(name)},
                                                                 {"outputs", outputs},
                                                                 {"secretOutputNames", Property(std::move(secret_names))}})};
            }
            const Instance instance = TRY(provider_for(reading.type, reading.provider, reading.parent, reading.version));
            if (!instance.provider->knows(reading.type))
                return base::fail(base::code::NotSupported, reading.type + " is not supported");
            auto state = TRY(instance.provider->read(reading.type, reading.id, Property(), Property()));
            // Names are known before anything is made, so a program may ask in a preview for what the run itself will make.
            if (!state && options_.preview) state = planned(reading.type, reading.id);
            if (!state) return base::fail(base::code::NoSuchEntity, "there is no " + reading.type + " `" + reading.id + "`");
            auto resource = std::make_shared<Resource>();
            resource->urn = urn;
            resource->type = reading.type;
            resource->id = state->id;
            resource->parent = reading.parent;
            resource->provider = instance.reference;
            resource->custom = resource->external = true;
            resource->inputs = sealed(state->inputs, reading.inputs);
            resource->outputs = sealed(state->outputs, reading.inputs, reading.additional_secret_outputs);
            resource->additional_secret_outputs = reading.additional_secret_outputs;
            if (has_secret_id(*resource)) secrets_.learn_id(resource->id);
            const std::vector<std::string> things = things_of(*instance.provider, *resource);
            const std::string unique_name = unique_name_of(*instance.provider, *resource);
            const base::Lock lock(mutex_);
            if (!seen_.insert(urn).second)
                return base::fail(base::code::DuplicateResource, "two resources are named `" + reading.name + "` (" + urn + ")");
            for (const std::string& need : reading.dependencies)
                if (seen_.contains(need)) resource->dependencies.push_back(need);
            if (const auto old = old_by_urn_.find(urn); old != old_by_urn_.end()) {
                if (old->second->external || old->second->id == resource->id) {
                    // What was managed under this name and is only read from now on is let go, not deleted.
                    std::erase(olds_, old->second);
                } else {
                    auto doomed = std::make_shared<Resource>(*old->second);
                    doomed->doomed = true;
                    std::ranges::replace(olds_, old->second, ResourcePtr(std::move(doomed)));
                }
                old_by_urn_.erase(old);
            }
            note_held(*resource, things, unique_name);
            news_.push_back(resource);
            return rpc::Registered{urn, state->id, resource->outputs};
        };
        auto registered = read();
        if (!registered) return fail(registered.error(), reading.type + "::" + reading.name, reading.source);
        if (!stopping()) reply(std::move(registered));
    });
}

void Engine::invoke(rpc::Invocation invocation, rpc::Reply<rpc::Invoked> reply) {
    pool_->post([this, invocation = std::move(invocation), reply = std::move(reply)] {
        if (stopping()) return;
        const auto call = [&]() -> base::Result<rpc::Invoked> {
            if (invocation.token == "pulumi:pulumi:getResource") {
                const std::string& urn = invocation.arguments["urn"].as_string();
                const base::Lock lock(mutex_);
                for (const auto& resource : news_) {
                    if (resource->urn != urn) continue;
                    return rpc::Invoked{
                        Property(Property::Object{
                            {"urn", Property(urn)}, {"id", Property(resource->id)}, {"state", resource->outputs}}),
                        {}};
                }
                return base::fail(base::code::NoSuchEntity, "there is no resource " + urn);
            }
            const Instance instance =
                TRY(provider_for(invocation.token, invocation.provider, invocation.parent, invocation.version));
            const bool secret = invocation.arguments.has_secrets();
            Property result = TRY(instance.provider->invoke(invocation.token, invocation.arguments.without_secrets()));
            if (secret) {
                // All of the answer is a secret for the program, as Pulumi has it; in messages only what holds the text of one is
                // (`Allow` in a policy document is none).
                secrets_.learn(invocation.arguments);
                secrets_.learn(with_secrets_of(result, Property(), secret_texts(invocation.arguments)));
                if (result.is(Property::Kind::unknown)) result = Property::secret(std::move(result));
                for (auto& [key, value] : result.members()) value = Property::secret(value);
            }
            return rpc::Invoked{std::move(result), {}};
        };
        auto invoked = call();
        if (!invoked) {
            base::Error error = invoked.error();
            error.message = "invoking " + invocation.token + ": " +
                            (error.message.empty() ? "its provider cannot work, as was said" : error.message);
            invoked = base::fail(std::move(error));
        }
        if (!stopping()) reply(std::move(invoked));
    });
}

void Engine::finish(rpc::Reply<bool> reply) {
    const base::Lock lock(mutex_);
    finish_reply_ = std::move(reply);
    program_over_ = true;
    changed_.notify_all();
}

void Engine::release_program() {
    rpc::Reply<bool> reply;
    {
        const base::Lock lock(mutex_);
        std::swap(reply, finish_reply_);
    }
    if (reply) reply(true);
}

void Engine::program_ended(std::optional<std::string> error) {
    bool news = false;
    {
        const base::Lock lock(mutex_);
        program_over_ = true;
        // A program that we stopped ourselves has nothing to add.
        news = error.has_value() && !failed_ && !interrupted_;
        if (error.has_value()) failed_ = true;
        changed_.notify_all();
    }
    if (news && !error->empty()) events_.diagnostic({.severity = rpc::Severity::error, .message = *error});
}

void Engine::log(rpc::Severity severity, std::string message, const std::string& urn, bool ephemeral) {
    events_.diagnostic({.severity = severity, .message = std::move(message), .urn = urn, .ephemeral = ephemeral});
}

rpc::DeploymentInfo Engine::info() const {
    return {.project = options_.project,
            .stack = options_.stack,
            .organization = "organization",
            .config = options_.config,
            .secret_keys = options_.secret_keys,
            .preview = options_.preview,
            .parallel = options_.parallel};
}

void Engine::run() {
    {
        base::Lock lock(mutex_);
        changed_.wait(mutex_, [this]() REQUIRES(mutex_) { return program_over_ || failed_ || interrupted_; });
        if (failed_ && options_.preview && !program_over_) {
            // What is on its way may be wrong as well: a moment, so that the preview shows more than the first mistake.
            changed_.wait_for(mutex_, std::chrono::milliseconds(300),
                              [this]() REQUIRES(mutex_) { return program_over_ || interrupted_; });
        }
    }
    pool_->drain();
    const bool well = [this] {
        const base::Lock lock(mutex_);
        return !failed_ && !interrupted_;
    }();
    if (well) delete_unwanted();
    {
        const base::Lock lock(mutex_);
        for (const auto& resource : news_) {
            if (resource->urn != stack_urn_ || !stack_outputs_) continue;
            if (!failed_ && !interrupted_) {
                resource->outputs = *stack_outputs_;
            } else {
                for (const auto& [key, value] : stack_outputs_->members())
                    if (!value.has_unknowns()) resource->outputs.set(key, value);
            }
        }
    }
    if (auto saved = persist(); !saved) fail(saved.error(), "", {});
}

Property Engine::stack_outputs() const {
    const base::Lock lock(mutex_);
    if (stack_outputs_) return *stack_outputs_;
    return snapshot_locked().stack_outputs();
}

Snapshot Engine::snapshot() const {
    const base::Lock lock(mutex_);
    return snapshot_locked();
}

Snapshot Engine::snapshot_locked() const {
    Snapshot snapshot;
    std::set<std::string> present;
    const auto add = [&](const Resource& resource) {
        auto copy = std::make_shared<Resource>(resource);
        // What it needed may be gone (deleted before a replacement, lost outside): a state must not name what it does not hold.
        const auto gone = [&](const std::string& urn) { return !present.contains(urn); };
        std::erase_if(copy->dependencies, gone);
        for (auto& [property, urns] : copy->property_dependencies) std::erase_if(urns, gone);
        if (!copy->parent.empty() && gone(copy->parent)) copy->parent.clear();
        if (!copy->provider.empty() && gone(parse_provider_reference(copy->provider).urn)) copy->provider.clear();
        present.insert(copy->urn);
        snapshot.resources.push_back(std::move(copy));
    };
    for (const auto& resource : news_) add(*resource);
    for (const ResourcePtr& resource : olds_) add(*resource);
    for (const auto& [urn, operation] : pending_) snapshot.pending.push_back(operation);
    return snapshot;
}

base::Result<void> Engine::persist() {
    if (options_.preview || !hooks_.journal) return {};
    base::Lock lock(journal_mutex_);
    const uint64_t mine = ++journal_wanted_;
    while (journal_written_ < mine && !journal_error_) {
        if (journal_busy_) {
            journal_changed_.wait(journal_mutex_);
            continue;
        }
        // One writer at a time; it writes for all who came before it took its copy.
        journal_busy_ = true;
        const uint64_t upto = journal_wanted_;
        lock.unlock();
        auto saved = hooks_.journal(snapshot());
        lock.lock();
        journal_busy_ = false;
        if (saved)
            journal_written_ = upto;
        else
            journal_error_ = std::move(saved.error());
        journal_changed_.notify_all();
    }
    if (journal_error_) return base::fail(*journal_error_);
    return {};
}

void Engine::fail(const base::Error& error, const std::string& urn, const rpc::Source& source) {
    if (!error.message.empty())
        events_.diagnostic({.severity = rpc::Severity::error,
                            .message = error.message,
                            .urn = urn,
                            .source = shown(source),
                            .notes = error.notes});
    const base::Lock lock(mutex_);
    failed_ = true;
    changed_.notify_all();
}

std::string Engine::now_text() const { return text::iso8601_millis(hooks_.clock->now()); }

std::string Engine::shown(const rpc::Source& source) const {
    if (source.file.empty()) return "";
    std::string file = source.file;
    const std::string folder = options_.root.empty() || options_.root.ends_with('/') ? options_.root : options_.root + "/";
    if (!folder.empty() && file.starts_with(folder)) file.erase(0, folder.size());
    return source.line > 0 ? file + ":" + std::to_string(source.line) : file;
}

}  // namespace deploy
