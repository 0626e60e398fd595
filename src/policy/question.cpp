#include "policy/question.hpp"

#include "base/strings.hpp"
#include "policy/catalogue.hpp"
#include "policy/hash.hpp"

namespace policy {

Question::Question(const Request& request)
    : request_(request),
      action(base::lower(request.action)),
      action_hash(hash_of(action)),
      service(std::string_view(action).substr(0, action.find(':'))),
      service_hash(hash_of(service)),
      names(request.principal, action),
      resource(request.resource) {
    under_resource_control = find_action(action, action_hash).under_resource_control;
    same_account = request.resource_account.empty() || request.resource_account == request.principal.account;
    has_identity_side = request.principal.kind != PrincipalKind::anonymous && request.principal.kind != PrincipalKind::service;
    is_assume_role =
        action == "sts:assumerole" || action == "sts:assumerolewithsaml" || action == "sts:assumerolewithwebidentity";
    forbidden_by = forbidding_rule(request.principal.kind, action, resource);
    needs_no_permission = action == "sts:getcalleridentity" && request.principal.kind != PrincipalKind::anonymous;
}

}  // namespace policy
