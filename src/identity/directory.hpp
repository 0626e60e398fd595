// Accounts, users, roles, policies, keys and sessions: IAM's object model as typed operations.
// Reads are in memory; writes are committed to the store before they are visible. Knows neither HTTP nor AWS's wire.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "crypto/random.hpp"
#include "identity/caller.hpp"
#include "identity/iam.hpp"
#include "identity/lease.hpp"
#include "identity/master_keys.hpp"
#include "identity/prepared.hpp"
#include "identity/service_call.hpp"
#include "store/key_value_store.hpp"

namespace identity {

struct AssumeRole {
    std::string role_arn;
    std::string session_name;
    std::chrono::seconds duration{3600};
    std::string session_policy;  // JSON; empty: none
    std::vector<std::string> session_policy_arns;
    std::vector<std::pair<std::string, std::string>> tags;
    std::string source_identity;
    std::string external_id;
    std::string lease;                             // id of the lease that the session lives by (lease.hpp); empty: none
    std::vector<std::string> transitive_tag_keys;  // these tags follow into the sessions that this session assumes
    // Role chaining: the session that asks, or nullptr. A chained session lasts an hour at most and inherits transitive tags.
    const Caller* chained_from = nullptr;
    // A service asks, not a caller: the role's MaxSessionDuration does not limit its sessions (IAM User Guide, "Update the
    // maximum session duration for a role").
    bool by_service = false;
};

struct AssumedRole {
    Credentials credentials;
    std::string assumed_role_id;   // AROA…:session
    std::string assumed_role_arn;  // arn:aws:sts::A:assumed-role/R/session
    int packed_policy_percent = 0;
};

inline constexpr size_t known_sessions_max = 4096;

class Directory {
public:
    struct Dependencies {
        store::KeyValueStore* keys = nullptr;
        const base::Clock* clock = nullptr;
        crypto::Random* random = nullptr;
        std::string master_key;  // 32 bytes; secrets at rest and session tokens are sealed under keys derived from it
        // Earlier ones that still open them (master_keys.hpp).
        std::vector<MasterKeys::Former> former_keys = {};
        std::vector<MasterKeys::Tokens> former_tokens = {};
    };
    // Loads everything from the store.
    [[nodiscard]] static base::Result<std::unique_ptr<Directory>> open(Dependencies dependencies);
    virtual ~Directory() = default;

    // Makes the first account with root keys if there is none; its id and root credentials if it did.
    struct FirstAccount {
        std::string account;
        Credentials root;
    };
    [[nodiscard]] virtual base::Result<std::optional<FirstAccount>> bootstrap() = 0;
    // What bootstrap() made, again: the server writes the root keys to a file, and may be killed between the two.
    // `NoSuchEntity` if those keys were deleted since.
    [[nodiscard]] virtual base::Result<FirstAccount> root_credentials() const = 0;
    [[nodiscard]] virtual std::string default_account() const = 0;

    // The secret and the caller behind an access key and, for temporary credentials, its session token: as they are now, never as
    // they were before a change that has been answered.
    // Errors: `InvalidClientTokenId`, `ExpiredToken` (also: its lease was closed). (S3 words them differently; the gate
    // translates.)
    [[nodiscard]] virtual base::Result<PreparedPtr> authenticate(const std::string& access_key_id,
                                                                 const std::string& session_token) const = 0;

    // Moves on with every change, before the change is answered.
    [[nodiscard]] virtual uint64_t version() const = 0;

    // The trust policy of a role, for the gate to decide sts:AssumeRole with; `NoSuchEntity` if there is no such role.
    [[nodiscard]] virtual base::Result<policy::AttachedPolicy> trust_policy(const std::string& role_arn) const = 0;

    // Mints a session of a role. The gate has decided that it may be (for services: gate::Decider::assume_role). Validates duration, session policy, tags.
    [[nodiscard]] virtual base::Result<AssumedRole> assume_role(const AssumeRole& request) = 0;

    // Temporary credentials of the same user or root (sts:GetSessionToken).
    // Errors: `AccessDenied` (the caller is temporary itself), `ValidationError` (duration).
    [[nodiscard]] virtual base::Result<Credentials> session_token(const Caller& caller, std::chrono::seconds duration) = 0;

    // The Caller that a session of this role would be (for checks made on the role's behalf).
    [[nodiscard]] virtual base::Result<Caller> role_caller(const std::string& role_arn,
                                                           const std::string& session_name) const = 0;

    // Every session of a role with this ARN (arn:aws:sts::A:assumed-role/R/SESSION) that lives, as a request of it would be
    // authenticated now; newest first. Tokens are kept by who holds them: known are those that were made or used since the server
    // started, of which the last `known_sessions_max` are remembered.
    [[nodiscard]] virtual std::vector<Caller> live_sessions(const std::string& session_arn) const = 0;

    // The Caller that this user is; `NoSuchEntity`.
    [[nodiscard]] virtual base::Result<Caller> user_caller(const std::string& user_arn) const = 0;

    // Is this a live principal ARN (role, user, account root) that a resource policy may name?
    [[nodiscard]] virtual bool principal_exists(const std::string& arn) const = 0;

    // The unique id behind such an ARN (AROA…, AIDA…, the account id for its root): what a resource policy is bound to, so that
    // a principal made anew under an old name inherits nothing (SEMANTICS R32). nullopt if no principal has that ARN.
    [[nodiscard]] virtual std::optional<std::string> unique_id(const std::string& arn) const = 0;

    // Every identity policy of a role or user, groups included: what it was granted, for least-privilege reports.
    [[nodiscard]] virtual base::Result<std::vector<policy::AttachedPolicy>> policies_of(
        const std::string& principal_arn) const = 0;

    // The gate admitted a request of this caller; feeds last-used data. Cheap: in memory, written down now and then.
    virtual void record_use(const Caller& caller, const std::string& service, const std::string& region) = 0;

    // IAM's operations.
    [[nodiscard]] virtual Iam& iam() = 0;

    // The leases that sessions of this directory live by.
    [[nodiscard]] virtual Leases& leases() = 0;

    // Every principal that can hold credentials, for `who can?`: roles (as role_caller) and users.
    [[nodiscard]] virtual std::vector<Caller> all_callers() const = 0;

    // From when it returns on, these keys seal and open; what they do not open is refused. Session tokens that were opened before are
    // looked at again.
    virtual void use_master_keys(const MasterKeys& keys) = 0;
    // Seals stored secrets anew that a former key sealed: of the next `most` at most, from `next` on (empty: from the first), in one commit.
    struct Resealed {
        size_t looked_at = 0, resealed = 0;
        std::string next;  // empty: that was the last
    };
    // Errors: the store's; `InvalidMasterKey` for a secret that no key opens.
    [[nodiscard]] virtual base::Result<Resealed> reseal(const std::string& next, size_t most) = 0;
};

}  // namespace identity
