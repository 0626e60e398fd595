// Is a policy document written as it should be? AWS's published checks by their own names, and ours (docs/lint.md lists both).
//
// Source: IAM User Guide, "IAM policy validation check reference"; Access Analyzer API Reference, "ValidatePolicy".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lint/finding.hpp"

namespace lint {

// identity: of users, groups and roles; boundaries and session policies, too. resource: of a bucket, a role's trust policy.
enum class PolicyType : uint8_t { identity, resource, service_control, resource_control };

struct Limits {
    size_t document_bytes_max = 4UL * 1024 * 1024;  // of a larger document only its size is checked
    size_t findings_max = 5'000;                    // of one document
    size_t proved_bytes_max = 192UL * 1024;         // of a larger document it is not proved what its statements do
    size_t questions_max = 500;                     // that are put to the proof engine, of one document
    size_t asked_bytes_max = 16UL * 1024 * 1024;    // of the policies in all of them together
    size_t work_max = 40'000'000;                   // steps of all of them (proof/automaton.hpp)
    size_t unknown_max = 4;                         // that the engine's limits leave open: then nothing more is proved
    // Of a resource's policy, with who asks: statements, questions about them, and what each of those may ask the engine.
    size_t principal_statements_max = 64;
    size_t principal_questions_max = 200;
    size_t questions_of_principals_max = 500;
    size_t principal_work_max = 10'000'000;
    size_t comparisons_max = 500'000;  // of actions with actions, and of resources with resources
};

struct Options {
    PolicyType type = PolicyType::identity;
    // What a resource policy belongs to, in ValidatePolicy's words: `AWS::S3::Bucket`, `AWS::IAM::AssumeRolePolicyDocument`. Empty: any.
    std::string resource_type;
    bool own_checks = true;  // ours, too
    Limits limits = {};
};

struct Report {
    std::vector<Finding> findings;     // in the order of the document
    std::vector<std::string> unknown;  // what was not checked, and which limit is why; for people
};

// Never fails: what is no policy is a finding. Pure.
[[nodiscard]] Report check(std::string_view document, const Options& options);

// The findings alone.
[[nodiscard]] std::vector<Finding> validate(std::string_view document, PolicyType type, std::string_view resource_type = {},
                                            const Limits& limits = {});

}  // namespace lint
