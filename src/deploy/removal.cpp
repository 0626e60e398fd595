// Deleting in the order of need, reading everything anew, and finding out what an interrupted run left behind.
#include <algorithm>
#include <deque>

#include "base/error_codes.hpp"
#include "base/mutex.hpp"
#include "deploy/context.hpp"
#include "deploy/urn.hpp"

namespace deploy {

using provider::Property;

std::vector<ResourcePtr> Engine::unwanted() const {
    const base::Lock lock(mutex_);
    return olds_;  // what was registered again has left this list
}

void Engine::delete_unwanted() { delete_in_order(unwanted()); }

void Engine::destroy() {
    const std::vector<ResourcePtr> all = unwanted();
    bool refused = false;
    for (const ResourcePtr& resource : all) {
        if (!resource->protect || !resource->custom) continue;
        fail(base::Error(base::code::Protected,
                         resource->type + " `" + std::string(urn_name(resource->urn)) + "` is protected and will not be deleted")
                 .note("set protect to false in the program and deploy, then destroy"),
             resource->urn, {});
        refused = true;
    }
    if (refused) return;
    delete_in_order(all);
    if (auto saved = persist(); !saved) fail(saved.error(), "", {});
}

// Each resource as soon as nothing that is going too needs it any more; independent ones at the same time. After an error what it
// needed stays.
void Engine::delete_in_order(const std::vector<ResourcePtr>& resources) {
    struct Node {
        ResourcePtr resource;
        size_t users = 0;  // those going that still need it
        std::vector<size_t> needs;
    };
    std::vector<Node> nodes;
    std::map<std::string, std::vector<size_t>> by_urn;
    for (const ResourcePtr& resource : resources) {
        by_urn[resource->urn].push_back(nodes.size());
        nodes.push_back({resource, 0, {}});
    }
    for (Node& node : nodes) {
        for (const std::string& need : node.resource->needs()) {
            const auto found = by_urn.find(need);
            if (found == by_urn.end()) continue;
            for (size_t index : found->second) {
                node.needs.push_back(index);
                ++nodes[index].users;
            }
        }
    }
    base::Mutex mutex;
    base::Condition ended;
    std::deque<std::pair<size_t, bool>> done;
    size_t running = 0;
    const auto start = [&](size_t index) {
        ++running;
        pool_->post([&, index] {
            const ResourcePtr& resource = nodes[index].resource;
            base::Result<void> result;
            bool skipped = stopping();
            if (!skipped && resource->protect && !resource->doomed && resource->custom) {
                result =
                    base::fail(base::Error(base::code::Protected, resource->type + " `" + std::string(urn_name(resource->urn)) +
                                                                      "` is no longer in the program and is protected")
                                   .note("put it back with protect set to false and deploy, then remove it"));
            } else if (!skipped && !resource->deleted_with.empty() && by_urn.contains(resource->deleted_with)) {
                result = delete_resource(resource, Op::remove, Others::registered, true);
            } else if (!skipped) {
                result = delete_resource(resource, resource->doomed ? Op::delete_replaced : Op::remove, Others::registered);
            }
            if (!result) fail(result.error(), resource->urn, {});
            const base::Lock lock(mutex);
            done.emplace_back(index, result.has_value() && !skipped);
            ended.notify_one();
        });
    };
    base::Lock lock(mutex);
    for (size_t index = 0; index < nodes.size(); ++index)
        if (nodes[index].users == 0) start(index);
    while (running > 0) {
        ended.wait(mutex, [&]() REQUIRES(mutex) { return !done.empty(); });
        const auto [index, gone] = done.front();
        done.pop_front();
        --running;
        if (!gone) continue;
        for (size_t need : nodes[index].needs)
            if (--nodes[need].users == 0) start(need);
    }
    lock.unlock();
    pool_->drain();  // the last task still holds references to this frame until it returns
}

void Engine::refresh() {
    std::vector<ResourcePtr> all = unwanted();
    for (const ResourcePtr& resource : all) {
        if (!resource->custom || resource->doomed || resource->external || is_provider_type(resource->type)) continue;
        pool_->post([this, resource] {
            if (stopping()) return;
            const auto start = std::chrono::steady_clock::now();
            Step step{.op = Op::refresh,
                      .phase = Step::Phase::begun,
                      .urn = resource->urn,
                      .type = resource->type,
                      .name = std::string(urn_name(resource->urn)),
                      .id = resource->id,
                      .source = resource->source_position,
                      .before = resource};
            events_.step(step);
            const auto read_anew = [&]() -> base::Result<ResourcePtr> {
                const Instance instance = TRY(provider_of(*resource));
                const Property old_inputs = resource->inputs.without_secrets();
                auto read =
                    TRY(instance.provider->read(resource->type, resource->id, old_inputs, resource->outputs.without_secrets()));
                if (!read) return ResourcePtr();
                auto now = std::make_shared<Resource>(*resource);
                step.difference = TRY(instance.provider->diff(resource->type, resource->id, old_inputs,
                                                              resource->outputs.without_secrets(), read->inputs));
                // Inputs that mean the same keep the program's own wording.
                if (step.difference.any()) now->inputs = sealed(read->inputs, resource->inputs);
                // What a secret input holds, and what was a secret before.
                now->outputs =
                    sealed(sealed(read->outputs, resource->inputs), resource->outputs, resource->additional_secret_outputs);
                if (step.difference.any()) now->modified = now_text();
                return ResourcePtr(std::move(now));
            };
            auto now = read_anew();
            step.took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
            if (!now) {
                step.phase = Step::Phase::failed;
                step.error = now.error();
                events_.step(step);
                return fail(now.error(), resource->urn, {});
            }
            step.phase = Step::Phase::done;
            step.after = *now;
            if (*now == nullptr) step.op = Op::discard;
            {
                const base::Lock lock(mutex_);
                if (*now == nullptr)
                    std::erase(olds_, resource);
                else
                    std::ranges::replace(olds_, resource, *now);
            }
            events_.step(step);
        });
    }
    pool_->drain();
    if (auto saved = persist(); !saved) fail(saved.error(), "", {});
}

base::Result<void> Engine::recover() {
    auto recovered = recover_pending();
    if (!recovered) return base::fail(secrets_.masked(std::move(recovered.error())));
    return {};
}

base::Result<void> Engine::recover_pending() {
    std::map<std::string, PendingOperation> pending;
    {
        const base::Lock lock(mutex_);
        std::swap(pending, pending_);
    }
    for (auto& [urn, operation] : pending) {
        Resource& resource = operation.resource;
        const std::string what = resource.type + " `" + std::string(urn_name(urn)) + "`";
        if (is_provider_type(resource.type) || !resource.custom) continue;
        const Instance instance = TRY(provider_of(resource));
        const Property inputs = resource.inputs.without_secrets();
        std::string id = resource.id;
        // Names are decided before anything is made, so a provider can say under which id the thing would be found.
        if (operation.kind == "creating") id = TRY(instance.provider->create(resource.type, inputs, true)).id;
        std::optional<provider::ReadState> read;
        if (!id.empty()) read = TRY(instance.provider->read(resource.type, id, inputs, resource.outputs.without_secrets()));
        const base::Lock lock(mutex_);
        const auto old = old_by_urn_.find(urn);
        std::string found = "is not there";
        if (operation.kind == "creating" && id.empty()) {
            found = "may exist: its id is not known, look for it";
        } else if (operation.kind == "creating" && read) {
            auto adopted = std::make_shared<Resource>(resource);
            adopted->id = read->id;
            adopted->outputs = sealed(read->outputs, resource.inputs, resource.additional_secret_outputs);
            if (old != old_by_urn_.end()) {
                // It was to replace another one, which still stands: the replacement is done, but for the end of that one.
                auto doomed = std::make_shared<Resource>(*old->second);
                doomed->doomed = true;
                std::ranges::replace(olds_, old->second, ResourcePtr(std::move(doomed)));
            }
            olds_.push_back(adopted);
            old_by_urn_[urn] = adopted;
            found = "exists (" + read->id + ") and belongs to this stack";
        } else if (operation.kind == "updating" && read && old != old_by_urn_.end()) {
            auto now = std::make_shared<Resource>(*old->second);
            now->inputs = sealed(read->inputs, now->inputs);
            now->outputs = sealed(sealed(read->outputs, now->inputs), now->outputs, now->additional_secret_outputs);
            std::ranges::replace(olds_, old->second, ResourcePtr(now));
            old->second = now;
            found = "was read anew";
        } else if (operation.kind == "deleting" && !read && old != old_by_urn_.end() && old->second->id == resource.id) {
            std::erase(olds_, old->second);
            old_by_urn_.erase(old);
            found = "is gone";
        } else if (read) {
            found = "is still there";
        }
        events_.diagnostic({.severity = rpc::Severity::warning,
                            .message = "the last run ended while " + operation.kind + " " + what + ": it " + found,
                            .urn = urn});
    }
    return {};
}

}  // namespace deploy
