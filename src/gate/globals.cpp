#include "gate/globals.hpp"

#include <atomic>

#include "base/strings.hpp"
#include "gate/request_keys.hpp"
#include "identity/service_call.hpp"

namespace gate {
namespace {

std::atomic<bool> tls_is_usual = false;

}  // namespace

void set_clients_use_tls(bool they_do) { tls_is_usual = they_do; }
bool clients_use_tls() { return tls_is_usual; }

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
    context.set("aws:SecureTransport", clients_use_tls() ? "true" : "false");
    return context;
}

}  // namespace gate
