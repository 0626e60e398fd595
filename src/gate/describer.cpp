#include "gate/describer.hpp"

#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "base/strings.hpp"
#include "gate/add_access.hpp"
#include "gate/gate.hpp"
#include "model/access.hpp"
#include "model/services.hpp"
#include "policy/glob.hpp"
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

// `access`: a new one.
void fill(Access& access, std::string_view action, Description&& resource, const policy::Context& request) {
    access.action = action;
    access.resource = std::move(resource.arn);
    access.resource_account = std::move(resource.owner);
    access.context = std::move(resource.keys);
    access.resource_policy = std::move(resource.policy);
    access.restrict_public = resource.restrict_public;
    access.resource_policy_is_public = resource.policy_is_public;
    access.region = std::move(resource.region);
    for (const auto& entry : resource.bounded_keys.entries()) {
        if (!policy::is_key_of_s3_action(entry.key, action)) continue;
        for (const auto& value : entry.values) access.context.set(entry.key, value);  // an ambiguous one stays so (R81)
    }
    access.context.merge(request);
    // What a request says of its first access is not of every other: there are no storage classes of s3:PutObjectTagging. Proofs go by the same list.
    for (const auto& entry : request.entries())
        if (policy::is_s3_key(entry.key) && !policy::is_key_of_s3_action(entry.key, action)) access.context.erase(entry.key);
}

}  // namespace

ResourcePager::ResourcePager(const ResourceQuery& query)
    : pattern_(query.pattern), after_(query.after), most_(std::min(query.most, resources_a_page_max)) {}

void ResourcePager::add(std::string arn) {
    if (arn <= after_ || !policy::glob_matches(pattern_, arn)) return;
    arns_.push_back(std::move(arn));
    if (arns_.size() > 2 * resources_a_page_max) cut();
}

void ResourcePager::cut() {
    std::ranges::sort(arns_);
    if (arns_.size() <= most_) return;
    arns_.resize(most_);
    more_ = true;
}

ResourcePage ResourcePager::finish() && {
    cut();
    ResourcePage page{.arns = std::move(arns_), .next = {}};
    // Where nothing was asked for, what follows begins where this did.
    if (more_) page.next = page.arns.empty() ? std::string(after_) : page.arns.back();
    return page;
}

void Describer::add(std::string service, std::unique_ptr<const Resources> resources) {
    const bool added = services_.emplace(std::move(service), std::move(resources)).second;
    INVARIANT(added);
}

base::Result<Description> Describer::ask(Ask ask, std::string_view arn, std::string_view action, std::string_view account,
                                         std::span<const std::string_view> also, const policy::Context* said) const {
    const auto parsed = policy::parse_arn(arn);
    const auto found = parsed && parsed->partition == "aws" ? services_.find(parsed->service) : services_.end();
    Description out{.arn = std::string(arn)};
    if (parsed && found != services_.end()) {
        out = TRY((*found->second.*ask)({arn, *parsed, action, account, also, said}));
    } else if (parsed) {
        out.owner = parsed->account;
        out.region = parsed->region;
    }
    if (!is_served(out.region)) out.region.clear();
    // What is known of a resource is not a condition of this server's own actions on it.
    if (is_own(action)) out.keys = out.bounded_keys = {};
    return out;
}

base::Result<Description> Describer::describe(std::string_view arn, std::string_view action, std::string_view account,
                                              const policy::Context* said) const {
    return ask(&Resources::describe, arn, action, account, {}, said);
}

base::Result<Description> Describer::find(std::string_view arn, std::string_view action, std::string_view account,
                                          std::span<const std::string_view> also, const policy::Context* said) const {
    return ask(&Resources::find, arn, action, account, also, said);
}

base::Result<Description> Describer::plan(std::string_view arn, std::string_view action, std::string_view account) const {
    return ask(&Resources::plan, arn, action, account);
}

base::Result<ResourcePage> Describer::each_resource(const ResourceQuery& query) const {
    ResourcePage all;
    ResourceQuery rest = query;
    rest.most = std::min(query.most, resources_a_page_max);
    // The services' ARNs follow each other as their names do.
    for (const auto& [service, resources] : services_) {
        const std::string first = "arn:aws:" + service + ":";
        const bool is_behind = query.after.substr(0, first.size()) > first;
        if (is_behind) continue;
        ResourcePage page = TRY(resources->each_resource(rest));
        std::ranges::move(page.arns, std::back_inserter(all.arns));
        if (!page.next.empty()) {
            all.next = std::move(page.next);
            return all;
        }
        rest.most = std::min(query.most, resources_a_page_max) - all.arns.size();
        if (rest.most > 0) continue;
        // Others may have more: the next page finds out.
        if (service != services_.rbegin()->first && !all.arns.empty()) all.next = all.arns.back();
        return all;
    }
    return all;
}

uint64_t Describer::version() const {
    uint64_t sum = 0;  // of numbers that only grow: another one where one of them is
    for (const auto& [service, resources] : services_) sum += resources->version();
    return sum;
}

Access access_to(std::string_view action, const Description& resource, const policy::Context& request) {
    return access_to(action, Description(resource), request);
}

Access access_to(std::string_view action, Description&& resource, const policy::Context& request) {
    Access access;
    fill(access, action, std::move(resource), request);
    return access;
}

void add_access(std::vector<Access>& accesses, std::string_view action, Description&& resource, const policy::Context& request) {
    fill(accesses.emplace_back(), action, std::move(resource), request);
}

base::Result<Access> asked_access(const Describer& describer, std::string_view action, std::string_view resource,
                                  std::string_view account, const policy::Context* said) {
    const auto arn = policy::parse_arn(resource);
    // Only what is described has more than a name.
    if (!arn || arn->partition != "aws" || makes_its_resource(action) || (!is_own(action) && !policy::names_resource(action))) {
        Description named{.arn = std::string(resource)};
        if (arn && arn->partition == "aws") {
            named.owner = arn->account;
            named.region = describer.is_served(arn->region) ? arn->region : std::string_view();
        }
        return access_to(action, std::move(named), {});
    }
    Description described = TRY(describer.describe(resource, action, account, said));
    if (described.existence == Existence::unknown && !described.may_come)
        return base::fail(base::code::NoSuchResource, "it has no resources of this kind");
    if (described.existence == Existence::absent && !described.may_come)
        return base::fail(base::code::NoSuchResource, described.absence);
    return access_to(action, std::move(described), {});
}

}  // namespace gate
