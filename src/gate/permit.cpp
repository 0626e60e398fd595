#include "gate/permit.hpp"

#include "gate/globals.hpp"
#include "gate/wording.hpp"
#include "identity/directory.hpp"
#include "wire/call.hpp"

namespace gate {

const std::string& Permit::request_id() const { return call_.request_id; }

const std::string& Permit::region() const { return call_.region; }

bool Permit::is_current() const {
    if (principal_->secret_access_key.empty()) return true;  // nobody's: what nobody may do is said by what is asked for
    const auto now = directory_.authenticate(caller_.access_key_id, principal_->session_token);
    return now && (*now)->version == principal_->version && (*now)->caller.lease == caller_.lease;
}

base::Result<void> Permit::check_lease() const {
    if (caller_.lease_id.empty() || directory_.leases().find(caller_.lease_id) != nullptr) return {};
    return base::fail(credentials_error(call_.service, {base::code::ExpiredToken, ""}, true));
}

policy::Context Permit::global_keys() const {
    return global_context(
        {.http = call_.http, .service = call_.service, .region = call_.region, .signature = call_.signature, .now = time_});
}

}  // namespace gate
