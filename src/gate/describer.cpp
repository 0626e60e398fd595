#include "gate/describer.hpp"

#include "base/invariant.hpp"
#include "gate/gate.hpp"

namespace gate {

void Describer::add(std::string service, std::unique_ptr<const Resources> resources) {
    const bool added = services_.emplace(std::move(service), std::move(resources)).second;
    INVARIANT(added);
}

base::Result<Description> Describer::ask(Ask ask, std::string_view arn, std::string_view action, std::string_view account) const {
    const auto parsed = policy::parse_arn(arn);
    if (parsed && parsed->partition == "aws") {
        const auto found = services_.find(parsed->service);
        if (found != services_.end()) return (*found->second.*ask)({arn, *parsed, action, account});
    }
    return Description{.arn = std::string(arn), .owner = std::string(parsed ? parsed->account : std::string_view())};
}

base::Result<Description> Describer::describe(std::string_view arn, std::string_view action, std::string_view account) const {
    return ask(&Resources::describe, arn, action, account);
}

base::Result<Description> Describer::find(std::string_view arn, std::string_view action, std::string_view account) const {
    return ask(&Resources::find, arn, action, account);
}

base::Result<Description> Describer::plan(std::string_view arn, std::string_view action, std::string_view account) const {
    return ask(&Resources::plan, arn, action, account);
}

Access access_to(std::string_view action, const Description& resource, const policy::Context& request) {
    Access access;
    access.action = action;
    access.resource = resource.arn;
    access.resource_account = resource.owner;
    access.context = resource.keys;
    access.context.merge(request);
    access.resource_policy = resource.policy;
    access.restrict_public = resource.restrict_public;
    access.resource_policy_is_public = resource.policy_is_public;
    access.region = resource.region;
    return access;
}

}  // namespace gate
