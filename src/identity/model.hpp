// IAM's nouns as the room keeps them. Every entity is immutable once it is shared: a change makes a new one, so a reader who
// holds a pointer sees one consistent picture for as long as it likes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "policy/policy.hpp"

namespace identity {

using Tags = std::vector<std::pair<std::string, std::string>>;  // keys are unique ignoring case

struct InlinePolicy {
    std::string name;
    policy::PolicyPtr policy;  // its text() is the document as it was given
};

// What roles, users and groups have in common.
struct Entity {
    std::string account, path, name;
    std::string id;  // AROA…, AIDA…, AGPA…: never used twice
    std::string arn;
    base::Time created;
    std::vector<InlinePolicy> inline_policies;  // by name
    std::vector<std::string> attached;          // ARNs of managed policies, oldest attachment first
};

struct Role : Entity {
    std::string description;
    int64_t max_session_seconds = 3600;
    policy::PolicyPtr trust;
    // The unique id behind every user or role that the trust policy names (SEMANTICS R32). When one of them goes, its ARN in the
    // document turns into the id, which no later principal can have.
    std::map<std::string, std::string> trusted_ids;
    std::string boundary;  // ARN of a managed policy; empty: none
    Tags tags;
};

struct User : Entity {
    std::string boundary;
    Tags tags;
    std::vector<std::string> groups;       // keys of groups (names in lower case), oldest membership first
    std::vector<std::string> access_keys;  // ids, oldest first
};

struct Group : Entity {};

struct PolicyVersion {
    std::string id;  // v1, v2, …
    policy::PolicyPtr policy;
    base::Time created;
};

struct ManagedPolicy {
    std::string account;  // empty: AWS's own
    std::string path, name, id, arn, description;
    base::Time created, updated;
    std::vector<PolicyVersion> versions;  // oldest first
    std::string default_version;
    int64_t next_version = 1;
    Tags tags;
    bool attachable = true;

    [[nodiscard]] const PolicyVersion* version(std::string_view version_id) const;
};

struct AccessKey {
    std::string id;
    std::string secret;
    std::string account;
    std::string user_id;  // empty: the account's root
    std::string user;     // the user's key (name in lower case); empty: root
    bool active = true;
    base::Time created;
};

struct Account {
    std::string id;
    std::string alias;  // empty: none
    base::Time created;
    std::vector<std::string> access_keys;  // of the root
};

using RolePtr = std::shared_ptr<const Role>;
using UserPtr = std::shared_ptr<const User>;
using GroupPtr = std::shared_ptr<const Group>;
using ManagedPolicyPtr = std::shared_ptr<const ManagedPolicy>;
using AccessKeyPtr = std::shared_ptr<const AccessKey>;
using AccountPtr = std::shared_ptr<const Account>;

}  // namespace identity
