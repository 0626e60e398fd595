#include "gate/permit.hpp"

#include "gate/globals.hpp"
#include "gate/wording.hpp"
#include "identity/directory.hpp"
#include "wire/call.hpp"

namespace gate {

const std::string& Permit::request_id() const { return call_.request_id; }

const std::string& Permit::region() const { return call_.region; }

base::Result<void> Permit::check_lease() const {
    if (caller_.lease_id.empty() || directory_.leases().find(caller_.lease_id) != nullptr) return {};
    return base::fail(credentials_error(call_.service, {base::code::ExpiredToken, ""}, true));
}

policy::Context Permit::global_keys() const {
    return global_context(
        {.http = call_.http, .service = call_.service, .region = call_.region, .signature = call_.signature, .now = time_});
}

}  // namespace gate
