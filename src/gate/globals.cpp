#include "gate/globals.hpp"

#include "base/strings.hpp"
#include "gate/request_keys.hpp"
#include "identity/service_call.hpp"

namespace gate {

std::string plain_address(std::string_view peer) {
    constexpr std::string_view mapped = "::ffff:";
    const bool is_mapped =
        base::equals_ignoring_case(peer.substr(0, mapped.size()), mapped) && peer.find('.') != std::string_view::npos;
    return std::string(is_mapped ? peer.substr(mapped.size()) : peer);
}

policy::Context global_context(const RequestFacts& facts) {
    policy::Context context;
    if (facts.http != nullptr) {
        RequestKeys(facts).add_to(context);
        return context;
    }
    identity::set_circumstances(context, facts.now, facts.region);
    context.set("aws:SecureTransport", "false");  // TLS ends at a proxy in front, which nothing here can vouch for
    return context;
}

}  // namespace gate
