// By which steps a principal that may not do something comes to do it: by acting as another user or role, or by changing what its own policies allow.
//
// Each step is some requests that the engine has decided as allowed, with the policies that there are after the steps before. docs/proof.md lists the
// kinds. What is searched for is the fewest steps from each principal.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "proof/reach.hpp"

namespace proof {

// A group's policies.
struct GroupPolicies {
    std::string arn, name;
    std::vector<policy::AttachedPolicy> policies;
};

// A managed policy of the account, which can be changed.
struct ManagedPolicyForPaths {
    struct Version {
        std::string id;
        policy::PolicyPtr policy;
    };
    std::string arn, default_version;
    policy::Context keys;  // aws:ResourceTag/…
    std::vector<Version> versions;
};

// A user or a role.
struct HolderForPaths {
    Asker asker;
    std::string arn, name;
    bool is_role = false;
    policy::Context keys;                           // of it as a resource: aws:ResourceTag/…, iam:PermissionsBoundary
    const policy::AttachedPolicy* trust = nullptr;  // of a role
    std::vector<uint32_t> groups;                   // of a user: indexes
};

// What of an account paths lead through.
struct AccountForPaths {
    std::string id, region;
    std::vector<HolderForPaths> holders;
    std::vector<GroupPolicies> groups;
    std::vector<ManagedPolicyForPaths> policies;
};

struct Step {
    enum class Means : uint8_t {
        assume_role,            // sts:AssumeRole
        pass_role_to_job,       // iam:PassRole, sagemaker:CreateTrainingJob with the whole role
        pass_role_to_cut_job,   // the same, where policies let a job have only what it names
        create_access_key,      // of another user
        update_trust,           // iam:UpdateAssumeRolePolicy, then sts:AssumeRole
        make_role,              // iam:CreateRole, then a policy of its own, sts:AssumeRole
        make_user,              // iam:CreateUser, then a policy of its own, iam:CreateAccessKey
        put_policy,             // iam:PutUserPolicy, iam:PutRolePolicy
        attach_policy,          // iam:AttachUserPolicy, iam:AttachRolePolicy
        put_group_policy,       // iam:PutGroupPolicy
        attach_group_policy,    // iam:AttachGroupPolicy
        create_policy_version,  // of an attached managed policy, or of the boundary
        set_default_version,    // of an attached managed policy
        add_to_group,           // iam:AddUserToGroup
        delete_boundary,        // iam:DeleteUserPermissionsBoundary, …Role…
        put_boundary,           // iam:PutUserPermissionsBoundary, …Role…
        delete_policy,          // iam:DeleteUserPolicy, …Role…: one that denies
        detach_policy,          // iam:DetachUserPolicy, …Role…: one that denies
        remove_from_group,      // iam:RemoveUserFromGroup: its policies deny
        put_bucket_policy,      // s3:PutBucketPolicy
        delete_bucket_policy,   // s3:DeleteBucketPolicy: one that denies
    };
    Means means = Means::assume_role;
    std::string from, to;  // ARNs: who takes the step, as whom, or with whose permissions, it goes on
    std::string on;        // what is changed or passed: an ARN
    std::vector<WayIn> requests;
};

struct Path {
    uint32_t holder = 0;      // who begins
    std::vector<Step> steps;  // at least one
};

struct PathLimits {
    size_t questions_max = 100'000;
    size_t states_max = 5'000;  // users and roles, with what has been changed of them
    size_t changes_max = 3;     // of one of them
    Limits each{.automaton_states_max = 20'000, .solver_steps_max = 100'000, .conflicts_max = 10'000, .tries_max = 8};
};

struct Paths {
    std::vector<Path> paths;           // one for each holder that has some; the shortest first
    std::string open;                  // not empty: what cut the search off, or could not be told
    std::shared_ptr<const void> kept;  // what the paths' statements point to
};

// Of the holders that may not do it now. The account and the targets must outlive the answer.
[[nodiscard]] Paths find_paths(const AccountForPaths& account, std::span<const Target> targets, const policy::Context& known,
                               const PathLimits& limits = {});

// AssumeRole, PassRoleToTrainingJob, …
[[nodiscard]] std::string_view name_of(Step::Means means);

}  // namespace proof
