// The instance types of this machine: what an `ml.*` name stands for here and how many of them an account may use at once.
//
// By default every type that AWS offers for training stands for its own size, cut to this machine's: ml.m5.large is 2 cores and
// 8 GiB, ml.m5.24xlarge is the whole machine. A type with GPUs needs GPUs: on a machine without any, its quota is 0.
// A file replaces the whole table (docs/train.md):
//
//     {"ml.m5.large": {"Cores": 2, "MemoryInGiB": 8, "Gpus": 0, "Count": 4, "SpotCount": 2}, …}
//
// `Count` is the quota `TYPE for training job usage` of each account and region, `SpotCount` the one of `TYPE for spot training
// job usage` (by default the same number); a type that is not listed has none. Sources: Amazon SageMaker pricing, "ML instance
// types" (sizes); AWS General Reference, "SageMaker AI quotas" (names of quotas).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace training {

struct Machine {
    unsigned cores = 1;
    uint64_t memory_bytes = 0;
    unsigned gpus = 0;
};
[[nodiscard]] Machine this_machine();

struct InstanceType {
    unsigned cores = 1;
    uint64_t memory_bytes = 0;
    unsigned gpus = 0;
    int count = 0;       // instances in use at once, of one account and region
    int spot_count = 0;  // the same for managed spot training
};

class InstanceTypes {
public:
    // AWS's sizes, cut to the machine.
    [[nodiscard]] static InstanceTypes of(const Machine& machine);
    // Of a type whose quota is 0: why, and what to use instead.
    [[nodiscard]] std::string why_none(const std::string& name) const;
    // A configured table; sizes that it leaves out are AWS's, cut to the machine. Error `InvalidConfiguration` names the entry.
    [[nodiscard]] static base::Result<InstanceTypes> parse(std::string_view json, const Machine& machine);
    [[nodiscard]] InstanceType find(const std::string& name) const;
    // The types that a configured table lists.
    [[nodiscard]] std::vector<std::string> listed() const;
    // Instances in use at once, of all types and accounts.
    [[nodiscard]] int total() const;

private:
    Machine machine_;
    bool is_configured_ = false;
    std::map<std::string, InstanceType> listed_;
};

// The names of quotas, as AWS's messages quote them.
[[nodiscard]] std::string quota_name(const std::string& instance_type, bool spot);

// AWS's sentence. `unit` is Instances or Seconds.
[[nodiscard]] base::Error limit_exceeded(const std::string& quota, int64_t limit, int64_t in_use, int64_t wanted,
                                         std::string_view unit = "Instances");

}  // namespace training
