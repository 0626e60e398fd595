// What SageMaker does of its own for CreateTrainingJob, before it answers: it assumes the job's role, and looks whether the role can do what the
// job needs. Described here for who asks in advance; done by training::Training, in the same order, from the same lists (gate::role_assumption,
// training::role_needs).
#pragma once

#include "gate/gate.hpp"
#include "gate/service_acts.hpp"
#include "identity/directory.hpp"

namespace services::sagemaker {

// Of CreateTrainingJob, and of CheckTrainingJob, which asks whether such a request would be taken. All outlive `acts`.
void add_acts(gate::ServiceActs& acts, const gate::Registry& registry, const identity::Directory& directory);

}  // namespace services::sagemaker
