// IAM's operations, typed. Every change is committed to the store before it is visible and before the call returns.
//
// Errors are IAM's own: `NoSuchEntity`, `EntityAlreadyExists`, `DeleteConflict`, `LimitExceeded`, `MalformedPolicyDocument`,
// `ValidationError`, `InvalidInput`, `UnmodifiableEntity`, with its messages. Names are unique and found ignoring case, as in
// IAM. Authorization is not here: the gate has done it before anything is called.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "identity/caller.hpp"
#include "identity/model.hpp"

namespace identity {

enum class HolderKind : uint8_t { role, user, group };

// Something that policies hang on.
struct Holder {
    HolderKind kind = HolderKind::role;
    std::string account;
    std::string name;
};

struct CreateRole {
    std::string account, name, path = "/", trust_document, description, boundary;
    int64_t max_session_seconds = 3600;
    Tags tags;
};

struct CreateUser {
    std::string account, name, path = "/", boundary;
    Tags tags;
};

struct CreatePolicy {
    std::string account, name, path = "/", document, description;
    Tags tags;
};

// Part of a list, in the order of names in lower case: lists cost what is asked for, not what the account has.
struct Slice {
    std::string after = {};  // a name in lower case: only what is behind it
    std::string path_prefix = {};
    size_t most = std::numeric_limits<size_t>::max();
};

// Who uses a managed policy: groups, then roles, then users.
struct PolicyHolder {
    HolderKind kind = HolderKind::group;
    std::string name, id;
};
struct PolicyHolders {
    bool attached = true, bounded = true;  // whom it hangs on, whose permissions boundary it is
    bool groups = true, roles = true, users = true;
    // `slice.after` is the name of a holder of this kind.
    HolderKind after_kind = HolderKind::group;
    Slice slice;
};

struct EntityCounts {
    size_t users = 0, groups = 0, roles = 0, policies = 0, policy_versions = 0;
};

struct UsageCount {
    int64_t attachments = 0;
    int64_t boundaries = 0;
};

struct LastUse {
    base::Time time;
    std::string service, region;
};

class Iam {
public:
    virtual ~Iam() = default;

    // Roles.
    [[nodiscard]] virtual base::Result<RolePtr> create_role(const CreateRole& request) = 0;
    [[nodiscard]] virtual base::Result<RolePtr> role(const std::string& account, const std::string& name) const = 0;
    [[nodiscard]] virtual std::vector<RolePtr> roles(const std::string& account, const Slice& slice = {}) const = 0;
    [[nodiscard]] virtual base::Result<void> update_trust(const std::string& account, const std::string& name,
                                                          const std::string& document) = 0;
    [[nodiscard]] virtual base::Result<RolePtr> update_role(const std::string& account, const std::string& name,
                                                            std::optional<std::string> description,
                                                            std::optional<int64_t> max_session_seconds) = 0;
    [[nodiscard]] virtual base::Result<void> delete_role(const std::string& account, const std::string& name) = 0;

    // Users.
    [[nodiscard]] virtual base::Result<UserPtr> create_user(const CreateUser& request) = 0;
    [[nodiscard]] virtual base::Result<UserPtr> user(const std::string& account, const std::string& name) const = 0;
    [[nodiscard]] virtual std::vector<UserPtr> users(const std::string& account, const Slice& slice = {}) const = 0;
    [[nodiscard]] virtual base::Result<void> update_user(const std::string& account, const std::string& name,
                                                         std::optional<std::string> new_name,
                                                         std::optional<std::string> new_path) = 0;
    [[nodiscard]] virtual base::Result<void> delete_user(const std::string& account, const std::string& name) = 0;

    // Groups.
    [[nodiscard]] virtual base::Result<GroupPtr> create_group(const std::string& account, const std::string& name,
                                                              const std::string& path) = 0;
    [[nodiscard]] virtual base::Result<GroupPtr> group(const std::string& account, const std::string& name) const = 0;
    [[nodiscard]] virtual std::vector<GroupPtr> groups(const std::string& account, const Slice& slice = {}) const = 0;
    [[nodiscard]] virtual base::Result<void> update_group(const std::string& account, const std::string& name,
                                                          std::optional<std::string> new_name,
                                                          std::optional<std::string> new_path) = 0;
    [[nodiscard]] virtual base::Result<void> delete_group(const std::string& account, const std::string& name) = 0;
    [[nodiscard]] virtual base::Result<void> add_user_to_group(const std::string& account, const std::string& group,
                                                               const std::string& user) = 0;
    [[nodiscard]] virtual base::Result<void> remove_user_from_group(const std::string& account, const std::string& group,
                                                                    const std::string& user) = 0;
    [[nodiscard]] virtual base::Result<std::vector<UserPtr>> members(const std::string& account, const std::string& group,
                                                                     const Slice& slice = {}) const = 0;
    [[nodiscard]] virtual base::Result<std::vector<GroupPtr>> groups_of(const std::string& account,
                                                                        const std::string& user) const = 0;

    // Policies that hang on a role, user or group. Boundaries and tags: roles and users only.
    [[nodiscard]] virtual base::Result<void> attach_policy(const Holder& holder, const std::string& policy_arn) = 0;
    [[nodiscard]] virtual base::Result<void> detach_policy(const Holder& holder, const std::string& policy_arn) = 0;
    [[nodiscard]] virtual base::Result<void> put_inline_policy(const Holder& holder, const std::string& policy_name,
                                                               const std::string& document) = 0;
    [[nodiscard]] virtual base::Result<void> delete_inline_policy(const Holder& holder, const std::string& policy_name) = 0;
    [[nodiscard]] virtual base::Result<void> put_boundary(const Holder& holder, const std::string& policy_arn) = 0;
    [[nodiscard]] virtual base::Result<void> delete_boundary(const Holder& holder) = 0;
    [[nodiscard]] virtual base::Result<void> tag(const Holder& holder, const Tags& tags) = 0;
    [[nodiscard]] virtual base::Result<void> untag(const Holder& holder, const std::vector<std::string>& keys) = 0;

    // Managed policies, the account's own and AWS's.
    [[nodiscard]] virtual base::Result<ManagedPolicyPtr> create_policy(const CreatePolicy& request) = 0;
    [[nodiscard]] virtual base::Result<ManagedPolicyPtr> managed_policy(const std::string& account,
                                                                        const std::string& arn) const = 0;
    [[nodiscard]] virtual std::vector<ManagedPolicyPtr> customer_policies(const std::string& account,
                                                                          const Slice& slice = {}) const = 0;
    [[nodiscard]] virtual base::Result<void> delete_policy(const std::string& account, const std::string& arn) = 0;
    [[nodiscard]] virtual base::Result<PolicyVersion> create_policy_version(const std::string& account, const std::string& arn,
                                                                            const std::string& document, bool set_default) = 0;
    [[nodiscard]] virtual base::Result<void> delete_policy_version(const std::string& account, const std::string& arn,
                                                                   const std::string& version) = 0;
    [[nodiscard]] virtual base::Result<void> set_default_policy_version(const std::string& account, const std::string& arn,
                                                                        const std::string& version) = 0;
    [[nodiscard]] virtual base::Result<void> tag_policy(const std::string& account, const std::string& arn, const Tags& tags) = 0;
    [[nodiscard]] virtual base::Result<void> untag_policy(const std::string& account, const std::string& arn,
                                                          const std::vector<std::string>& keys) = 0;
    [[nodiscard]] virtual std::vector<PolicyHolder> policy_holders(const std::string& account, const std::string& arn,
                                                                   const PolicyHolders& wanted = {}) const = 0;
    [[nodiscard]] virtual UsageCount usage_count(const std::string& account, const std::string& arn) const = 0;
    // ARNs of the policies of AWS's that something in the account uses, by ARN, behind `after`.
    [[nodiscard]] virtual std::vector<std::string> aws_policies_in_use(const std::string& account, const std::string& after,
                                                                       size_t most) const = 0;

    // Access keys. An empty user means the account's root.
    [[nodiscard]] virtual base::Result<AccessKeyPtr> create_access_key(const std::string& account, const std::string& user) = 0;
    [[nodiscard]] virtual base::Result<std::vector<AccessKeyPtr>> access_keys(const std::string& account,
                                                                              const std::string& user) const = 0;
    [[nodiscard]] virtual base::Result<void> update_access_key(const std::string& account, const std::string& user,
                                                               const std::string& id, bool active) = 0;
    [[nodiscard]] virtual base::Result<void> delete_access_key(const std::string& account, const std::string& user,
                                                               const std::string& id) = 0;
    // The key, of any user or root user; `NoSuchEntity`.
    [[nodiscard]] virtual base::Result<AccessKeyPtr> access_key(const std::string& id) const = 0;
    // By access key id or role id; approximate, as in AWS.
    [[nodiscard]] virtual std::optional<LastUse> last_use(const std::string& key_or_role) const = 0;

    // The account.
    [[nodiscard]] virtual AccountPtr account(const std::string& id) const = 0;  // null if unknown
    [[nodiscard]] virtual EntityCounts counts(const std::string& account) const = 0;
    [[nodiscard]] virtual base::Result<void> create_alias(const std::string& account, const std::string& alias) = 0;
    [[nodiscard]] virtual base::Result<void> delete_alias(const std::string& account, const std::string& alias) = 0;
};

}  // namespace identity
