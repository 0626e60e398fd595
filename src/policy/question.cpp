#include "policy/question.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "policy/catalogue.hpp"
#include "policy/hash.hpp"
#include "policy/passed_resource.hpp"

namespace policy {

ActionFacts::ActionFacts(std::string_view action) : name(base::lower(action)), hash(hash_of(name)) {
    service_size = std::min(name.find(':'), name.size());
    service_hash = hash_of(service());
    const KnownAction known = find_action(name, hash);
    place = known.place;
    key = action_key(place, hash);
    under_resource_control = known.under_resource_control;
    by_provider = name == "sts:assumerolewithsaml" || name == "sts:assumerolewithwebidentity";
    needs_no_permission = std::ranges::find(actions_of_everybody, name) != actions_of_everybody.end();
    is_assume_role = by_provider || name == "sts:assumerole";
    has_service_rules = service() == "iam" || service() == "sts";
    has_limiting_rules = policy::has_limiting_rules(name);
    passes_as_asked = known.has_resources && policy::passes_as_asked(name);
}

Question::Question(const Inputs& inputs)
    : principal_(inputs.principal),
      context_(inputs.context),
      facts(inputs.action),
      // Whom a provider vouches for has names that depend on the action.
      names(inputs.principal.federated_provider.empty() ? inputs.names : own_names_.emplace(inputs.principal, facts.name)),
      action(facts.name),
      service(facts.service()),
      service_hash(facts.service_hash),
      resource(inputs.resource),
      limited_by(inputs.rule) {
    find_out(inputs.resource_account);
}

Question::Question(const Request& request)
    : principal_(request.principal),
      context_(request.context),
      facts(own_facts_.emplace(request.action)),
      names(own_names_.emplace(request.principal, facts.name)),
      action(facts.name),
      service(facts.service()),
      service_hash(facts.service_hash),
      resource(request.resource) {
    find_out(request.resource_account);
}

void Question::find_out(std::string_view resource_account) {
    same_account = resource_account.empty() || resource_account == principal_.account;
    has_identity_side = principal_.kind != PrincipalKind::anonymous && principal_.kind != PrincipalKind::service;
    if (facts.has_service_rules) forbidden_by = forbidding_rule(principal_.kind, action, resource, &context_);
    if (limited_by == ServiceRule::none && facts.has_limiting_rules) limited_by = limiting_rule(action, resource, same_account);
    needs_no_permission = facts.needs_no_permission && principal_.kind != PrincipalKind::anonymous;
}

}  // namespace policy
