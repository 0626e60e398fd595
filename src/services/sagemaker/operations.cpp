#include "services/sagemaker/operations.hpp"

#include <array>
#include <memory>

#include "gate/operation.hpp"
#include "model/json.hpp"
#include "model/sagemaker/tags.hpp"
#include "model/sagemaker/training_jobs.hpp"
#include "model/trainwarden/operations.hpp"
#include "services/sagemaker/describe.hpp"
#include "services/sagemaker/resources.hpp"
#include "training/request.hpp"

namespace services::sagemaker {
namespace {

namespace m = model::sagemaker;
namespace own = model::trainwarden;
using base::Result;
using gate::operation;
using gate::Permit;
using gate::RequestOrigin;
using gate::RequiredAccesses;
using training::JobId;

struct SageMaker {
    training::Training& training;
};

// Session tag chaining passes on the tags of the caller's session, not those of the role behind it. A source identity stays
// with whatever a session starts, as through role chaining.
training::NewJob new_job(const Permit& permit, m::CreateTrainingJobRequest request) {
    JobId id{permit.account(), permit.region(), request.training_job_name};
    return {std::move(id), std::move(request), permit.caller().session_tags, permit.caller().source_identity,
            permit.request_id()};
}

Result<m::CreateTrainingJobResponse> create(SageMaker& sagemaker, const Permit& permit, const m::CreateTrainingJobRequest& in) {
    const auto created = TRY(sagemaker.training.create(new_job(permit, in)));
    return m::CreateTrainingJobResponse{.training_job_arn = created.id.arn()};
}

// CheckTrainingJob brings CreateTrainingJob's input as text, which is validated and decided on like any other.
Result<RequiredAccesses<m::CreateTrainingJobRequest>> check_needs(const SageMaker&, const RequestOrigin& asking,
                                                                  const own::CheckTrainingJobRequest& in) {
    RequiredAccesses<m::CreateTrainingJobRequest> needs;
    TRY(model::read_json(m::CreateTrainingJob::operation, in.request, &needs.prepared));
    TRY(needs.add_declared(m::CreateTrainingJob::operation, &needs.prepared, asking, value_functions().list()));
    return needs;
}

Result<model::Nothing> check(SageMaker& sagemaker, const Permit& permit, const own::CheckTrainingJobRequest&,
                             m::CreateTrainingJobRequest&& asked) {
    TRY(sagemaker.training.check(new_job(permit, std::move(asked))));
    return {};
}

Result<model::Nothing> interrupt(SageMaker& sagemaker, const Permit&, const own::InterruptTrainingJobRequest&, JobId&& id) {
    TRY(sagemaker.training.interrupt(id));
    return {};
}

Result<m::DescribeTrainingJobResponse> describe_job(SageMaker& sagemaker, const Permit&, const m::DescribeTrainingJobRequest&,
                                                    JobId&& id) {
    return describe(TRY(sagemaker.training.describe(id)));
}

Result<model::Nothing> stop(SageMaker& sagemaker, const Permit&, const m::StopTrainingJobRequest&, JobId&& id) {
    TRY(sagemaker.training.stop(id));
    return {};
}

Result<m::UpdateTrainingJobResponse> update(SageMaker& sagemaker, const Permit&, const m::UpdateTrainingJobRequest& in,
                                            JobId&& id) {
    const auto updated = TRY(sagemaker.training.update(id, in));
    return m::UpdateTrainingJobResponse{.training_job_arn = updated.id.arn()};
}

Result<model::Nothing> remove(SageMaker& sagemaker, const Permit&, const m::DeleteTrainingJobRequest&, JobId&& id) {
    TRY(sagemaker.training.remove(id));
    return {};
}

Result<m::ListTrainingJobsResponse> list_jobs(SageMaker& sagemaker, const Permit& permit, const m::ListTrainingJobsRequest& in) {
    return list(sagemaker.training.list(permit.account(), permit.region()), in);
}

Result<m::AddTagsOutput> add_tags(SageMaker& sagemaker, const Permit&, const m::AddTagsInput& in, JobId&& id) {
    const auto tags = training::tags_of(in.tags);
    TRY(training::check_tags(tags));
    return m::AddTagsOutput{.tags = shown(TRY(sagemaker.training.add_tags(id, tags)))};
}

Result<m::ListTagsOutput> list_tags(SageMaker& sagemaker, const Permit&, const m::ListTagsInput&, JobId&& id) {
    // A job has at most 50 tags: always one page.
    return m::ListTagsOutput{.tags = shown(TRY(sagemaker.training.describe(id)).tags)};
}

Result<m::DeleteTagsOutput> delete_tags(SageMaker& sagemaker, const Permit&, const m::DeleteTagsInput& in, JobId&& id) {
    TRY(sagemaker.training.delete_tags(id, in.tag_keys));
    return m::DeleteTagsOutput{};
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<SageMaker>>({
    operation<m::CreateTrainingJob, create>(),
    operation<own::CheckTrainingJob, check, check_needs>(),
    operation<own::InterruptTrainingJob, interrupt>(),
    operation<m::DescribeTrainingJob, describe_job>(),
    operation<m::StopTrainingJob, stop>(),
    operation<m::UpdateTrainingJob, update>(),
    operation<m::DeleteTrainingJob, remove>(),
    operation<m::ListTrainingJobs, list_jobs>(),
    operation<m::AddTags, add_tags>(),
    operation<m::ListTags, list_tags>(),
    operation<m::DeleteTags, delete_tags>(),
});

}  // namespace

void add_operations(gate::Registry& registry, training::Training& training) {
    registry.describer().add("sagemaker", std::make_unique<Resources>(training));
    gate::add_operations<SageMaker>(registry, SageMaker{training}, operations, {.functions = value_functions().list()});
}

}  // namespace services::sagemaker
