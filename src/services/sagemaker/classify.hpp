// What each SageMaker call needs: actions, resources, condition keys.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "gate/gate.hpp"
#include "training/training.hpp"

namespace services::sagemaker {

using Accesses = base::Result<std::vector<gate::Access>>;

[[nodiscard]] Accesses classify_create(const identity::Caller& caller, const wire::Call& call);
// Describe, Stop, Delete: the job with the tags it has.
[[nodiscard]] Accesses classify_job(const training::Training& training, const identity::Caller& caller, const wire::Call& call);
[[nodiscard]] Accesses classify_update(const training::Training& training, const identity::Caller& caller,
                                       const wire::Call& call);
[[nodiscard]] Accesses classify_list(const wire::Call& call);
// The job that AddTags, ListTags and DeleteTags are about. They bring an ARN, which names a region and an account of its own:
// only one of the request's is taken, so that what is decided on is what is used. Other resources do not exist here.
[[nodiscard]] base::Result<training::JobId> tagged_job(const identity::Caller& caller, const wire::Call& call);
[[nodiscard]] Accesses classify_tagging(const training::Training& training, const identity::Caller& caller,
                                        const wire::Call& call);

}  // namespace services::sagemaker
