#include "services/trainwarden/asked_operation.hpp"

#include <algorithm>

#include "base/error_codes.hpp"
#include "base/nearest.hpp"
#include "base/strings.hpp"
#include "model/services.hpp"
#include "model/unknown_member.hpp"
#include "wire/region.hpp"

namespace services::trainwarden {
namespace {

std::unexpected<base::Error> invalid(std::string message) {
    return base::fail(base::code::ValidationException, std::move(message));
}

// As requests are signed; policies call some services otherwise.
std::string_view signing_name(std::string_view service) {
    if (service == "s3control") return "s3";
    return service == "cloudwatch" ? "monitoring" : service;
}

base::Result<const gate::Operation*> operation_of(const gate::Registry& registry, const std::string& name) {
    const size_t colon = name.find(':');
    const std::string service = base::lower(name.substr(0, colon));
    const std::string operation = colon == std::string::npos ? std::string() : name.substr(colon + 1);
    if (const auto* found = registry.find(signing_name(service), operation)) return found;
    std::vector<std::string> beside;
    for (const gate::Operation* one : registry.all())
        if (one->service == signing_name(service)) beside.push_back(service + ":" + one->name);
    if (beside.empty())
        return invalid("there is no operation " + name + ": an operation is SERVICE:NAME, for example iam:CreateRole");
    const std::string meant = base::nearest(name, beside);
    return invalid("there is no operation " + name + (meant.empty() ? "" : "; did you mean " + meant + "?"));
}

// A request may bring members that its operation does not have; a question that does is misspelt, and would be answered as another.
base::Result<void> check_members(const gate::Operation& operation, const std::string& name, const std::string& input) {
    const model::Operation* const described = model::find_operation(operation.service, operation.name);
    if (described == nullptr || described->input == nullptr) return {};
    const auto document = text::parse_json(input);
    if (!document) return {};  // said where it is read
    const auto unknown = model::unknown_member(*described->input, *document);
    if (!unknown) return {};
    return invalid("the input of " + name + " has no member " + unknown->name +
                   (unknown->place.empty() ? "" : " at " + unknown->place) +
                   (unknown->nearest.empty() ? "" : "; did you mean " + unknown->nearest + "?"));
}

bool is_allowed(const audit::DecidedAccess& decided) { return decided.decision.outcome == policy::Outcome::allow; }

// What a service does comes when the request does, from where the service is: of what is supposed, only the time holds for it.
void suppose_time(const policy::Context& said, policy::Context& keys) {
    for (const std::string_view key : {"aws:CurrentTime", "aws:EpochTime"})
        if (const auto* entry = said.find(key); entry != nullptr && !entry->values.empty())
            keys.replace(std::string(key), entry->values.front());
}

void decide_acts(const gate::Registry& registry, const gate::ServiceActs::Describe& describe, const identity::Caller& caller,
                 std::string_view input, const gate::HypotheticalRequest& hypothetical, AskedOperation& out) {
    const auto decide = [&](gate::ServiceAct act) {
        suppose_time(hypothetical.said, act.act.keys);
        auto decided = gate::decide_act(act, hypothetical.region, hypothetical.now);
        out.allowed = out.allowed && std::ranges::all_of(decided, is_allowed);
        out.acts.push_back({.service = std::move(act.act.service),
                            .operation = std::move(act.act.operation),
                            .principal = std::move(act.caller.principal),
                            .accesses = std::move(decided),
                            .found = std::move(act.found)});
        return out.allowed;
    };
    const gate::RequestOrigin origin{.caller = caller, .region = hypothetical.region, .describer = registry.describer()};
    if (const auto described = describe(origin, input, decide); !described)
        out.note = "Such a request is allowed, and answered " + described.error().code + ": " + described.error().message;
}

}  // namespace

base::Result<AskedOperation> decide_operation(const gate::Registry& registry, const gate::ServiceActs& acts,
                                              const identity::Caller& caller, const std::string& name, const std::string& input,
                                              const gate::HypotheticalRequest& hypothetical) {
    const gate::Operation* operation = TRY(operation_of(registry, name));
    TRY(check_members(*operation, name, input));
    const std::vector<std::string> served{hypothetical.region};
    const std::string region = wire::region_that_serves(operation->service, nullptr, served);

    AskedOperation out;
    auto needed = operation->begin()->supposed_accesses(caller, region, input.empty() ? "{}" : input);
    if (!needed && needed.error().code == base::code::AccessDenied) {
        out.message = needed.error().message;
        return out;
    }
    const auto accesses = TRY(std::move(needed));
    bool refused = accesses.empty(), any_allowed = false;
    gate::HypotheticalRequest of_request = hypothetical;
    of_request.region = region;
    for (const gate::Access& access : accesses) {
        out.accesses.push_back(gate::decide_supposed(caller, access, of_request));
        const bool allowed = is_allowed(out.accesses.back());
        any_allowed = any_allowed || allowed;
        refused = refused || (!allowed && !access.separate);
    }
    // One whose parts are all refused does nothing.
    out.allowed = operation->needs_no_permission || (!refused && any_allowed);
    const auto* const describe = acts.find(operation->service, operation->name);
    if (out.allowed && describe != nullptr) decide_acts(registry, *describe, caller, input, of_request, out);
    return out;
}

}  // namespace services::trainwarden
