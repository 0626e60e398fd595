// What is done to one resource: kept, created, updated, replaced, deleted; each with its record in the state file before and
// after.
#include <algorithm>
#include <array>

#include "deploy/context.hpp"
#include "deploy/urn.hpp"

namespace deploy {

using provider::Property;

namespace {

// After these we do not know whether the call took effect: the write-ahead record stays, and the next run looks.
bool may_have_happened(const base::Error& error) {
    static constexpr std::array<std::string_view, 8> codes = {"ConnectionError", "RequestTimeout",     "Timeout",
                                                              "InternalError",   "InternalFailure",    "ServiceUnavailable",
                                                              "ServiceFailure",  "InternalServerError"};
    return std::ranges::find(codes, error.code) != codes.end();
}

base::Error in_context(base::Error error, std::string_view verb, const Resource& resource) {
    error.message = std::string(verb) + " " + resource.type + " `" + std::string(urn_name(resource.urn)) + "`: " + error.message +
                    (error.code.empty() ? "" : " (" + error.code + ")");
    return error;
}

}  // namespace

rpc::Registered Engine::record(Context& context, std::shared_ptr<Resource> resource, const ResourcePtr& replaces) {
    rpc::Registered registered{resource->urn, resource->id, resource->outputs};
    const std::lock_guard lock(mutex_);
    pending_.erase(context.urn);
    if (replaces != nullptr) std::erase(olds_, replaces);
    if (context.dooms != nullptr) {
        // It goes last, when nothing uses it any more.
        auto doomed = std::make_shared<Resource>(*context.dooms);
        doomed->doomed = true;
        std::ranges::replace(olds_, context.dooms, ResourcePtr(std::move(doomed)));
    }
    news_.push_back(std::move(resource));
    return registered;
}

base::Result<void> Engine::begin(const std::string& kind, const Resource& resource) {
    if (options_.preview) return {};
    {
        const std::lock_guard lock(mutex_);
        pending_.insert_or_assign(resource.urn, PendingOperation{kind, resource});
    }
    return persist();
}

base::Result<void> Engine::end(const std::string& urn) {
    {
        const std::lock_guard lock(mutex_);
        pending_.erase(urn);
    }
    return persist();
}

void Engine::forget(const ResourcePtr& resource) {
    const std::lock_guard lock(mutex_);
    pending_.erase(resource->urn);
    std::erase(olds_, resource);
    if (const auto found = old_by_urn_.find(resource->urn); found != old_by_urn_.end() && found->second == resource)
        old_by_urn_.erase(found);
}

base::Result<rpc::Registered> Engine::keep(Context& context) {
    context.fresh->outputs =
        keep_secret(context.old->outputs, context.registration.inputs, context.fresh->additional_secret_outputs);
    rpc::Registered registered = record(context, context.fresh, context.old);
    hooks_.events->step(context.step(Op::same, Step::Phase::done));
    return registered;
}

base::Result<rpc::Registered> Engine::create(Context& context, Op op) {
    provider::Provider& provider = *context.instance.provider;
    Resource& fresh = *context.fresh;
    fresh.id.clear();
    fresh.created = fresh.modified = now_text();
    if (!options_.preview && hooks_.can_keep_secrets) {
        // Better to refuse now than to hold a secret that the state cannot keep.
        const auto expected = provider.create(fresh.type, context.inputs, true);
        if (fresh.inputs.has_secrets() || !fresh.additional_secret_outputs.empty() ||
            (expected && expected->outputs.has_secrets()))
            TRY(hooks_.can_keep_secrets());
    }
    hooks_.events->step(context.step(op, Step::Phase::begun));
    TRY(begin("creating", fresh));
    auto state = provider.create(fresh.type, context.inputs, options_.preview);
    if (!state) {
        if (!may_have_happened(state.error())) TRY(end(context.urn));
        Step failed = context.step(op, Step::Phase::failed);
        failed.error = state.error();
        hooks_.events->step(failed);
        return base::fail(in_context(std::move(state.error()), "creating", fresh));
    }
    fresh.id = state->id;
    fresh.outputs = keep_secret(std::move(state->outputs), context.registration.inputs, fresh.additional_secret_outputs);
    const bool was_external = context.old != nullptr && context.old->external;
    rpc::Registered registered = record(context, context.fresh, was_external ? context.old : nullptr);
    TRY(persist());
    hooks_.events->step(context.step(op, Step::Phase::done));
    return registered;
}

base::Result<rpc::Registered> Engine::update(Context& context, const provider::Difference& difference) {
    Resource& fresh = *context.fresh;
    if (!options_.preview && hooks_.can_keep_secrets && (fresh.inputs.has_secrets() || !fresh.additional_secret_outputs.empty()))
        TRY(hooks_.can_keep_secrets());
    Step begun = context.step(Op::update, Step::Phase::begun);
    begun.difference = difference;
    hooks_.events->step(begun);
    TRY(begin("updating", fresh));
    auto state = context.instance.provider->update(fresh.type, context.old->id, context.old->outputs.without_secrets(),
                                                   context.inputs, options_.preview);
    if (!state) {
        if (!may_have_happened(state.error())) TRY(end(context.urn));
        Step failed = context.step(Op::update, Step::Phase::failed);
        failed.difference = difference;
        failed.error = state.error();
        hooks_.events->step(failed);
        return base::fail(in_context(std::move(state.error()), "updating", fresh));
    }
    fresh.id = state->id.empty() ? context.old->id : state->id;
    fresh.modified = now_text();
    fresh.outputs = keep_secret(std::move(state->outputs), context.registration.inputs, fresh.additional_secret_outputs);
    rpc::Registered registered = record(context, context.fresh, context.old);
    TRY(persist());
    Step done = context.step(Op::update, Step::Phase::done);
    done.difference = difference;
    hooks_.events->step(done);
    return registered;
}

base::Result<rpc::Registered> Engine::replace(Context& context, const provider::Difference& difference) {
    const ResourcePtr old = context.old;
    if (old->protect && context.fresh->protect) {
        return base::fail(
            base::Error("Protected", old->type + " `" + std::string(urn_name(old->urn)) + "` must be replaced and is protected")
                .note("set protect to false, deploy, then make the change"));
    }
    TRY(checked_inputs(context, Property(), 1));  // a new thing gets a new automatic name
    const bool delete_first = context.registration.delete_before_replace.value_or(difference.delete_before_replace);
    Step begun = context.step(Op::replace, Step::Phase::begun);
    begun.difference = difference;
    hooks_.events->step(begun);
    if (!delete_first) context.dooms = old;
    if (delete_first) {
        TRY(delete_dependents_of(*old));
        TRY(delete_resource(old, Op::delete_replaced));
    }
    rpc::Registered registered = TRY(create(context, Op::create_replacement));
    Step done = context.step(Op::replace, Step::Phase::done);
    done.difference = difference;
    hooks_.events->step(done);
    return registered;
}

// Before `resource` is deleted to make way for its replacement: delete first those that use a property of it and could not change
// in place when that property does.
base::Result<void> Engine::delete_dependents_of(const Resource& resource) {
    std::vector<ResourcePtr> candidates;
    {
        const std::lock_guard lock(mutex_);
        candidates = olds_;
    }
    std::set<std::string> going = {resource.urn};
    std::vector<ResourcePtr> order;
    // Dependencies stand before their dependents, so one pass finds all of them.
    for (const ResourcePtr& candidate : candidates) {
        if (candidate->doomed || candidate->external || !candidate->custom || going.contains(candidate->urn) ||
            is_provider_type(candidate->type))
            continue;
        Property inputs = candidate->inputs.without_secrets();
        bool uses = !candidate->deleted_with.empty() && going.contains(candidate->deleted_with);
        bool asks = false;
        for (const auto& [property, urns] : candidate->property_dependencies) {
            if (!std::ranges::any_of(urns, [&](const std::string& urn) { return going.contains(urn); })) continue;
            inputs.set(property, Property::unknown());
            asks = true;
        }
        if (!uses && asks) {
            const Instance instance = TRY(provider_of(*candidate));
            const auto difference =
                TRY(instance.provider->diff(candidate->type, candidate->id, candidate->inputs.without_secrets(),
                                            candidate->outputs.without_secrets(), inputs));
            uses = !difference.replace.empty();
        }
        if (!uses) continue;
        if (candidate->protect) {
            return base::fail("Protected", candidate->type + " `" + std::string(urn_name(candidate->urn)) +
                                               "` would have to be replaced with " + std::string(urn_name(resource.urn)) +
                                               " and is protected");
        }
        going.insert(candidate->urn);
        order.push_back(candidate);
    }
    for (const ResourcePtr& dependent : std::vector<ResourcePtr>(order.rbegin(), order.rend())) {
        TRY(delete_resource(dependent, Op::delete_replaced));
        const std::lock_guard lock(mutex_);
        recreated_.insert(dependent->urn);
    }
    return {};
}

base::Result<void> Engine::delete_resource(const ResourcePtr& resource, Op op) {
    Step step{.op = op,
              .phase = Step::Phase::begun,
              .urn = resource->urn,
              .type = resource->type,
              .name = std::string(urn_name(resource->urn)),
              .id = resource->id,
              .source = resource->source_position,
              .before = resource};
    step.hidden = is_provider_type(resource->type) && step.name.starts_with("default");
    hooks_.events->step(step);
    const auto start = std::chrono::steady_clock::now();
    const bool acts = resource->custom && !resource->external && !resource->retain_on_delete && !is_provider_type(resource->type);
    if (acts && !options_.preview) {
        const Instance instance = TRY(provider_of(*resource));
        TRY(begin("deleting", *resource));
        auto removed = instance.provider->remove(resource->type, resource->id, resource->outputs.without_secrets());
        if (!removed) {
            if (!may_have_happened(removed.error())) TRY(end(resource->urn));
            step.phase = Step::Phase::failed;
            step.error = removed.error();
            hooks_.events->step(step);
            return base::fail(in_context(std::move(removed.error()), "deleting", *resource));
        }
    }
    forget(resource);
    if (acts) TRY(persist());
    step.phase = Step::Phase::done;
    step.took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
    hooks_.events->step(step);
    return {};
}

}  // namespace deploy
