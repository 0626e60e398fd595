// Roles for jobs that people give to Slurm themselves (docs/slurm.md): what the prolog and the epilog of its machines ask for.
//
// The asker is the machine: it needs `trainwarden:OpenSlurmSession` on the role. Whether the job may have the role is decided for
// the user whose job it is, as for CreateTrainingJob: `iam:PassRole` on the role with iam:PassedToService
// sagemaker.amazonaws.com, iam:AssociatedResourceArn …:training-job/slurm-ID and trainwarden:TrainingScope `role` (nothing says
// what the job needs of it). That decision is on the record, under the id of the asker's request.
#pragma once

#include <string>

#include "gate/decider.hpp"
#include "gate/gate.hpp"
#include "identity/directory.hpp"
#include "training/slurm_sessions.hpp"

namespace services::trainwarden {

// All outlive the registry.
struct SlurmDependencies {
    identity::Directory* directory = nullptr;
    training::SlurmSessions* sessions = nullptr;
    const gate::Decider* decider = nullptr;
    gate::ServiceActs* acts = nullptr;  // learns what these operations make SageMaker do
    const gate::Describer* describer = nullptr;
};

void add_slurm_operations(gate::Registry& registry, SlurmDependencies parts);

}  // namespace services::trainwarden
