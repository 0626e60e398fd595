#include "training/role_needs.hpp"

#include "training/channel.hpp"

namespace training {

std::vector<RoleNeed> role_needs(const Plan& plan) {
    using enum RoleNeed::Kind;
    std::vector<RoleNeed> needs;
    for (const Channel& channel : plan.channels)
        needs.push_back({find_objects, listed_prefix(channel), "input data source", &channel});
    needs.push_back({find_bucket, {plan.output.bucket, ""}, "output data config"});
    if (plan.checkpoints) needs.push_back({find_bucket, {plan.checkpoints->destination.bucket, ""}, "checkpoint config"});
    if (plan.submit_directory) needs.push_back({find_bucket, {plan.submit_directory->bucket, ""}, "sagemaker_submit_directory"});
    for (const Channel& channel : plan.channels) {
        if (channel.manifest)
            needs.push_back({read, channel.source, "input data source"});
        else
            needs.push_back({read_first, listed_prefix(channel), "input data source", &channel});
    }
    if (plan.submit_directory) needs.push_back({read, *plan.submit_directory, "sagemaker_submit_directory"});
    if (plan.checkpoints) needs.push_back({list, plan.checkpoints->destination, "checkpoint config"});
    needs.push_back({write,
                     {plan.output.bucket, plan.output.key + "/output/" + (plan.compress_output ? "model.tar.gz" : "model/")},
                     "output data config"});
    return needs;
}

}  // namespace training
