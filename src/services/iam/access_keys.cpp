#include "model/iam/access_keys.hpp"

#include <fmt/core.h>

#include <array>

#include "base/error_codes.hpp"
#include "base/outdated.hpp"
#include "model/iam/service.hpp"
#include "services/iam/page.hpp"
#include "services/iam/request.hpp"
#include "services/iam/shown.hpp"

namespace services::iam {
namespace {

m::statusType status_of(const identity::AccessKey& key) { return key.active ? m::statusType::active : m::statusType::inactive; }

// A key's owner as it is spelled; nothing for root.
Result<std::optional<std::string>> owner(const Iam& iam, const std::string& account, const std::string& user) {
    if (user.empty()) return std::nullopt;
    return TRY(iam->user(account, user))->name;
}

Result<m::CreateAccessKeyResponse> create_key(Iam& iam, const Permit& permit, const m::CreateAccessKeyRequest& in) {
    const std::string user = TRY(user_name(permit.caller(), in.user_name));
    const auto key = TRY(iam->create_access_key(permit.account(), user));
    return m::CreateAccessKeyResponse{.access_key = {.user_name = TRY(owner(iam, permit.account(), user)),
                                                     .access_key_id = key->id,
                                                     .status = status_of(*key),
                                                     .secret_access_key = key->secret,
                                                     .create_date = shown(key->created)}};
}

Result<m::ListAccessKeysResponse> list_keys(Iam& iam, const Permit& permit, const m::ListAccessKeysRequest& in) {
    const std::string user = TRY(user_name(permit.caller(), in.user_name));
    std::vector<Row<m::AccessKeyMetadata>> rows;
    for (const auto& key : TRY(iam->access_keys(permit.account(), user))) {
        rows.push_back({key->id,
                        {.user_name = TRY(owner(iam, permit.account(), user)),
                         .access_key_id = key->id,
                         .status = status_of(*key),
                         .create_date = shown(key->created)}});
    }
    return one_page(in, &m::ListAccessKeysResponse::access_key_metadata, std::move(rows));
}

Result<Nothing> update_key(Iam& iam, const Permit& permit, const m::UpdateAccessKeyRequest& in) {
    // The model has one more status, which keys of another kind have.
    if (in.status == m::statusType::expired)
        return base::fail(base::code::ValidationError,
                          "1 validation error detected: Value 'Expired' at 'status' failed to satisfy constraint: Member must "
                          "satisfy enum value set: [Active, Inactive]");
    const std::string user = TRY(user_name(permit.caller(), in.user_name));
    return done(iam->update_access_key(permit.account(), user, in.access_key_id, in.status == m::statusType::active));
}

Result<Nothing> delete_key(Iam& iam, const Permit& permit, const m::DeleteAccessKeyRequest& in) {
    const std::string user = TRY(user_name(permit.caller(), in.user_name));
    return done(iam->delete_access_key(permit.account(), user, in.access_key_id));
}

Result<m::GetAccessKeyLastUsedResponse> last_used(Iam& iam, const Permit& permit, const m::GetAccessKeyLastUsedRequest& in) {
    // A key of nobody here was refused (policy/service_rules.hpp, key_of_no_user).
    const auto key = iam->access_key(in.access_key_id);
    if (!key || (*key)->account != permit.account()) return base::fail_outdated("the access key");
    m::AccessKeyLastUsed used{.service_name = "N/A", .region = "N/A"};
    if (const auto use = iam->last_use((*key)->id))
        used = {.last_used_date = shown(use->time), .service_name = use->service, .region = use->region};
    return m::GetAccessKeyLastUsedResponse{.user_name = TRY(owner(iam, permit.account(), (*key)->user)),
                                           .access_key_last_used = std::move(used)};
}

// The resource is the owner of the key; of a key of nobody here, nobody: `user/*`.
Result<RequiredAccesses<>> last_used_needs(const Iam& iam, const RequestOrigin& asking,
                                           const m::GetAccessKeyLastUsedRequest& in) {
    constexpr auto action = m::Action::iam_GetAccessKeyLastUsed;
    const std::string& account = asking.caller.principal.account;
    const auto key = iam->access_key(in.access_key_id);
    RequiredAccesses<> needs;
    if (!key || (*key)->account != account)
        needs.add(action, gate::Description{.arn = fmt::format("arn:aws:iam::{}:user/*", account)});
    else if ((*key)->user.empty())
        needs.add(action, TRY(asking.find(fmt::format("arn:aws:iam::{}:root", account), action)));
    else
        needs.add(action, TRY(asking.find(fmt::format("arn:aws:iam::{}:user/{}", account, (*key)->user), action)));
    return needs;
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<Iam>>({
    operation<m::CreateAccessKey, create_key>(),
    operation<m::ListAccessKeys, list_keys>(),
    operation<m::UpdateAccessKey, update_key>(),
    operation<m::DeleteAccessKey, delete_key>(),
    operation<m::GetAccessKeyLastUsed, last_used, last_used_needs>(),
});

}  // namespace

Rows access_key_operations() { return operations; }

}  // namespace services::iam
