// What cannot exist here, asked for by clients that clean up before they delete a user or a role: multi-factor devices, SSH keys,
// signing certificates, service-specific credentials, passwords, instance profiles. No operation makes one, so the lists are
// empty because nothing is there, not because it was not looked for.
#include "model/iam/not_configured.hpp"

#include <fmt/core.h>

#include <array>

#include "base/error_codes.hpp"
#include "services/iam/page.hpp"
#include "services/iam/request.hpp"

namespace services::iam {
namespace {

// Of a list that an answer must have, and of one that it may leave out.
template <class T>
void set_empty(std::vector<T>&) {}
template <class T>
void set_empty(std::optional<std::vector<T>>& list) {
    list.emplace();
}

template <class Operation>
Result<typename Operation::Output> none(const typename Operation::Input& in) {
    const Page page = TRY(Page::of(in));
    typename Operation::Output out;
    page.close(out);
    return out;
}

// The user, who must exist; empty for root.
Result<std::string> existing_user(const Iam& iam, const Permit& permit, const std::optional<std::string>& named) {
    std::string name = TRY(user_name(permit.caller(), named));
    if (!name.empty()) TRY(iam->user(permit.account(), name));
    return name;
}

template <class Operation, auto list>
Result<typename Operation::Output> none_of_user(Iam& iam, const Permit& permit, const typename Operation::Input& in) {
    TRY(existing_user(iam, permit, in.user_name));
    auto out = TRY(none<Operation>(in));
    set_empty(out.*list);
    return out;
}

template <class Operation>
Result<typename Operation::Output> no_password(Iam& iam, const Permit& permit, const typename Operation::Input& in) {
    const std::string name = TRY(existing_user(iam, permit, in.user_name));
    return base::fail(base::code::NoSuchEntity, fmt::format("Login Profile for User {} cannot be found.", name));
}

Result<m::ListVirtualMFADevicesResponse> virtual_devices(Iam&, const Permit&, const m::ListVirtualMFADevicesRequest& in) {
    return none<m::ListVirtualMFADevices>(in);
}

Result<m::ListInstanceProfilesResponse> instance_profiles(Iam&, const Permit&, const m::ListInstanceProfilesRequest& in) {
    return none<m::ListInstanceProfiles>(in);
}

Result<m::ListInstanceProfilesForRoleResponse> instance_profiles_for_role(Iam& iam, const Permit& permit,
                                                                          const m::ListInstanceProfilesForRoleRequest& in) {
    TRY(iam->role(permit.account(), in.role_name));
    return none<m::ListInstanceProfilesForRole>(in);
}

template <class Operation, auto list>
constexpr auto empty_of_user = operation<Operation, none_of_user<Operation, list>>();
template <class Operation>
constexpr auto of_password = operation<Operation, no_password<Operation>>();

constexpr auto operations = std::to_array<gate::OperationDeclaration<Iam>>({
    empty_of_user<m::ListMFADevices, &m::ListMFADevicesResponse::mfa_devices>,
    empty_of_user<m::ListSSHPublicKeys, &m::ListSSHPublicKeysResponse::ssh_public_keys>,
    empty_of_user<m::ListSigningCertificates, &m::ListSigningCertificatesResponse::certificates>,
    empty_of_user<m::ListServiceSpecificCredentials, &m::ListServiceSpecificCredentialsResponse::service_specific_credentials>,
    of_password<m::GetLoginProfile>,
    of_password<m::DeleteLoginProfile>,
    operation<m::ListVirtualMFADevices, virtual_devices>(),
    operation<m::ListInstanceProfiles, instance_profiles>(),
    operation<m::ListInstanceProfilesForRole, instance_profiles_for_role>(),
});

}  // namespace

Rows not_configured_operations() { return operations; }

}  // namespace services::iam
