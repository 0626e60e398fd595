// What is done to one resource: kept, created, updated, replaced, deleted; each with its record in the state file before and
// after.
#include <algorithm>
#include <array>

#include "base/error_codes.hpp"
#include "base/mutex.hpp"
#include "deploy/context.hpp"
#include "deploy/resource_claims.hpp"
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
    if (has_secret_id(*resource)) secrets_.learn_id(resource->id);
    std::vector<std::string> things;
    std::string unique_name;
    if (context.instance.provider != nullptr) {
        things = things_of(*context.instance.provider, *resource);
        unique_name = unique_name_of(*context.instance.provider, *resource);
    }
    const base::Lock lock(mutex_);
    pending_.erase(context.urn);
    note_held(*resource, things, unique_name);
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
        const base::Lock lock(mutex_);
        pending_.insert_or_assign(resource.urn, PendingOperation{kind, resource});
    }
    return persist();
}

base::Result<void> Engine::end(const std::string& urn) {
    {
        const base::Lock lock(mutex_);
        pending_.erase(urn);
    }
    return persist();
}

void Engine::forget(const ResourcePtr& resource) {
    const base::Lock lock(mutex_);
    pending_.erase(resource->urn);
    std::erase(olds_, resource);
    if (const auto found = old_by_urn_.find(resource->urn); found != old_by_urn_.end() && found->second == resource)
        old_by_urn_.erase(found);
}

base::Result<rpc::Registered> Engine::keep(Context& context) {
    context.fresh->outputs = sealed(context.old->outputs, context.wanted, context.fresh->additional_secret_outputs);
    rpc::Registered registered = record(context, context.fresh, context.old);
    events_.step(context.step(Op::same, Step::Phase::done));
    return registered;
}

base::Result<rpc::Registered> Engine::create(Context& context, Op op) {
    provider::Provider& provider = *context.instance.provider;
    Resource& fresh = *context.fresh;
    fresh.id.clear();
    fresh.created = fresh.modified = now_text();
    TRY(check_name_is_free(context, nullptr));
    if (!options_.preview && hooks_.can_keep_secrets) {
        // Better to refuse now than to hold a secret that the state cannot keep.
        const auto expected = provider.create(fresh.type, context.inputs, true);
        if (fresh.inputs.has_secrets() || !fresh.additional_secret_outputs.empty() ||
            (expected && expected->outputs.has_secrets()))
            TRY(hooks_.can_keep_secrets());
    }
    const Claim mine = claim(things_of(provider, fresh));
    events_.step(context.step(op, Step::Phase::begun));
    TRY(begin("creating", fresh));
    auto state = provider.create(fresh.type, context.inputs, options_.preview);
    if (!state) {
        if (!may_have_happened(state.error())) TRY(end(context.urn));
        Step failed = context.step(op, Step::Phase::failed);
        failed.error = state.error();
        events_.step(failed);
        return base::fail(in_context(std::move(state.error()), "creating", fresh));
    }
    fresh.id = state->id;
    fresh.outputs = sealed(std::move(state->outputs), context.wanted, fresh.additional_secret_outputs);
    const bool was_external = context.old != nullptr && context.old->external;
    rpc::Registered registered = record(context, context.fresh, was_external ? context.old : nullptr);
    TRY(persist());
    events_.step(context.step(op, Step::Phase::done));
    return registered;
}

base::Result<rpc::Registered> Engine::update(Context& context, const provider::Difference& difference) {
    Resource& fresh = *context.fresh;
    if (!options_.preview && hooks_.can_keep_secrets && (fresh.inputs.has_secrets() || !fresh.additional_secret_outputs.empty()))
        TRY(hooks_.can_keep_secrets());
    Step begun = context.step(Op::update, Step::Phase::begun);
    begun.difference = difference;
    events_.step(begun);
    const Claim mine = claim(things_of(*context.instance.provider, fresh));
    TRY(begin("updating", fresh));
    auto state = context.instance.provider->update(fresh.type, context.old->id, context.old->outputs.without_secrets(),
                                                   context.inputs, options_.preview);
    if (!state) {
        if (!may_have_happened(state.error())) TRY(end(context.urn));
        Step failed = context.step(Op::update, Step::Phase::failed);
        failed.difference = difference;
        failed.error = state.error();
        events_.step(failed);
        return base::fail(in_context(std::move(state.error()), "updating", fresh));
    }
    fresh.id = state->id.empty() ? context.old->id : state->id;
    fresh.modified = now_text();
    fresh.outputs = sealed(std::move(state->outputs), context.wanted, fresh.additional_secret_outputs);
    rpc::Registered registered = record(context, context.fresh, context.old);
    TRY(persist());
    Step done = context.step(Op::update, Step::Phase::done);
    done.difference = difference;
    events_.step(done);
    return registered;
}

base::Result<rpc::Registered> Engine::replace(Context& context, const provider::Difference& difference) {
    const ResourcePtr old = context.old;
    if (old->protect && context.fresh->protect) {
        return base::fail(base::Error(base::code::Protected,
                                      old->type + " `" + std::string(urn_name(old->urn)) + "` must be replaced and is protected")
                              .note("set protect to false, deploy, then make the change"));
    }
    TRY(checked_inputs(context, Property(), 1));  // a new thing gets a new automatic name
    const bool delete_first = context.registration.delete_before_replace.value_or(difference.delete_before_replace);
    TRY(check_name_is_free(context, delete_first ? old : nullptr));
    Step begun = context.step(Op::replace, Step::Phase::begun);
    begun.difference = difference;
    events_.step(begun);
    if (!delete_first) context.dooms = old;
    if (delete_first) {
        TRY(delete_dependents_of(*old));
        TRY(delete_resource(old, Op::delete_replaced, Others::all));
    }
    rpc::Registered registered = TRY(create(context, Op::create_replacement));
    Step done = context.step(Op::replace, Step::Phase::done);
    done.difference = difference;
    events_.step(done);
    return registered;
}

// Before `resource` is deleted to make way for its replacement: delete first those that use a property of it and could not change
// in place when that property does.
base::Result<void> Engine::delete_dependents_of(const Resource& resource) {
    std::vector<ResourcePtr> candidates;
    {
        const base::Lock lock(mutex_);
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
            return base::fail(base::code::Protected, candidate->type + " `" + std::string(urn_name(candidate->urn)) +
                                                         "` would have to be replaced with " +
                                                         std::string(urn_name(resource.urn)) + " and is protected");
        }
        going.insert(candidate->urn);
        order.push_back(candidate);
    }
    for (const ResourcePtr& dependent : std::vector<ResourcePtr>(order.rbegin(), order.rend())) {
        TRY(delete_resource(dependent, Op::delete_replaced, Others::all));
        const base::Lock lock(mutex_);
        recreated_.insert(dependent->urn);
    }
    return {};
}

base::Result<void> Engine::delete_resource(const ResourcePtr& resource, Op op, Others others, bool goes_with_another) {
    const auto start = std::chrono::steady_clock::now();
    const bool in_world = resource->custom && !is_provider_type(resource->type);
    Step step{.op = op,
              .urn = resource->urn,
              .type = resource->type,
              .name = std::string(urn_name(resource->urn)),
              .id = resource->id,
              .source = resource->source_position,
              .before = resource};
    step.hidden = is_provider_type(resource->type) && step.name.starts_with("default");
    Instance instance;
    std::vector<std::string> things;
    if (in_world && !resource->external && !resource->retain_on_delete && !goes_with_another) {
        instance = TRY(provider_of(*resource));
        things = things_of(*instance.provider, *resource);
    }
    const Claim mine = claim(things);
    if (in_world && !goes_with_another) step.reason = TRY(why_it_stays(*resource, things, others));
    if (!step.reason.empty()) step.op = Op::forget;
    const bool acts = instance.provider != nullptr && step.reason.empty();
    events_.step(step);
    if (acts && !options_.preview) {
        TRY(begin("deleting", *resource));
        auto removed = instance.provider->remove(resource->type, resource->id, resource->outputs.without_secrets());
        if (!removed) {
            if (!may_have_happened(removed.error())) TRY(end(resource->urn));
            step.phase = Step::Phase::failed;
            step.error = removed.error();
            events_.step(step);
            return base::fail(in_context(std::move(removed.error()), "deleting", *resource));
        }
    }
    forget(resource);
    if (in_world) TRY(persist());
    step.phase = Step::Phase::done;
    step.took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
    events_.step(step);
    return {};
}

}  // namespace deploy
