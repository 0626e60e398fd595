// Entities as the store keeps them: one JSON record each, under `iam/KIND/ACCOUNT/KEY` (README.md has the table).
// Reading is strict: a record that does not read is an error that names it, never an entity with something missing.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "identity/model.hpp"

namespace identity {

[[nodiscard]] std::string record_key(const Account& account);
[[nodiscard]] std::string record_key(const Role& role);
[[nodiscard]] std::string record_key(const User& user);
[[nodiscard]] std::string record_key(const Group& group);
[[nodiscard]] std::string record_key(const ManagedPolicy& policy);
[[nodiscard]] std::string record_key(const AccessKey& key);

[[nodiscard]] std::string write_record(const Account& account);
[[nodiscard]] std::string write_record(const Role& role);
[[nodiscard]] std::string write_record(const User& user);
[[nodiscard]] std::string write_record(const Group& group);
[[nodiscard]] std::string write_record(const ManagedPolicy& policy);
// `sealed_secret` in place of the secret, which no record holds in clear.
[[nodiscard]] std::string write_record(const AccessKey& key, std::string_view sealed_secret);

[[nodiscard]] base::Result<Account> read_account(std::string_view record);
[[nodiscard]] base::Result<Role> read_role(std::string_view record);
[[nodiscard]] base::Result<User> read_user(std::string_view record);
[[nodiscard]] base::Result<Group> read_group(std::string_view record);
[[nodiscard]] base::Result<ManagedPolicy> read_managed_policy(std::string_view record);
// The `secret` of the result is the sealed one.
[[nodiscard]] base::Result<AccessKey> read_access_key(std::string_view record);

}  // namespace identity
