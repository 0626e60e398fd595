// Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon SageMaker"; SageMaker Developer
// Guide, "Identity-based policy examples" (what published policies test with Null, ForAllValues and Bool).
//
//   key                                       from the request                          type
//   sagemaker:InstanceTypes                   ResourceConfig.InstanceType               list
//   sagemaker:VpcSubnets, VpcSecurityGroupIds VpcConfig                                 list
//   sagemaker:NetworkIsolation, InterContainerTrafficEncryption, EnableRemoteDebug      Bool, false when not said
//   sagemaker:MaxRuntimeInSeconds             StoppingCondition                         Numeric
//   sagemaker:KeepAlivePeriod                 ResourceConfig.KeepAlivePeriodInSeconds   Numeric
//   sagemaker:OutputKmsKeyArn, VolumeKmsKeyArn (and OutputKmsKey, VolumeKmsKey, deprecated but used)   ARN
//   sagemaker:FileSystemId, …AccessMode, …Type, …DirectoryPath    the channels' FileSystemDataSource
//   trainwarden:TrainingScope                 Environment.TRAINWARDEN_SCOPE             String, `job` when not said; also of
//   PassRole
#include "services/sagemaker/classify.hpp"

#include "policy/arn.hpp"
#include "training/plan.hpp"
#include "training/request.hpp"

namespace services::sagemaker {
namespace {

using text::Json;

training::JobId job_of(const identity::Caller& caller, const wire::Call& call) {
    return {caller.principal.account, call.region, call.input["TrainingJobName"].as_string()};
}

void set_if_given(policy::Context& context, std::string_view key, const Json& value) {
    if (value.is_string() || value.is_number()) context.set(key, value.as_string());
}

void set_list_if_given(policy::Context& context, std::string_view key, const Json& list) {
    std::vector<std::string> values;
    for (const auto& item : list.items()) values.push_back(item.as_string());
    if (!values.empty()) context.set_list(key, std::move(values));
}

void set_request_tags(policy::Context& context, const Json& tags) {
    std::vector<std::string> keys;
    for (const auto& tag : tags.items()) {
        context.set("aws:RequestTag/" + tag["Key"].as_string(), tag["Value"].as_string());
        keys.push_back(tag["Key"].as_string());
    }
    if (!keys.empty()) context.set_list("aws:TagKeys", std::move(keys));
}

void set_resource_tags(policy::Context& context, const training::Tags& tags) {
    for (const auto& [key, value] : tags) {
        context.set("aws:ResourceTag/" + key, value);
        context.set("sagemaker:ResourceTag/" + key, value);
    }
}

void set_file_systems(policy::Context& context, const Json& channels) {
    for (const auto& channel : channels.items()) {
        const Json& source = channel["DataSource"]["FileSystemDataSource"];
        set_if_given(context, "sagemaker:FileSystemId", source["FileSystemId"]);
        set_if_given(context, "sagemaker:FileSystemAccessMode", source["FileSystemAccessMode"]);
        set_if_given(context, "sagemaker:FileSystemType", source["FileSystemType"]);
        set_if_given(context, "sagemaker:FileSystemDirectoryPath", source["DirectoryPath"]);
    }
}

void set_instance_types(policy::Context& context, const Json& resources) {
    std::vector<std::string> types;
    if (resources["InstanceType"].is_string()) types.push_back(resources["InstanceType"].as_string());
    for (const auto& group : resources["InstanceGroups"].items()) types.push_back(group["InstanceType"].as_string());
    for (const auto& wish : resources["InstancePreferences"].items()) types.push_back(wish["InstanceType"].as_string());
    if (!types.empty()) context.set_list("sagemaker:InstanceTypes", std::move(types));
}

// "The ARN of the key-id must be used", says the reference of its condition keys; requests may also say the key's id or alias.
std::string kms_arn(const training::JobId& job, const std::string& key) {
    if (key.starts_with("arn:")) return key;
    return "arn:aws:kms:" + job.region + ":" + job.account + (key.starts_with("alias/") ? ":" : ":key/") + key;
}

void set_kms_key(policy::Context& context, const training::JobId& job, const std::string& name, const Json& key) {
    if (key.as_string().empty()) return;
    for (std::string_view ending : {"Arn", ""}) context.set(name + std::string(ending), kms_arn(job, key.as_string()));
}

// Anything else than the two is refused later; what it was is no condition key's value, which is recorded.
std::string scope_named(const Json& input) {
    std::string scope = training::scope_of(input);
    return scope == "job" || scope == "role" ? scope : "invalid";
}

policy::Context create_context(const training::JobId& job, const Json& input) {
    policy::Context context;
    auto set_flag = [&](std::string_view key, const Json& value) { context.set(key, value.as_bool() ? "true" : "false"); };
    set_flag("sagemaker:NetworkIsolation", input["EnableNetworkIsolation"]);
    set_flag("sagemaker:InterContainerTrafficEncryption", input["EnableInterContainerTrafficEncryption"]);
    set_flag("sagemaker:EnableRemoteDebug", input["RemoteDebugConfig"]["EnableRemoteDebug"]);
    const Json& resources = input["ResourceConfig"];
    set_instance_types(context, resources);
    set_if_given(context, "sagemaker:KeepAlivePeriod", resources["KeepAlivePeriodInSeconds"]);
    set_if_given(context, "sagemaker:MaxRuntimeInSeconds", input["StoppingCondition"]["MaxRuntimeInSeconds"]);
    set_kms_key(context, job, "sagemaker:VolumeKmsKey", resources["VolumeKmsKeyId"]);
    set_kms_key(context, job, "sagemaker:OutputKmsKey", input["OutputDataConfig"]["KmsKeyId"]);
    set_list_if_given(context, "sagemaker:VpcSubnets", input["VpcConfig"]["Subnets"]);
    set_list_if_given(context, "sagemaker:VpcSecurityGroupIds", input["VpcConfig"]["SecurityGroupIds"]);
    set_file_systems(context, input["InputDataConfig"]);
    set_request_tags(context, input["Tags"]);
    context.set(training::scope_condition_key, scope_named(input));
    return context;
}

}  // namespace

Accesses classify_create(const identity::Caller& caller, const wire::Call& call) {
    const Json& input = call.input;
    std::string job = job_of(caller, call).arn();
    const std::string& role = input["RoleArn"].as_string();
    auto arn = policy::parse_arn(role);
    if (!arn || arn->partition != "aws" || arn->service != "iam" || !arn->region.empty() || !arn->resource.starts_with("role/"))
        return base::fail("ValidationException", "RoleArn `" + role + "` is not the ARN of a role");
    if (arn->account != caller.principal.account)
        return base::fail("ValidationException", "Cross-account pass role is not allowed.");

    gate::Access create;
    create.action = "sagemaker:CreateTrainingJob";
    create.resource = job;
    create.context = create_context(job_of(caller, call), input);
    gate::Access pass;
    pass.action = "iam:PassRole";
    pass.resource = role;
    pass.context.set("iam:PassedToService", training::service_principal);
    pass.context.set("iam:AssociatedResourceArn", job);
    // So that a policy can let a role be passed to jobs that are cut to what they name, and to no others.
    pass.context.set(training::scope_condition_key, scope_named(input));
    std::vector<gate::Access> accesses{create, pass};
    if (input["Tags"].size() > 0) {
        gate::Access tag;
        tag.action = "sagemaker:AddTags";
        tag.resource = job;
        tag.context.set("sagemaker:TaggingAction", "CreateTrainingJob");
        set_request_tags(tag.context, input["Tags"]);
        accesses.push_back(std::move(tag));
    }
    return accesses;
}

Accesses classify_job(const training::Training& training, const identity::Caller& caller, const wire::Call& call) {
    auto id = job_of(caller, call);
    gate::Access access;
    access.action = "sagemaker:" + call.operation;
    access.resource = id.arn();
    // A job that does not exist has no tags; whether it exists is told only to those who may ask.
    if (auto job = training.describe(id)) set_resource_tags(access.context, job->tags);
    return std::vector<gate::Access>{access};
}

Accesses classify_update(const training::Training& training, const identity::Caller& caller, const wire::Call& call) {
    auto accesses = TRY(classify_job(training, caller, call));
    policy::Context& context = accesses.front().context;
    const Json& debug = call.input["RemoteDebugConfig"]["EnableRemoteDebug"];
    if (debug.is_bool()) context.set("sagemaker:EnableRemoteDebug", debug.as_bool() ? "true" : "false");
    set_if_given(context, "sagemaker:KeepAlivePeriod", call.input["ResourceConfig"]["KeepAlivePeriodInSeconds"]);
    if (auto job = training.describe(job_of(caller, call))) set_instance_types(context, job->request["ResourceConfig"]);
    return accesses;
}

Accesses classify_list(const wire::Call& call) { return std::vector<gate::Access>{{.action = "sagemaker:" + call.operation}}; }

base::Result<training::JobId> tagged_job(const identity::Caller& caller, const wire::Call& call) {
    const std::string& arn = call.input["ResourceArn"].as_string();
    const auto parsed = policy::parse_arn(arn);
    if (!parsed || parsed->partition != "aws" || parsed->service != "sagemaker")
        return base::fail("ValidationException", "The resource ARN " + arn + " is invalid: it begins with arn:aws:sagemaker:.");
    if (parsed->region != call.region)
        return base::fail("ValidationException", "The resource " + arn + " is not in " + call.region +
                                                     ", where the request was made: send it to the region of the resource.");
    if (parsed->account != caller.principal.account)
        return base::fail("AccessDenied", "The resource " + arn + " belongs to another account.");
    auto id = training::parse_job_arn(arn);
    if (!id)
        return base::fail("ValidationException",
                          "The resource " + arn + " is not a training job: other resources do not exist here.");
    return std::move(*id);
}

Accesses classify_tagging(const training::Training& training, const identity::Caller& caller, const wire::Call& call) {
    const training::JobId id = TRY(tagged_job(caller, call));
    gate::Access access;
    access.action = "sagemaker:" + call.operation;
    access.resource = id.arn();
    if (auto job = training.describe(id)) set_resource_tags(access.context, job->tags);
    if (call.operation == "AddTags") set_request_tags(access.context, call.input["Tags"]);
    if (call.operation == "DeleteTags") set_list_if_given(access.context, "aws:TagKeys", call.input["TagKeys"]);
    return std::vector<gate::Access>{access};
}

}  // namespace services::sagemaker
