// What decisions know of training jobs, and what models/sagemaker.yaml cannot say of a request.
#pragma once

#include "gate/describer.hpp"
#include "model/sagemaker/service.hpp"
#include "training/training.hpp"

namespace services::sagemaker {

// A job's tags, under both aws:ResourceTag and sagemaker:ResourceTag; for UpdateTrainingJob, which may not change them, its
// instance types. Handlers get the training::JobId, whether there is such a job or not.
class Resources final : public gate::Resources {
public:
    explicit Resources(const training::Training& training) : training_(training) {}
    [[nodiscard]] base::Result<gate::Description> describe(const gate::Subject& subject) const override;
    [[nodiscard]] base::Result<gate::ResourcePage> each_resource(const gate::ResourceQuery& query) const override;
    [[nodiscard]] uint64_t version() const override { return training_.version(); }

private:
    const training::Training& training_;
};

// The value functions of models/sagemaker.yaml.
[[nodiscard]] model::sagemaker::Functions value_functions();

}  // namespace services::sagemaker
