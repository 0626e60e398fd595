// What resources hold in the world, and who else holds it.
//
// A renamed resource is, for the engine, a new one and an old one that is no longer wanted. Where making it again changed nothing
// (a bucket's policy, an attachment), deleting the old one would take away what the new one is.
#include "deploy/resource_claims.hpp"

#include <algorithm>

#include "base/error_codes.hpp"
#include "base/mutex.hpp"
#include "deploy/context.hpp"
#include "deploy/urn.hpp"

namespace deploy {

Engine::Claim::Claim(Engine& engine, std::vector<std::string> things) : engine_(&engine), things_(std::move(things)) {}

Engine::Claim::~Claim() {
    if (things_.empty()) return;
    const base::Lock lock(engine_->mutex_);
    for (const std::string& thing : things_) engine_->claimed_.erase(thing);
    engine_->changed_.notify_all();
}

Engine::Claim Engine::claim(std::vector<std::string> things) {
    if (options_.preview) return {*this, {}};
    std::ranges::sort(things);
    const auto repeated = std::ranges::unique(things);
    things.erase(repeated.begin(), repeated.end());
    base::Lock lock(mutex_);
    // All or none, and nobody waits for more while he holds some: no two wait for each other.
    changed_.wait(mutex_, [&]() REQUIRES(mutex_) {
        return std::ranges::none_of(things, [&](const std::string& thing) REQUIRES(mutex_) { return claimed_.contains(thing); });
    });
    claimed_.insert(things.begin(), things.end());
    return {*this, std::move(things)};
}

std::vector<std::string> Engine::things_of(provider::Provider& provider, const Resource& resource) const {
    provider::Property properties = resource.inputs.without_secrets();
    for (const auto& [key, value] : resource.outputs.without_secrets().members()) properties.set(key, value);
    auto things = provider.holds(resource.type, resource.id, properties);
    return things ? std::move(*things) : std::vector<std::string>();
}

std::string Engine::unique_name_of(provider::Provider& provider, const Resource& resource) const {
    provider::Property properties = resource.inputs.without_secrets();
    for (const auto& [key, value] : resource.outputs.without_secrets().members()) properties.set(key, value);
    auto name = provider.unique_name(resource.type, properties);
    return name ? std::move(*name) : std::string();
}

void Engine::note_held(const Resource& resource, const std::vector<std::string>& things, const std::string& unique_name) {
    for (const std::string& thing : things) held_.insert_or_assign(thing, resource.urn);
    if (!unique_name.empty()) names_.insert_or_assign(unique_name, resource.urn);
}

base::Result<void> Engine::check_name_is_free(const Context& context, const ResourcePtr& leaving) {
    const Resource& fresh = *context.fresh;
    const std::string name = TRY(context.instance.provider->unique_name(fresh.type, context.inputs));
    if (name.empty()) return {};
    const std::string own(urn_name(context.urn));
    const auto taken = [&](const std::string& urn) {
        return base::Error(base::code::NameInUse, "creating " + fresh.type + " `" + own + "`: " + std::string(urn_type(urn)) +
                                                      " `" + std::string(urn_name(urn)) + "` of this stack has the same name");
    };
    std::vector<ResourcePtr> candidates;
    {
        const base::Lock lock(mutex_);
        if (const auto held = names_.find(name); held != names_.end())
            return base::fail(taken(held->second).note("give one of them another name"));
        candidates = olds_;
    }
    for (const ResourcePtr& candidate : candidates) {
        if (candidate == leaving || !candidate->custom || is_provider_type(candidate->type) ||
            package_of(candidate->type) != package_of(fresh.type))
            continue;
        const Instance instance = TRY(provider_of(*candidate));
        if (unique_name_of(*instance.provider, *candidate) != name) continue;
        // It may have been deleted by hand.
        const auto there = TRY(instance.provider->read(candidate->type, candidate->id, candidate->inputs.without_secrets(),
                                                       candidate->outputs.without_secrets()));
        if (!there) continue;
        if (candidate->external)
            return base::fail(
                taken(candidate->urn).note("it was only read so far: to manage it, import it (the resource option `import`)"));
        if (candidate->urn == context.urn)
            return base::fail(taken(candidate->urn)
                                  .note("it must be replaced, and its replacement cannot be made beside it: leave out "
                                        "`deleteBeforeReplace: false`, or give it another name"));
        return base::fail(taken(candidate->urn)
                              .note("if `" + own +
                                    "` is the same under a new name in the program, give it the resource option "
                                    "`aliases: [\"" +
                                    candidate->urn + "\"]`, and it is kept")
                              .note("if it is another one, give it another name, or deploy without `" +
                                    std::string(urn_name(candidate->urn)) + "` first"));
    }
    return {};
}

// Why deleting it from the state must not delete it from the world; "" if it may.
base::Result<std::string> Engine::why_it_stays(const Resource& resource, const std::vector<std::string>& things, Others others) {
    if (resource.external) return std::string("it was only read");
    if (resource.retain_on_delete) return std::string("it is retained");
    if (things.empty()) return std::string();
    std::vector<ResourcePtr> candidates;
    {
        const base::Lock lock(mutex_);
        if (const auto held = held_.find(things.front()); held != held_.end())
            return "`" + std::string(urn_name(held->second)) + "` holds it";
        if (others == Others::all) candidates = olds_;
    }
    for (const ResourcePtr& candidate : candidates) {
        if (candidate->urn == resource.urn || candidate->doomed || !candidate->custom || is_provider_type(candidate->type) ||
            package_of(candidate->type) != package_of(resource.type))
            continue;
        const Instance instance = TRY(provider_of(*candidate));
        const auto others_things = things_of(*instance.provider, *candidate);
        if (std::ranges::find(others_things, things.front()) != others_things.end())
            return "`" + std::string(urn_name(candidate->urn)) + "` holds it";
    }
    return std::string();
}

}  // namespace deploy
