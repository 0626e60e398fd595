// By which steps a principal that may not do something comes to do it: by acting as another user or role, or by changing what its own policies allow.
//
// Each step is some requests that the engine has decided as allowed, with the policies that there are after the steps before. Where a condition on a
// resource's tags keeps a request out and the principal may tag the resource, tagging it is one of the step's requests. docs/proof.md lists the
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
    size_t access_keys = 0;                         // of a user
};

// What of an account paths lead through.
struct AccountForPaths {
    std::string id, region;
    std::vector<std::string> regions = {};  // that are served; empty: `region` alone
    std::vector<HolderForPaths> holders;
    std::vector<GroupPolicies> groups;
    std::vector<ManagedPolicyForPaths> policies;
    // AWS's own policies that conditions on iam:PolicyARN let somebody attach; AdministratorAccess needs not be among them.
    std::vector<policy::AttachedPolicy> attachable = {};
};

struct Step {
    enum class Means : uint8_t {
        assume_role,            // sts:AssumeRole
        assume_role_as,         // sts:AssumeRole with the session's name, tags or source identity that policies ask for
        pass_role_to_job,       // iam:PassRole, sagemaker:CreateTrainingJob with the whole role
        pass_role_to_cut_job,   // the same, where policies let a job have only what it names
        open_slurm_session,     // trainwarden:OpenSlurmSession in the name of a user who may pass the role
        create_access_key,      // of another user
        update_trust,           // iam:UpdateAssumeRolePolicy, then sts:AssumeRole
        make_role,              // iam:CreateRole, then a policy of its own, sts:AssumeRole
        make_user,              // iam:CreateUser, then a policy of its own, iam:CreateAccessKey
        put_policy,             // iam:PutUserPolicy, iam:PutRolePolicy
        attach_policy,          // iam:AttachUserPolicy, iam:AttachRolePolicy, of one that there is or that is made
        put_group_policy,       // iam:PutGroupPolicy
        attach_group_policy,    // iam:AttachGroupPolicy
        create_policy_version,  // of an attached managed policy, or of the boundary
        set_default_version,    // of an attached managed policy
        add_to_group,           // iam:AddUserToGroup
        make_group,             // iam:CreateGroup, then a policy of its own, iam:AddUserToGroup
        rename_user,            // iam:UpdateUser: a name or path that policies ask for
        delete_boundary,        // iam:DeleteUserPermissionsBoundary, …Role…
        put_boundary,           // iam:PutUserPermissionsBoundary, …Role…
        delete_policy,          // iam:DeleteUserPolicy, …Role…: one that denies
        detach_policy,          // iam:DetachUserPolicy, …Role…: one that denies
        remove_from_group,      // iam:RemoveUserFromGroup: its policies deny
        delete_group_policy,    // iam:DeleteGroupPolicy: one that denies
        detach_group_policy,    // iam:DetachGroupPolicy: one that denies
        tag_principal,          // iam:TagUser, iam:TagRole: a tag that policies ask for
        untag_principal,        // iam:UntagUser, iam:UntagRole: one that keeps it out
        put_bucket_policy,      // s3:PutBucketPolicy
        delete_bucket_policy,   // s3:DeleteBucketPolicy: one that denies
        put_object_tags,        // s3:PutObjectTagging: tags that policies ask for
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
    size_t conditions_max = 256;    // values that policies ask for of one principal's own keys
    size_t work_max = 600'000'000;  // of all questions together (automaton.hpp)
    size_t pairs_max = 2'000;       // of principals that one comes to act as, for what one of them does for another
    size_t states_max = 5'000;      // users and roles, with what has been changed of them
    size_t changes_max = 3;         // of one of them
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
