// What the role of a job must be able to do, asked before the job exists: AWS's sentences where there are any. `Training::create` asks it of a
// session of the role, need by need; `explain --operation sagemaker:CreateTrainingJob` says in advance what would come of it
// (services/sagemaker/acts.hpp). Pure.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "training/plan.hpp"

namespace training {

struct RoleNeed {
    enum class Kind : uint8_t {
        find_objects,  // s3:ListBucket, of a channel: something must be there
        find_bucket,   // the bucket is there; whether the role may list it is another matter
        list,          // s3:ListBucket
        read_first,    // s3:GetObject, on the first object below `where`
        read,          // s3:GetObject
        write,         // s3:PutObject
    };
    Kind kind;
    S3Uri where;                       // an object; of those that list, and of read_first, a prefix
    std::string_view given_in;         // of the request, as AWS's sentences call it
    const Channel* channel = nullptr;  // of the plan; of find_objects and read_first
};

// In the order in which they are asked. They point into the plan.
[[nodiscard]] std::vector<RoleNeed> role_needs(const Plan& plan);

}  // namespace training
