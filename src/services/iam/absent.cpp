// What cannot exist here, asked for by clients that clean up before they delete a user or a role: multi-factor devices, SSH keys,
// signing certificates, service-specific credentials, passwords, instance profiles. No operation makes one, so the lists are
// empty because they are, not because nobody looked.
#include <fmt/core.h>

#include "identity/iam.hpp"
#include "services/iam/present.hpp"
#include "services/iam/registration.hpp"

namespace services::iam {

using gate::Permit;
using text::Json;

void add_absent_operations(Registration& registration) {
    identity::Iam& iam = registration.iam();
    const Classifier on_user = registration.on_user();
    // Of a user, who must exist.
    const auto none_of_user = [&](std::string operation, std::string member) {
        registration.add(std::move(operation), on_user,
                         [&iam, member](const Permit& permit, const Json& input) -> base::Result<Json> {
                             const std::string name = TRY(user_name(permit.caller(), input));
                             if (!name.empty()) TRY(iam.user(permit.account(), name));
                             return page(input, member, {});
                         });
    };
    none_of_user("ListMFADevices", "MFADevices");
    none_of_user("ListSSHPublicKeys", "SSHPublicKeys");
    none_of_user("ListSigningCertificates", "Certificates");
    none_of_user("ListServiceSpecificCredentials", "ServiceSpecificCredentials");

    const auto no_password = [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
        const std::string name = TRY(user_name(permit.caller(), input));
        if (!name.empty()) TRY(iam.user(permit.account(), name));
        return base::fail("NoSuchEntity", fmt::format("Login Profile for User {} cannot be found.", name));
    };
    registration.add("GetLoginProfile", on_user, no_password);
    registration.add("DeleteLoginProfile", on_user, no_password);

    registration.add("ListVirtualMFADevices", Registration::on_account(),
                     [](const Permit&, const Json& input) { return page(input, "VirtualMFADevices", {}); });
    registration.add("ListInstanceProfiles", registration.on_all("instance-profile"),
                     [](const Permit&, const Json& input) { return page(input, "InstanceProfiles", {}); });
    registration.add("ListInstanceProfilesForRole", registration.on_role(),
                     [&iam](const Permit& permit, const Json& input) -> base::Result<Json> {
                         TRY(iam.role(permit.account(), input["RoleName"].as_string()));
                         return page(input, "InstanceProfiles", {});
                     });
}

}  // namespace services::iam
