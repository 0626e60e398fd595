#include "gate/permit.hpp"

#include "gate/globals.hpp"
#include "gate/wording.hpp"
#include "identity/directory.hpp"
#include "wire/call.hpp"
#include "wire/sigv4.hpp"

namespace gate {

const std::string& Permit::request_id() const { return call_.request_id; }

const std::string& Permit::region() const { return call_.region; }

bool Permit::is_secure() const { return call_.http != nullptr && call_.http->secure_transport; }

bool Permit::is_signed_v4() const { return call_.signature != nullptr && call_.signature->version == wire::SignatureVersion::v4; }

base::Result<void> Permit::check_lease() const {
    if (caller_.lease_id.empty() || directory_.leases().find(caller_.lease_id) != nullptr) return {};
    return base::fail(credentials_error(call_.service, {base::code::ExpiredToken, ""}, true));
}

policy::Context Permit::global_keys() const {
    return global_context(
        {.http = call_.http, .service = call_.service, .region = call_.region, .signature = call_.signature, .now = time_});
}

}  // namespace gate
