#include "services/sagemaker/operations.hpp"

#include "services/sagemaker/classify.hpp"
#include "services/sagemaker/describe.hpp"
#include "training/request.hpp"
#include "wire/model.hpp"

namespace services::sagemaker {
namespace {

using text::Json;
using training::JobId;
using training::Training;
using Answered = base::Result<wire::Answer>;

wire::Answer answer(Json output) {
    wire::Answer result;
    result.output = std::move(output);
    return result;
}

JobId job_of(const gate::Permit& permit, const wire::Call& call) {
    return {permit.account(), call.region, call.input["TrainingJobName"].as_string()};
}

Answered create(Training& training, const gate::Permit& permit, wire::Call& call) {
    // Session tag chaining passes on the tags of the caller's session, not those of the role behind it. A source identity stays
    // with whatever a session starts, as through role chaining.
    training::NewJob job{job_of(permit, call), call.input, permit.caller().session_tags, permit.caller().source_identity};
    auto created = TRY(training.create(std::move(job)));
    return answer(Json::object({{"TrainingJobArn", created.id.arn()}}));
}

// CheckTrainingJob brings CreateTrainingJob's input as text: here is the call that it asks about, validated like any other.
base::Result<wire::Call> asked_call(const wire::Call& call) {
    const wire::ServiceModel* service = wire::find_service("sagemaker");
    const wire::OperationModel* operation = service->find("CreateTrainingJob");
    wire::Call asked;
    asked.service = "sagemaker";
    asked.operation = "CreateTrainingJob";
    asked.region = call.region;
    asked.input = TRY(wire::decode_json_input(*service, *operation, call.input["Request"].as_string()));
    return asked;
}

Answered check(Training& training, const gate::Permit& permit, wire::Call& call) {
    wire::Call asked = TRY(asked_call(call));
    TRY(training.check({job_of(permit, asked), asked.input, permit.caller().session_tags, permit.caller().source_identity}));
    return answer(Json::object());
}

Answered add_tags(Training& training, const gate::Permit& permit, wire::Call& call) {
    TRY(training::check_tags(call.input["Tags"]));
    training::Tags tags;
    for (const auto& tag : call.input["Tags"].items()) tags.emplace_back(tag["Key"].as_string(), tag["Value"].as_string());
    JobId id = TRY(tagged_job(permit.caller(), call));
    auto all = TRY(training.add_tags(id, tags));
    return answer(Json::object({{"Tags", tags_json(all)}}));
}

Answered list_tags(Training& training, const gate::Permit& permit, wire::Call& call) {
    JobId id = TRY(tagged_job(permit.caller(), call));
    auto job = TRY(training.describe(id));
    // A job has at most 50 tags: always one page.
    return answer(Json::object({{"Tags", tags_json(job.tags)}}));
}

Answered delete_tags(Training& training, const gate::Permit& permit, wire::Call& call) {
    std::vector<std::string> keys;
    for (const auto& key : call.input["TagKeys"].items()) keys.push_back(key.as_string());
    JobId id = TRY(tagged_job(permit.caller(), call));
    TRY(training.delete_tags(id, keys));
    return answer(Json::object());
}

}  // namespace

void add_operations(gate::Registry& registry, Training& training) {
    Training* jobs = &training;
    auto about_job = [jobs](const identity::Caller& caller, wire::Call& call) { return classify_job(*jobs, caller, call); };
    auto about_tags = [jobs](const identity::Caller& caller, wire::Call& call) { return classify_tagging(*jobs, caller, call); };
    registry.add({.service = "sagemaker",
                  .name = "CreateTrainingJob",
                  .classify = [](const identity::Caller& caller, wire::Call& call) { return classify_create(caller, call); },
                  .handle = [jobs](const gate::Permit& permit, wire::Call& call) { return create(*jobs, permit, call); }});
    registry.add({.service = "trainwarden",
                  .name = "CheckTrainingJob",
                  .classify = [](const identity::Caller& caller, wire::Call& call) -> Accesses {
                      return classify_create(caller, TRY(asked_call(call)));
                  },
                  .handle = [jobs](const gate::Permit& permit, wire::Call& call) { return check(*jobs, permit, call); }});
    registry.add({.service = "sagemaker",
                  .name = "DescribeTrainingJob",
                  .classify = about_job,
                  .handle = [jobs](const gate::Permit& permit, wire::Call& call) -> Answered {
                      return answer(describe(TRY(jobs->describe(job_of(permit, call)))));
                  }});
    registry.add({.service = "sagemaker",
                  .name = "StopTrainingJob",
                  .classify = about_job,
                  .handle = [jobs](const gate::Permit& permit, wire::Call& call) -> Answered {
                      TRY(jobs->stop(job_of(permit, call)));
                      return answer(Json::object());
                  }});
    registry.add(
        {.service = "sagemaker",
         .name = "UpdateTrainingJob",
         .classify = [jobs](const identity::Caller& caller, wire::Call& call) { return classify_update(*jobs, caller, call); },
         .handle = [jobs](const gate::Permit& permit, wire::Call& call) -> Answered {
             auto updated = TRY(jobs->update(job_of(permit, call), call.input));
             return answer(Json::object({{"TrainingJobArn", updated.id.arn()}}));
         }});
    registry.add({.service = "sagemaker",
                  .name = "DeleteTrainingJob",
                  .classify = about_job,
                  .handle = [jobs](const gate::Permit& permit, wire::Call& call) -> Answered {
                      TRY(jobs->remove(job_of(permit, call)));
                      return answer(Json::object());
                  }});
    registry.add({.service = "sagemaker",
                  .name = "ListTrainingJobs",
                  .classify = [](const identity::Caller&, wire::Call& call) { return classify_list(call); },
                  .handle = [jobs](const gate::Permit& permit, wire::Call& call) -> Answered {
                      return answer(TRY(list(jobs->list(permit.account(), call.region), call.input)));
                  }});
    registry.add({.service = "sagemaker",
                  .name = "AddTags",
                  .classify = about_tags,
                  .handle = [jobs](const gate::Permit& permit, wire::Call& call) { return add_tags(*jobs, permit, call); }});
    registry.add({.service = "sagemaker",
                  .name = "ListTags",
                  .classify = about_tags,
                  .handle = [jobs](const gate::Permit& permit, wire::Call& call) { return list_tags(*jobs, permit, call); }});
    registry.add({.service = "sagemaker",
                  .name = "DeleteTags",
                  .classify = about_tags,
                  .handle = [jobs](const gate::Permit& permit, wire::Call& call) { return delete_tags(*jobs, permit, call); }});
}

}  // namespace services::sagemaker
