#include "gate/access_question.hpp"

#include <bit>
#include <deque>
#include <vector>

#include "base/strings.hpp"
#include "policy/catalogue.hpp"
#include "policy/glob.hpp"
#include "policy/hash.hpp"
#include "policy/passed_resource.hpp"
#include "policy/public_access.hpp"

namespace gate {
namespace {

using policy::ActionFacts;

// Stands in for a bucket policy where RestrictPublicBuckets makes it grant nothing (R79).
const policy::PolicyPtr& allows_no_one() {
    static const policy::PolicyPtr policy = policy::Policy::parse_stored(
        R"({"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:NoSuchAction","Resource":"*"}]})",
        policy::PolicyKind::resource);
    return policy;
}

// The actions of AWS that are served here, as AWS spells them.
class KnownActions {
public:
    KnownActions() {
        for (const std::string_view service : {"cloudwatch:*", "iam:*", "logs:*", "s3:*", "sagemaker:*", "sts:*"})
            for (const std::string_view name : policy::actions_matching(service)) known_.emplace_back(name, ActionFacts(name));
        places_.resize(std::bit_ceil(2 * known_.size()));
        for (const Known& one : known_) {
            size_t place = policy::hash_of(one.name) & (places_.size() - 1);
            while (places_[place] != nullptr) place = (place + 1) & (places_.size() - 1);
            places_[place] = &one;
        }
    }
    // nullptr: it is none of them.
    [[nodiscard]] const ActionFacts* find(std::string_view action) const {
        for (size_t place = policy::hash_of(action);; ++place) {
            const Known* const one = places_[place & (places_.size() - 1)];
            if (one == nullptr) return nullptr;
            if (one->name.size() == action.size() && policy::begins_with(action, one->name)) return &one->facts;
        }
    }

private:
    struct Known {
        std::string_view name;
        ActionFacts facts;
    };
    std::deque<Known> known_;
    std::vector<const Known*> places_;  // by hash; half of them are nullptr: there is none
};

const ActionFacts* known_action(std::string_view action) {
    static const KnownActions known;
    return known.find(action);
}

const ActionFacts& facts_of(std::string_view action, std::optional<ActionFacts>& own) {
    if (const ActionFacts* known = known_action(action)) return *known;
    return own.emplace(action);
}

std::string_view owner_of(const Access& access, const identity::Caller& caller) {
    return access.resource_account.empty() ? caller.principal.account : access.resource_account;
}

std::string passed(const ActionFacts& facts, const Access& access, const identity::Caller& caller, std::string_view region) {
    if (facts.passes_as_asked) return {};
    return policy::passed_resource(access.action, access.resource, caller.principal.account, region);
}

std::string region_in(const policy::Context& globals) {
    const auto* region = globals.find("aws:RequestedRegion");
    return region != nullptr && !region->values.empty() ? region->values.front() : std::string();
}

}  // namespace

AccessQuestion::AccessQuestion(const identity::PreparedPrincipal& principal, const Access& access, RequestKeys& keys)
    : caller_(principal.caller),
      keys_(&keys),
      names_(principal.names),
      access_(access),
      region_(access.region.empty() ? keys.region() : access.region),
      resource_account_(owner_of(access, caller_)),
      facts_(facts_of(access.action, own_facts_)),
      passed_(passed(facts_, access, caller_, region_)),
      question_((keys.about(region_, resource_account_), parts(nullptr, &keys))) {
    find_resource_policy();
}

AccessQuestion::AccessQuestion(const identity::Caller& caller, const policy::CallerNames& names, const Access& access,
                               const policy::Context& globals)
    : caller_(caller),
      names_(names),
      access_(access),
      region_(region_in(globals)),
      resource_account_(owner_of(access, caller_)),
      facts_(facts_of(access.action, own_facts_)),
      passed_(passed(facts_, access, caller_, region_)),
      front_(globals),
      question_(parts(&*front_, nullptr)) {
    find_resource_policy();
}

policy::Question::Inputs AccessQuestion::parts(const policy::Context* front, const policy::ComputedKeys* computed) {
    const std::string_view resource = passed_.empty() ? std::string_view(access_.resource) : std::string_view(passed_);
    if (front != nullptr && !resource_account_.empty()) front_->replace("aws:ResourceAccount", std::string(resource_account_));
    if (caller_.lease && caller_.lease->describe) caller_.lease->describe(access_.resource, lease_keys_.emplace());
    return {.principal = caller_.principal,
            .names = names_,
            .action = facts_,
            .resource = resource,
            .resource_account = resource_account_,
            .context = policy::ContextView(front, computed, {&caller_.context, lease_keys(), &access_.context}),
            .rule = access_.rule};
}

void AccessQuestion::find_resource_policy() {
    if (!access_.resource_policy || policy::is_spared_bucket_policy(caller_.principal, resource_account_, facts_.name)) return;
    resource_policy_ = &*access_.resource_policy;
    if (!access_.restrict_public || !is_kept_out()) return;
    replaced_ = policy::AttachedPolicy{allows_no_one(), access_.resource_policy->name};
    resource_policy_ = &*replaced_;
}

// RestrictPublicBuckets (R79).
bool AccessQuestion::is_kept_out() const {
    using enum policy::KeptOut;
    const auto kept_out =
        policy::kept_out_by_restriction(caller_.principal, resource_account_, access_.resource_policy_is_public);
    if (kept_out != if_unknown_granted) return kept_out == yes;
    return policy::is_granted_to_unknown(request(), *access_.resource_policy);
}

policy::Verdict AccessQuestion::decide() const { return policy::decide(question_, caller_.policies, resource_policy_); }

policy::Verdict AccessQuestion::decide(const policy::Residual& residual) const {
    return policy::decide(question_, caller_.policies, resource_policy_, residual);
}

policy::Residual AccessQuestion::residual_for(const policy::KnownKeys& known) const {
    return {question_, caller_.policies, resource_policy_, known};
}

policy::Decision AccessQuestion::explain() const { return policy::evaluate(question_, caller_.policies, resource_policy_); }

policy::Request AccessQuestion::request() const {
    if (keys_ != nullptr) keys_->about(region_, resource_account_);
    return {.principal = caller_.principal,
            .action = access_.action,
            .resource = std::string(question_.resource),
            .resource_account = std::string(resource_account_),
            .context = question_.context().merged()};
}

}  // namespace gate
