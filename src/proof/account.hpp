// An account as AWS's own answers describe it: who is in it, which policies hang where, and its buckets. The same for a server of ours and for AWS:
// what `trainwarden preview`, `up` and `prove` read over the wire, and what a plan changes.
//
// Sources: IAM API Reference, GetAccountAuthorizationDetails; Amazon S3 API Reference, GetBucketPolicy, GetPublicAccessBlock.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "policy/attached.hpp"
#include "proof/encode.hpp"
#include "text/json.hpp"

namespace proof {

// What users, groups and roles have in common.
struct PolicyHolder {
    std::string name, path = "/", arn, id;
    std::map<std::string, policy::PolicyPtr, std::less<>> inline_policies;  // by name
    std::set<std::string, std::less<>> attached;                            // ARNs of managed policies
    std::string boundary;                                                   // ARN; empty: none
    std::map<std::string, std::string, std::less<>> tags;
};
struct Group : PolicyHolder {};
struct User : PolicyHolder {
    std::set<std::string, std::less<>> groups;  // names in lower case
};
struct Role : PolicyHolder {
    policy::PolicyPtr trust;
};

struct AccountManagedPolicy {
    std::string arn, version;  // of the default version
    policy::PolicyPtr policy;
};

struct Bucket {
    std::string name;
    policy::PolicyPtr policy;      // nullptr: it has none
    bool restrict_public = false;  // RestrictPublicBuckets (R79), of the bucket or of its account
    std::string region = {};       // empty: not known
};

// A value: a copy costs its maps, the policies are shared.
struct AccountPolicies {
    std::string id, partition = "aws";
    std::string region = "us-east-1";  // where it was asked about
    // IAM finds names ignoring case: by name in lower case.
    std::map<std::string, User, std::less<>> users;
    std::map<std::string, Group, std::less<>> groups;
    std::map<std::string, Role, std::less<>> roles;
    std::map<std::string, AccountManagedPolicy, std::less<>> policies;  // by ARN
    std::map<std::string, Bucket, std::less<>> buckets;
    bool restrict_public = false;  // RestrictPublicBuckets of the account: what holds for all of its buckets, whatever they say
    std::vector<std::string> unread;  // what is not known of it, for people

    [[nodiscard]] std::string iam_arn(std::string_view kind, std::string_view path, std::string_view name) const;
    [[nodiscard]] std::string bucket_arn(std::string_view bucket) const;
    // The bucket, and the objects in it: patterns.
    [[nodiscard]] std::vector<std::string> parts_of_bucket(std::string_view bucket) const;
};

// One page of GetAccountAuthorizationDetails, in the member names of IAM's model. What it holds comes to the account. Documents may be
// percent-encoded, as IAM sends them, or not.
void add_authorization_details(AccountPolicies& account, const text::Json& page);
// A managed policy that the account does not use yet: `policy` as GetPolicy's, `version` as GetPolicyVersion's answer.
void add_managed_policy(AccountPolicies& account, const text::Json& policy, const text::Json& version);
// Managed policies that users, groups and roles name, and that are not known.
[[nodiscard]] std::vector<std::string> unknown_policies(const AccountPolicies& account);

// Puts another ARN, or a unique id, in the place of one, in all policies of resources: they were bound to the unique id when they were written, and show
// the ARN as long as there is who has it (R32).
void rename_principal(AccountPolicies& account, const std::string& from, const std::string& to);

// A principal that makes requests, with all of its own policies.
struct Actor {
    enum class Kind : uint8_t {
        principal,        // a user or role of the account, or its root user
        anonymous,        // without credentials
        unnamed_account,  // a principal of an account that no policy names …
        named_account,  // … or that one names; of both it is not known what their own account allows: everything, it is supposed
        service,
        federated,  // for whom an identity provider vouches
    };
    Kind kind = Kind::principal;
    std::string shown;  // `role trainer`, `anyone without credentials`
    std::string name;   // what policies call it: an ARN, a service, `*`; of another account what stands for it
    Subject subject;
    policy::PrincipalPolicies policies;
};

[[nodiscard]] Actor actor_of(const AccountPolicies& account, const User& user);
// A session of the role: what a session brings (its name, a source identity; tags, if its trust policy lets sessions be tagged) is open.
[[nodiscard]] Actor actor_of(const AccountPolicies& account, const Role& role);
[[nodiscard]] Actor root_of(const AccountPolicies& account);
// Who is no user or role of the account and may be let in by one of these policies of its resources: a caller without credentials, a principal of some other
// account, each service, account, principal and identity provider that one of them names, and each single session of a role of the account.
[[nodiscard]] std::vector<Actor> outsiders(const AccountPolicies& account, std::span<const policy::PolicyPtr> resource_policies);

// Principals of another account that an ARN pattern with its number means: `arn:aws:iam::444455556666:role/team-*`. None: it is another pattern.
[[nodiscard]] std::vector<Actor> actors_of_pattern(const AccountPolicies& account, const std::string& pattern);

[[nodiscard]] std::optional<policy::AttachedPolicy> policy_of(const Bucket& bucket);  // nullopt: it has none
[[nodiscard]] policy::AttachedPolicy trust_of(const Role& role);
// For whom an identity provider vouches is named in this action alone (R37): of it, `speaks_of` asks.
inline constexpr std::string_view names_of_action = "sts:assumerolewithwebidentity";
// Does a statement of this policy of a resource speak of the actor at all? What does not may be left out of questions about it.
[[nodiscard]] bool speaks_of(const std::optional<policy::AttachedPolicy>& resource_policy, const Actor& actor);

}  // namespace proof
