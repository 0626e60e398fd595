#include "identity/service_call.hpp"

#include "text/time.hpp"

namespace identity {

void set_circumstances(policy::Context& context, base::Time now, const std::string& region) {
    using namespace std::chrono;
    context.set("aws:CurrentTime", text::iso8601(now));
    context.set("aws:EpochTime", std::to_string(duration_cast<seconds>(now.time_since_epoch()).count()));
    context.set("aws:RequestedRegion", region);
    context.set("aws:ViaAWSService", "false");  // true of forward access sessions alone, which nothing here makes
}

policy::Context context_of(const ServiceCall& call, base::Time now) {
    policy::Context context;
    set_circumstances(context, now, call.region);
    context.set("aws:SecureTransport", "true");  // it crosses no wire
    context.set("aws:PrincipalIsAWSService", "true");
    context.set("aws:PrincipalServiceName", call.service);
    context.set_list("aws:PrincipalServiceNamesList", {call.service});
    if (!call.source_account.empty()) context.set("aws:SourceAccount", call.source_account);
    if (!call.source_arn.empty()) context.set("aws:SourceArn", call.source_arn);
    return context;
}

}  // namespace identity
