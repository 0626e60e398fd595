#include "services/sagemaker/operations.hpp"

#include <array>

#include "services/sagemaker/classify.hpp"
#include "services/sagemaker/describe.hpp"

namespace services::sagemaker {
namespace {

using gate::Asking;
using gate::Needs;
using gate::operation;
using gate::Permit;
using training::JobId;
namespace own = model::trainwarden;

// Session tag chaining passes on the tags of the caller's session, not those of the role behind it. A source identity stays
// with whatever a session starts, as through role chaining.
training::NewJob new_job(const Permit& permit, JobId id, m::CreateTrainingJobRequest request) {
    return {std::move(id), std::move(request), permit.caller().session_tags, permit.caller().source_identity};
}

Result<m::CreateTrainingJobResponse> create(SageMaker& sagemaker, const Permit& permit, const m::CreateTrainingJobRequest& in,
                                            JobId&& id) {
    const auto created = TRY(sagemaker.training.create(new_job(permit, std::move(id), in)));
    return m::CreateTrainingJobResponse{.training_job_arn = created.id.arn()};
}

Result<model::Nothing> check(SageMaker& sagemaker, const Permit& permit, const own::CheckTrainingJobRequest&, AskedJob&& asked) {
    TRY(sagemaker.training.check(new_job(permit, std::move(asked.id), std::move(asked.request))));
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

Result<m::ListTrainingJobsResponse> list_jobs(SageMaker& sagemaker, const Permit& permit, const m::ListTrainingJobsRequest& in,
                                              Region&& region) {
    return list(sagemaker.training.list(permit.account(), region.name), in);
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

template <class Operation>
Result<Needs<JobId>> named_job_needs(const SageMaker& sagemaker, const Asking& asking, const typename Operation::Input& in) {
    return job_needs(sagemaker, asking, Operation::operation.name, in.training_job_name);
}

template <class Operation>
Result<Needs<JobId>> tags_needs(const SageMaker& sagemaker, const Asking& asking, const typename Operation::Input& in) {
    std::span<const m::Tag> tags;
    if constexpr (requires { in.tags; }) tags = in.tags;
    std::vector<std::string> keys;
    if constexpr (requires { in.tag_keys; }) keys = in.tag_keys;
    return tagging_needs(sagemaker, asking, Operation::operation.name, in.resource_arn, tags, std::move(keys));
}

template <class Operation, auto handle>
constexpr auto of_job = operation<Operation, handle, named_job_needs<Operation>>();
template <class Operation, auto handle>
constexpr auto of_tags = operation<Operation, handle, tags_needs<Operation>>();

constexpr auto operations = std::to_array<gate::Row<SageMaker>>({
    operation<m::CreateTrainingJob, create, create_needs>(),
    operation<own::CheckTrainingJob, check, check_needs>(),
    of_job<m::DescribeTrainingJob, describe_job>,
    of_job<m::StopTrainingJob, stop>,
    operation<m::UpdateTrainingJob, update, update_needs>(),
    of_job<m::DeleteTrainingJob, remove>,
    operation<m::ListTrainingJobs, list_jobs, list_needs>(),
    of_tags<m::AddTags, add_tags>,
    of_tags<m::ListTags, list_tags>,
    of_tags<m::DeleteTags, delete_tags>,
});

}  // namespace

void add_operations(gate::Registry& registry, training::Training& training) {
    gate::add_operations<SageMaker>(registry, SageMaker{training}, operations);
}

}  // namespace services::sagemaker
