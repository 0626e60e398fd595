#include "gate/decide.hpp"

#include <charconv>

#include "base/strings.hpp"
#include "gate/access_question.hpp"
#include "gate/globals.hpp"
#include "identity/service_call.hpp"
#include "text/time.hpp"
#include "wire/region.hpp"

namespace gate {
namespace {

void keep_times_together(policy::Context& context, const policy::Context& said) {
    const auto* current = said.find("aws:CurrentTime");
    const auto* epoch = said.find("aws:EpochTime");
    if (current != nullptr && epoch == nullptr && !current->values.empty()) {
        if (const auto time = text::parse_iso8601(current->values.front()))
            context.replace("aws:EpochTime",
                            std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time->time_since_epoch()).count()));
    }
    if (epoch != nullptr && current == nullptr && !epoch->values.empty()) {
        const std::string& text = epoch->values.front();
        int64_t seconds = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
        if (error == std::errc() && end == text.data() + text.size())
            context.replace("aws:CurrentTime", text::iso8601(base::Time(std::chrono::seconds(seconds))));
    }
}

// What S3 says of the signature of a request that is not presigned, which was made a moment ago.
void add_signature(const identity::Caller& caller, const Access& access, policy::Context& context) {
    const bool is_signed =
        caller.principal.kind != policy::PrincipalKind::anonymous && caller.principal.kind != policy::PrincipalKind::service;
    if (!is_signed || !base::lower(access.action).starts_with("s3:")) return;
    constexpr std::pair<const char*, const char*> keys[] = {
        {"s3:signatureversion", "AWS4-HMAC-SHA256"}, {"s3:authType", "REST-HEADER"}, {"s3:signatureAge", "0"}};
    for (const auto& [key, value] : keys)
        if (context.find(key) == nullptr) context.set(key, value);
}

}  // namespace

policy::Context supposed_context(const identity::Caller& caller, const HypotheticalRequest& hypothetical) {
    const bool service = caller.principal.kind == policy::PrincipalKind::service;
    policy::Context context =
        service
            ? identity::context_of(
                  {.service = caller.principal.service, .region = hypothetical.region, .source_account = "", .source_arn = ""},
                  hypothetical.now)
            : global_context({.region = hypothetical.region, .now = hypothetical.now});
    if (caller.principal.kind == policy::PrincipalKind::role_session && !caller.token_issue_time) {
        context.set("aws:TokenIssueTime", text::iso8601(hypothetical.now));
        context.set("aws:MultiFactorAuthPresent", "false");
    }
    context.merge(hypothetical.said);
    keep_times_together(context, hypothetical.said);
    return context;
}

std::string supposed_region(const Access& access, const std::string& asker) {
    const std::string action = base::lower(access.action);
    if (action.starts_with("iam:") && action != "iam:passrole") return std::string(wire::global_region);
    return access.region.empty() ? asker : access.region;
}

audit::DecidedAccess decide_supposed(const identity::Caller& caller, const Access& access,
                                     const HypotheticalRequest& hypothetical) {
    HypotheticalRequest of_access = hypothetical;
    of_access.region = supposed_region(access, hypothetical.region);
    policy::Context context = supposed_context(caller, of_access);
    add_signature(caller, access, context);
    return std::move(decide_each(caller, {access}, context).front());
}

const identity::PreparedPtr& anonymous_principal() {
    static const identity::PreparedPtr anonymous = [] {
        identity::Caller caller;
        caller.context.set("aws:PrincipalType", "Anonymous");
        caller.context.set("aws:userid", "anonymous");
        return std::make_shared<const identity::PreparedPrincipal>(std::move(caller));
    }();
    return anonymous;
}

std::vector<audit::DecidedAccess> decide_each(const identity::Caller& caller, const std::vector<Access>& accesses,
                                              const policy::Context& globals) {
    std::vector<audit::DecidedAccess> decided;
    decided.reserve(accesses.size());
    const policy::CallerNames names(caller.principal);
    for (const Access& access : accesses) {
        const AccessQuestion question(caller, names, access, globals);
        decided.push_back({question.request(), question.explain()});
    }
    return decided;
}

}  // namespace gate
