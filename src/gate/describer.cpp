#include "gate/describer.hpp"

#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "base/strings.hpp"
#include "gate/gate.hpp"
#include "model/access.hpp"
#include "model/services.hpp"
#include "policy/passed_resource.hpp"
#include "policy/reference.hpp"

namespace gate {
namespace {

constexpr std::string_view own_service = "trainwarden:";

bool is_own(std::string_view action) { return base::lower(action.substr(0, own_service.size())) == own_service; }

// Does this action make what it names? Whether something is there already, with tags or a policy of its own, is none of its
// decision. One that also works on what is there (sagemaker:AddTags, which creating with tags needs too) makes nothing.
bool makes_its_resource(std::string_view action) {
    bool makes = false, names = false;
    for (const model::Service* service : model::services()) {
        for (const model::Operation* operation : service->operations) {
            if (operation->accesses == nullptr) continue;
            for (const model::AccessRule& rule : operation->accesses->rules) {
                if (!base::equals_ignoring_case(rule.action.text, action)) continue;
                makes = makes || rule.resource == model::AccessRule::Resource::made;
                names = names || rule.resource == model::AccessRule::Resource::named;
            }
        }
    }
    return makes && !names;
}

}  // namespace

void Describer::add(std::string service, std::unique_ptr<const Resources> resources) {
    const bool added = services_.emplace(std::move(service), std::move(resources)).second;
    INVARIANT(added);
}

base::Result<Description> Describer::ask(Ask ask, std::string_view arn, std::string_view action, std::string_view account,
                                         std::span<const std::string_view> also) const {
    const auto parsed = policy::parse_arn(arn);
    const auto found = parsed && parsed->partition == "aws" ? services_.find(parsed->service) : services_.end();
    Description out{.arn = std::string(arn)};
    if (found != services_.end()) {
        out = TRY((*found->second.*ask)({arn, *parsed, action, account, also}));
    } else if (parsed) {
        out.owner = parsed->account;
        out.region = parsed->region;
    }
    if (!is_served(out.region)) out.region.clear();
    // What is known of a resource is no condition of this server's own actions on it.
    if (is_own(action)) out.keys = out.object_keys = {};
    return out;
}

base::Result<Description> Describer::describe(std::string_view arn, std::string_view action, std::string_view account) const {
    return ask(&Resources::describe, arn, action, account);
}

base::Result<Description> Describer::find(std::string_view arn, std::string_view action, std::string_view account,
                                          std::span<const std::string_view> also) const {
    return ask(&Resources::find, arn, action, account, also);
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
    for (const auto& entry : resource.object_keys.entries())
        if (policy::is_key_of_s3_action(entry.key, action)) access.context.set(entry.key, entry.values.front());
    access.context.merge(request);
    access.resource_policy = resource.policy;
    access.restrict_public = resource.restrict_public;
    access.resource_policy_is_public = resource.policy_is_public;
    access.region = resource.region;
    return access;
}

base::Result<Access> asked_access(const Describer& describer, std::string_view action, std::string_view resource,
                                  std::string_view account) {
    const auto arn = policy::parse_arn(resource);
    // Only what is described has more than a name.
    if (!arn || arn->partition != "aws" || makes_its_resource(action) || (!is_own(action) && !policy::names_resource(action))) {
        Description named{.arn = std::string(resource)};
        if (arn && arn->partition == "aws") {
            named.owner = arn->account;
            named.region = describer.is_served(arn->region) ? arn->region : std::string_view();
        }
        return access_to(action, named, {});
    }
    const Description described = TRY(describer.describe(resource, action, account));
    if (described.existence == Existence::unknown && !described.may_come)
        return base::fail(base::code::NoSuchResource, "it has no resources of this kind");
    if (described.existence == Existence::absent && !described.may_come)
        return base::fail(base::code::NoSuchResource, described.absence);
    return access_to(action, described, {});
}

}  // namespace gate
