// What SageMaker does of its own for CreateTrainingJob, before it answers: it assumes the job's role, and looks whether the role can do what the
// job needs. Described here for who asks in advance; done by training::Training, in the same order, from the same lists (gate::role_assumption,
// training::role_needs, listing_accesses).
#pragma once

#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "gate/gate.hpp"
#include "gate/service_acts.hpp"
#include "identity/directory.hpp"
#include "training/job_data.hpp"

namespace services::sagemaker {

// What the request needs by which a job's role looks whether there is something below a prefix. A bucket that is not there is decided as
// one without a policy: the answer to who may not list does not tell whether it is. Errors: those of ListObjectsV2, but NoSuchBucket.
[[nodiscard]] base::Result<std::vector<gate::Access>> listing_accesses(const gate::Registry& registry,
                                                                       const identity::Caller& session, std::string_view region,
                                                                       const training::S3Uri& prefix);

// Of CreateTrainingJob, and of CheckTrainingJob, which asks whether such a request would be taken. All outlive `acts`.
void add_acts(gate::ServiceActs& acts, const gate::Registry& registry, const identity::Directory& directory);

}  // namespace services::sagemaker
