// What conditions ask for: the keys of a caller that it may choose, and tags of resources that it may set.
#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <utility>

#include "base/strings.hpp"
#include "policy/evaluate.hpp"
#include "proof/step_policies.hpp"
#include "proof/steps.hpp"

namespace proof {

namespace {

using policy::AttachedPolicy;
using Means = Step::Means;

constexpr const char* object_tag_key = "s3:existingobjecttag/";

const char* tagging_action_of(const std::string& arn) {
    if (arn.contains(":role/")) return "iam:TagRole";
    if (arn.contains(":user/")) return "iam:TagUser";
    return arn.contains(":policy/") ? "iam:TagPolicy" : nullptr;
}

policy::Context without(const policy::Context& context, bool (*drops)(std::string_view lower_key)) {
    policy::Context out = context;
    for (const auto& entry : context.entries())
        if (drops(entry.key)) out.erase(entry.key);
    return out;
}

}  // namespace

void Steps::find_conditions(std::span<const Target> targets) {
    // What a variable may have to be: a part of a name that is asked about, or the tag of something.
    std::set<std::string> values;
    for (const Target& target : targets) {
        for (const std::string& resource : target.resources)
            for (const std::string_view segment : base::split(resource, '/'))
                values.insert(instance_of(segment.substr(segment.rfind(':') + 1)));
        for (const auto& entry : target.known.entries())
            if (entry.key.contains("tag/") && !entry.values.empty()) values.insert(entry.values.front());
    }
    values.erase("");
    const auto add_tags = [&](const policy::Context& of) {
        for (const auto& entry : of.entries())
            if (is_tag_of_resource(entry.key) && !entry.values.empty()) values.insert(entry.values.front());
    };
    for (const HolderForPaths& holder : holders_) add_tags(holder.keys);
    for (const ManagedPolicyForPaths& managed : account_.policies) add_tags(managed.keys);
    const std::vector<std::string> all(values.begin(), values.end());
    const auto read = [&](const AttachedPolicy& one) -> const CallerConditions& {
        const auto [entry, is_new] = conditions_.try_emplace(one.policy.get());
        if (is_new) entry->second = read_caller_conditions(*one.policy, account_.id, all);
        return entry->second;
    };
    const auto read_all = [&](const policy::PrincipalPolicies& policies) {
        for (const AttachedPolicy& one : policies.identity) read(one);
        if (policies.boundary) read(*policies.boundary);
        // What these ask for, every principal of the account is asked for.
        for (const auto* levels : {&policies.service_control, &policies.resource_control})
            for (const auto& level : *levels)
                for (const AttachedPolicy& one : level) of_resources_.add(read(one));
    };
    for (const Target& target : targets)
        if (target.policy != nullptr) of_resources_.add(read(*target.policy));
    for (const HolderForPaths& holder : holders_) {
        if (holder.trust != nullptr) of_resources_.add(read(*holder.trust));
        read_all(*holder.asker.policies);
    }
    for (const GroupPolicies& group : account_.groups)
        for (const AttachedPolicy& one : group.policies) read(one);
}

CallerConditions Steps::conditions_on(const State& of) {
    CallerConditions out = of_resources_;
    const auto add = [&](const AttachedPolicy& one) {
        if (const auto found = conditions_.find(one.policy.get()); found != conditions_.end()) out.add(found->second);
    };
    for (const AttachedPolicy& one : of.policies.identity) add(one);
    if (of.policies.boundary) add(*of.policies.boundary);
    if (out.size() <= limits_.conditions_max) return out;
    open_ = "the number of values that policies ask for of a principal's own keys";
    return {};
}

std::vector<TagChange> Steps::useful_tags(const State& of) {
    const policy::Context known = subject_of(of).known;
    std::vector<TagChange> out;
    for (const TagChange& tag : conditions_on(of).tags) {
        const auto* has = known.find(principal_tag_key + tag.key);
        const bool is_so = has == nullptr ? !tag.value : tag.value && has->values.front() == *tag.value;
        if (!is_so) out.push_back(tag);
    }
    return out;
}

std::vector<WayIn> Steps::allowed_or_tagged(const State& state, const std::string& action, const std::string& resource,
                                            const policy::Context& keys, const AttachedPolicy* policy) {
    if (auto requests = whole(state, action, resource, keys, policy); !requests.empty()) return requests;
    const char* tagging = tagging_action_of(resource);
    if (tagging == nullptr || state.is_cut || !anywhere(state, tagging, {}).may) return {};
    // With other tags?
    const policy::Context untagged = without(keys, is_tag_of_resource);
    const auto wanted = ask(subject_of(state), {&state.policies, policy}, action, {resource}, untagged, account_.id);
    if (!wanted) return {};
    const auto before = tags_of(keys, resource_tag_keys), asked = tags_of(wanted->witness.context, resource_tag_keys);
    if (!before || !asked) return {};
    policy::Context tagged = keys, request = keys;
    std::vector<std::string> put;
    for (const auto& [key, value] : *asked) {
        if (const auto has = before->find(key); has != before->end() && has->second == value) continue;
        for (const char* prefix : resource_tag_keys) tagged.replace(prefix + key, value);
        request.replace(request_tag_key + key, value);
        put.push_back(key);
    }
    if (put.empty()) return {};
    request.set_list("aws:TagKeys", put);
    auto tags = allowed(state, tagging, resource, request);
    if (!tags) return {};
    Requests out{std::move(*tags)};
    auto requests = whole(state, action, resource, tagged, policy);
    if (requests.empty()) return {};
    std::ranges::move(requests, std::back_inserter(out));
    return out;
}

// The object's tags become what policies ask for.
std::optional<Step> Steps::by_object_tags(const State& state, const Target& target) {
    const std::string& object = target.resources.front();
    if (target.resources.size() != 1 || !object.contains('/') || object.find_first_of("*?") != std::string::npos)
        return std::nullopt;
    const auto is_object_tag = [](std::string_view key) { return key.starts_with(object_tag_key); };
    Target open = target;
    open.known = without(target.known, is_object_tag);
    std::erase_if(open.absent, is_object_tag);
    if (open.absent.size() == target.absent.size() && open.known.entries().size() == target.known.entries().size())
        return std::nullopt;  // they are open anyway
    const auto wanted = may(state, open);
    if (!wanted) return std::nullopt;
    const auto tags = tags_of(wanted->witness.context, std::array{object_tag_key});
    if (!tags) return std::nullopt;
    Target tagged = target;
    tagged.known = open.known;
    policy::Context request = target.known;
    std::vector<std::string> put;
    for (const auto& [key, value] : *tags) {
        tagged.known.set(object_tag_key + key, value);
        request.set("s3:RequestObjectTag/" + key, value);
        put.push_back(key);
    }
    request.set_list("s3:RequestObjectTagKeys", put);
    Subject subject = subject_of(state);
    subject.absent = target.absent;
    subject.absent.emplace_back("s3:requestobjecttag/");
    auto change = ask(subject, {&state.policies, target.policy}, "s3:PutObjectTagging", {object}, request, target.account);
    if (!change) return std::nullopt;
    auto use = may(state, tagged);
    if (!use) return std::nullopt;
    const std::string& self = holders_[state.holder].arn;
    return Step{.means = Means::put_object_tags,
                .from = self,
                .to = self,
                .on = object,
                .requests = {std::move(*change), std::move(*use)}};
}

}  // namespace proof
