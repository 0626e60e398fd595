// The directory's inside; only this room includes it.
//
// Invariants
// 1. `state_` is read under `mutex_` shared and changed under `mutex_` exclusive; entities in it never change, they are replaced.
// 2. One writer at a time (`writer_`): it reads the state, builds a Change, commits the Change's batch, and only then shows it.
//    What a reader sees is therefore always in the store.
// 3. Every look-up of an entity is noted for the request's decision (base::DecisionScope), and a writer that found something else
//    than what was decided on commits nothing.
// 4. `version_` moves with every change of `state_`, under the same lock: what was read under one version is true as long as that is
//    the version (prepared.hpp).
// 5. Every access key, group membership and attachment in an entity names something that exists.
#pragma once

#include <algorithm>
#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <unordered_map>

#include "base/mutex.hpp"
#include "identity/directory.hpp"
#include "identity/iam.hpp"
#include "identity/model.hpp"
#include "identity/session_token.hpp"
#include "identity/usage.hpp"

namespace identity {

constexpr size_t attached_policies_max = 10;
constexpr size_t groups_per_user_max = 10;
constexpr size_t access_keys_max = 2;
constexpr size_t policy_versions_max = 5;
constexpr size_t managed_policy_characters_max = 6144;
constexpr size_t trust_policy_characters_max = 2048;
constexpr size_t inline_characters_max_role = 10240;
constexpr size_t inline_characters_max_user = 2048;
constexpr size_t inline_characters_max_group = 5120;

[[nodiscard]] inline bool contains(const std::vector<std::string>& values, const std::string& value) {
    return std::ranges::find(values, value) != values.end();
}

// What one account holds, by name in lower case.
struct AccountState {
    AccountPtr account;
    std::map<std::string, RolePtr, std::less<>> roles;
    std::map<std::string, UserPtr, std::less<>> users;
    std::map<std::string, GroupPtr, std::less<>> groups;
    std::map<std::string, ManagedPolicyPtr, std::less<>> policies;
    Usage usage;  // of what is above

    // Replace or remove, and keep `usage` true.
    template <class EntityPtr>
    void put(std::map<std::string, EntityPtr, std::less<>>& entities, const std::string& key, EntityPtr entity) {
        EntityPtr& place = entities[key];
        if (place) usage.remove(*place);
        usage.add(*entity);
        place = std::move(entity);
    }
    template <class EntityPtr>
    void erase(std::map<std::string, EntityPtr, std::less<>>& entities, const std::string& key) {
        const auto found = entities.find(key);
        if (found == entities.end()) return;
        usage.remove(*found->second);
        entities.erase(found);
    }
};

struct IamState {
    std::map<std::string, AccountState, std::less<>> accounts;
    std::unordered_map<std::string, AccessKeyPtr> keys;

    [[nodiscard]] const AccountState* account_state(std::string_view account) const;
    [[nodiscard]] base::Result<RolePtr> role(const std::string& account, const std::string& name) const;
    [[nodiscard]] base::Result<UserPtr> user(const std::string& account, const std::string& name) const;
    [[nodiscard]] base::Result<GroupPtr> group(const std::string& account, const std::string& name) const;
    // By exact ARN; nullptr if there is none. AWS's own included.
    [[nodiscard]] RolePtr role_by_arn(std::string_view arn) const;
    [[nodiscard]] UserPtr user_by_arn(std::string_view arn) const;
    [[nodiscard]] ManagedPolicyPtr policy_by_arn(const std::string& arn) const;
    // The same for what it permits: no decision is made on it as a resource.
    [[nodiscard]] ManagedPolicyPtr permissions_by_arn(const std::string& arn) const;
    // One that this account may use: its own or AWS's.
    [[nodiscard]] ManagedPolicyPtr usable_policy(const std::string& account, const std::string& arn) const;
    [[nodiscard]] std::optional<std::string> unique_id(std::string_view arn) const;
};

// Writes that become durable together and visible together.
class Change {
public:
    void put(Account account);
    void put(Role role);
    void put(User user);
    void put(Group group);
    void put(ManagedPolicy policy);
    void put(AccessKey key, std::string_view sealed_secret);
    void erase(const Role& role);
    void erase(const User& user);
    void erase(const Group& group);
    void erase(const ManagedPolicy& policy);
    void erase(const AccessKey& key);

private:
    friend class DirectoryState;
    store::Batch batch_;
    std::vector<std::function<void(IamState&)>> steps_;
};

class DirectoryState final : public Directory, public Iam {
public:
    explicit DirectoryState(Dependencies dependencies);
    [[nodiscard]] base::Result<void> load();

    // Directory (directory.cpp, callers.cpp, sessions.cpp).
    [[nodiscard]] base::Result<std::optional<FirstAccount>> bootstrap() override;
    [[nodiscard]] base::Result<FirstAccount> root_credentials() const override;
    [[nodiscard]] std::string default_account() const override;
    [[nodiscard]] base::Result<PreparedPtr> authenticate(const std::string& access_key_id,
                                                         const std::string& session_token) const override;
    [[nodiscard]] uint64_t version() const override { return version_.load(std::memory_order_acquire); }
    [[nodiscard]] base::Result<policy::AttachedPolicy> trust_policy(const std::string& role_arn) const override;
    [[nodiscard]] base::Result<AssumedRole> assume_role(const AssumeRole& request) override;
    [[nodiscard]] base::Result<Credentials> session_token(const Caller& caller, std::chrono::seconds duration) override;
    [[nodiscard]] base::Result<Caller> role_caller(const std::string& role_arn, const std::string& session_name) const override;
    [[nodiscard]] std::vector<Caller> live_sessions(const std::string& session_arn) const override;
    [[nodiscard]] base::Result<Caller> user_caller(const std::string& user_arn) const override;
    [[nodiscard]] bool principal_exists(const std::string& arn) const override;
    [[nodiscard]] std::optional<std::string> unique_id(const std::string& arn) const override;
    [[nodiscard]] base::Result<std::vector<policy::AttachedPolicy>> policies_of(const std::string& principal_arn) const override;
    void record_use(const Caller& caller, const std::string& service, const std::string& region) override;
    void use_master_keys(const MasterKeys& keys) override;
    [[nodiscard]] base::Result<Resealed> reseal(const std::string& next, size_t most) override;
    [[nodiscard]] Iam& iam() override { return *this; }
    [[nodiscard]] Leases& leases() override { return leases_; }
    [[nodiscard]] std::vector<Caller> all_callers() const override;

    // Iam (roles.cpp, users.cpp, groups.cpp, holders.cpp, managed_policies.cpp, access_keys.cpp).
    [[nodiscard]] base::Result<RolePtr> create_role(const CreateRole& request) override;
    [[nodiscard]] base::Result<RolePtr> role(const std::string& account, const std::string& name) const override;
    [[nodiscard]] std::vector<RolePtr> roles(const std::string& account, const Slice& slice) const override;
    [[nodiscard]] base::Result<void> update_trust(const std::string& account, const std::string& name,
                                                  const std::string& document) override;
    [[nodiscard]] base::Result<RolePtr> update_role(const std::string& account, const std::string& name,
                                                    std::optional<std::string> description,
                                                    std::optional<int64_t> max_session_seconds) override;
    [[nodiscard]] base::Result<void> delete_role(const std::string& account, const std::string& name) override;

    [[nodiscard]] base::Result<UserPtr> create_user(const CreateUser& request) override;
    [[nodiscard]] base::Result<UserPtr> user(const std::string& account, const std::string& name) const override;
    [[nodiscard]] std::vector<UserPtr> users(const std::string& account, const Slice& slice) const override;
    [[nodiscard]] base::Result<void> update_user(const std::string& account, const std::string& name,
                                                 std::optional<std::string> new_name,
                                                 std::optional<std::string> new_path) override;
    [[nodiscard]] base::Result<void> delete_user(const std::string& account, const std::string& name) override;

    [[nodiscard]] base::Result<GroupPtr> create_group(const std::string& account, const std::string& name,
                                                      const std::string& path) override;
    [[nodiscard]] base::Result<GroupPtr> group(const std::string& account, const std::string& name) const override;
    [[nodiscard]] std::vector<GroupPtr> groups(const std::string& account, const Slice& slice) const override;
    [[nodiscard]] base::Result<void> update_group(const std::string& account, const std::string& name,
                                                  std::optional<std::string> new_name,
                                                  std::optional<std::string> new_path) override;
    [[nodiscard]] base::Result<void> delete_group(const std::string& account, const std::string& name) override;
    [[nodiscard]] base::Result<void> add_user_to_group(const std::string& account, const std::string& group,
                                                       const std::string& user) override;
    [[nodiscard]] base::Result<void> remove_user_from_group(const std::string& account, const std::string& group,
                                                            const std::string& user) override;
    [[nodiscard]] base::Result<std::vector<UserPtr>> members(const std::string& account, const std::string& group,
                                                             const Slice& slice) const override;
    [[nodiscard]] base::Result<std::vector<GroupPtr>> groups_of(const std::string& account,
                                                                const std::string& user) const override;

    [[nodiscard]] base::Result<void> attach_policy(const Holder& holder, const std::string& policy_arn) override;
    [[nodiscard]] base::Result<void> detach_policy(const Holder& holder, const std::string& policy_arn) override;
    [[nodiscard]] base::Result<void> put_inline_policy(const Holder& holder, const std::string& policy_name,
                                                       const std::string& document) override;
    [[nodiscard]] base::Result<void> delete_inline_policy(const Holder& holder, const std::string& policy_name) override;
    [[nodiscard]] base::Result<void> put_boundary(const Holder& holder, const std::string& policy_arn) override;
    [[nodiscard]] base::Result<void> delete_boundary(const Holder& holder) override;
    [[nodiscard]] base::Result<void> tag(const Holder& holder, const Tags& tags) override;
    [[nodiscard]] base::Result<void> untag(const Holder& holder, const std::vector<std::string>& keys) override;

    [[nodiscard]] base::Result<ManagedPolicyPtr> create_policy(const CreatePolicy& request) override;
    [[nodiscard]] base::Result<ManagedPolicyPtr> managed_policy(const std::string& account,
                                                                const std::string& arn) const override;
    [[nodiscard]] std::vector<ManagedPolicyPtr> customer_policies(const std::string& account, const Slice& slice) const override;
    [[nodiscard]] base::Result<void> delete_policy(const std::string& account, const std::string& arn) override;
    [[nodiscard]] base::Result<PolicyVersion> create_policy_version(const std::string& account, const std::string& arn,
                                                                    const std::string& document, bool set_default) override;
    [[nodiscard]] base::Result<void> delete_policy_version(const std::string& account, const std::string& arn,
                                                           const std::string& version) override;
    [[nodiscard]] base::Result<void> set_default_policy_version(const std::string& account, const std::string& arn,
                                                                const std::string& version) override;
    [[nodiscard]] base::Result<void> tag_policy(const std::string& account, const std::string& arn, const Tags& tags) override;
    [[nodiscard]] base::Result<void> untag_policy(const std::string& account, const std::string& arn,
                                                  const std::vector<std::string>& keys) override;
    [[nodiscard]] std::vector<PolicyHolder> policy_holders(const std::string& account, const std::string& arn,
                                                           const PolicyHolders& wanted) const override;
    [[nodiscard]] UsageCount usage_count(const std::string& account, const std::string& arn) const override;
    [[nodiscard]] std::vector<std::string> aws_policies_in_use(const std::string& account, const std::string& after,
                                                               size_t most) const override;

    [[nodiscard]] base::Result<AccessKeyPtr> create_access_key(const std::string& account, const std::string& user) override;
    [[nodiscard]] base::Result<std::vector<AccessKeyPtr>> access_keys(const std::string& account,
                                                                      const std::string& user) const override;
    [[nodiscard]] base::Result<void> update_access_key(const std::string& account, const std::string& user, const std::string& id,
                                                       bool active) override;
    [[nodiscard]] base::Result<void> delete_access_key(const std::string& account, const std::string& user,
                                                       const std::string& id) override;
    [[nodiscard]] base::Result<AccessKeyPtr> access_key(const std::string& id) const override;
    [[nodiscard]] std::optional<LastUse> last_use(const std::string& key_or_role) const override;

    [[nodiscard]] AccountPtr account(const std::string& id) const override;
    [[nodiscard]] EntityCounts counts(const std::string& account) const override;
    [[nodiscard]] base::Result<void> create_alias(const std::string& account, const std::string& alias) override;
    [[nodiscard]] base::Result<void> delete_alias(const std::string& account, const std::string& alias) override;

private:
    // What is derived from the master keys: the first of each seals, all open.
    struct Sealing {
        std::vector<SessionKeys> sessions;
        std::vector<std::string> secrets;  // access keys', at rest
    };

    // What a session adds to the principal it belongs to; opened once and kept, because training reads with the same token
    // thousands of times a second.
    struct OpenedSession {
        Session session;
        std::string access_key_id, secret;
        policy::PolicyPtr policy;           // null: no inline session policy
        std::shared_ptr<const Sealing> by;  // opened it: where there are other keys by now, it is opened again
    };

    // Only one change at a time is prepared. What a writer reads of `state_` meanwhile stays as it is, because only writers change it
    // (commit takes `mutex_` exclusively): to the analysis it is as if `mutex_` were held, shared.
    class THREAD_SAFETY(scoped_lockable) Writing {
    public:
        explicit Writing(DirectoryState& state) ACQUIRES(state.writer_) ACQUIRES_SHARED(state.mutex_) NOT_CHECKED
            : writer_(state.writer_) {
            writer_.lock();
        }
        ~Writing() RELEASES_ANY() NOT_CHECKED { writer_.unlock(); }
        Writing(const Writing&) = delete;
        Writing& operator=(const Writing&) = delete;

    private:
        base::Mutex& writer_;
    };

    [[nodiscard]] base::Result<void> commit(Change change) REQUIRES(writer_);
    template <class Edit>
    [[nodiscard]] base::Result<void> edit(const Holder& holder, Edit edit);
    [[nodiscard]] base::Result<AccessKey> make_access_key(const std::string& account, std::string user_id, std::string user)
        REQUIRES_SHARED(mutex_);
    void put_key(Change& change, AccessKey key);
    [[nodiscard]] base::Result<std::shared_ptr<const OpenedSession>> open_token(const std::string& access_key_id,
                                                                                const std::string& token) const;
    // May it still be used, now?
    [[nodiscard]] bool is_current(const PreparedPrincipal& prepared) const;
    [[nodiscard]] PreparedPtr keep(Caller caller, std::string secret, const OpenedSession* opened, const std::string& token) const
        REQUIRES_SHARED(mutex_);
    [[nodiscard]] base::Result<Caller> caller_of_session(const OpenedSession& opened) const REQUIRES_SHARED(mutex_);
    [[nodiscard]] base::Result<Caller> caller_of_key(const AccessKey& key) const REQUIRES_SHARED(mutex_);

    // Looked up by readers, and by a writer (Writing).
    [[nodiscard]] Caller root_caller(const std::string& account) const REQUIRES_SHARED(mutex_);
    [[nodiscard]] Caller user_caller(const User& user) const REQUIRES_SHARED(mutex_);
    [[nodiscard]] Caller role_session_caller(const Role& role, const std::string& session_name, const Session* session) const
        REQUIRES_SHARED(mutex_);
    void add_entity_policies(const Entity& entity, std::string_view kind, std::vector<policy::AttachedPolicy>& out) const
        REQUIRES_SHARED(mutex_);
    [[nodiscard]] policy::AttachedPolicy managed(const std::string& arn) const REQUIRES_SHARED(mutex_);
    void add_session(const OpenedSession& opened, Caller& caller) const REQUIRES_SHARED(mutex_);
    [[nodiscard]] base::Result<std::map<std::string, std::string>> bind_principals(const policy::Policy& trust) const
        REQUIRES_SHARED(mutex_);
    // In every trust policy that is bound to `id`, the principal becomes `principal` (another ARN, or the id itself).
    void rebind(const std::string& id, const std::string& principal, Change& change) const REQUIRES_SHARED(mutex_);

    [[nodiscard]] static std::shared_ptr<const Sealing> sealing_of(const MasterKeys& keys);
    [[nodiscard]] std::shared_ptr<const Sealing> sealing() const {
        const base::Lock lock(sealing_mutex_);
        return sealing_;
    }

    Dependencies dependencies_;
    Leases leases_;
    mutable base::Mutex sealing_mutex_;
    std::shared_ptr<const Sealing> sealing_ GUARDED_BY(sealing_mutex_);
    base::Mutex writer_;
    mutable base::SharedMutex mutex_;
    IamState state_ GUARDED_BY(mutex_);
    std::atomic<uint64_t> version_ = 1;  // moves under `mutex_` exclusive, with `state_`
    mutable PreparedPrincipals prepared_;

    mutable base::SharedMutex sessions_mutex_;
    mutable std::unordered_map<std::string, std::shared_ptr<const OpenedSession>> sessions_
        GUARDED_BY(sessions_mutex_);  // by token

    // A role's session that was made or used here; for `live_sessions`.
    struct KnownSession {
        std::string user_id;  // AROA…:session
        std::string access_key_id, token;
        base::Time expires;
    };
    void remember_session(const Session& session, const std::string& access_key_id, const std::string& token) const
        EXCLUDES(sessions_mutex_);
    mutable std::deque<KnownSession> known_sessions_ GUARDED_BY(sessions_mutex_);  // the newest last

    struct Used {
        LastUse use;
        base::Time written;
    };
    mutable base::Mutex used_mutex_;
    std::unordered_map<std::string, Used> used_ GUARDED_BY(used_mutex_);
};

}  // namespace identity
