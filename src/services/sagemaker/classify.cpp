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

#include "model/json.hpp"
#include "model/words.hpp"
#include "policy/arn.hpp"
#include "training/kept_request.hpp"
#include "training/plan.hpp"

namespace services::sagemaker {

using gate::Access;
using gate::Asking;
using gate::Needs;
using training::JobId;

namespace {

JobId job_of(const Asking& asking, std::string_view name) {
    return {asking.caller.principal.account, std::string(asking.region), std::string(name)};
}

void set_if_given(policy::Context& context, std::string_view key, const std::optional<int32_t>& value) {
    if (value) context.set(key, std::to_string(*value));
}

void set_flag(policy::Context& context, std::string_view key, bool value) { context.set(key, value ? "true" : "false"); }

void set_list_if_given(policy::Context& context, std::string_view key, std::vector<std::string> values) {
    if (!values.empty()) context.set_list(key, std::move(values));
}

void set_request_tags(policy::Context& context, std::span<const m::Tag> tags) {
    std::vector<std::string> keys;
    for (const auto& tag : tags) {
        context.set("aws:RequestTag/" + tag.key, tag.value);
        keys.push_back(tag.key);
    }
    set_list_if_given(context, "aws:TagKeys", std::move(keys));
}

void set_resource_tags(policy::Context& context, const training::Tags& tags) {
    for (const auto& [key, value] : tags) {
        context.set("aws:ResourceTag/" + key, value);
        context.set("sagemaker:ResourceTag/" + key, value);
    }
}

void set_file_systems(policy::Context& context, std::span<const m::Channel> channels) {
    for (const auto& channel : channels) {
        const auto& source = channel.data_source.file_system_data_source;
        if (!source) continue;
        context.set("sagemaker:FileSystemId", source->file_system_id);
        context.set("sagemaker:FileSystemAccessMode", std::string(model::word_of(source->file_system_access_mode)));
        context.set("sagemaker:FileSystemType", std::string(model::word_of(source->file_system_type)));
        context.set("sagemaker:FileSystemDirectoryPath", source->directory_path);
    }
}

void set_instance_types(policy::Context& context, const m::ResourceConfig& resources) {
    std::vector<std::string> types;
    const auto add = [&](m::TrainingInstanceType type) { types.emplace_back(model::word_of(type)); };
    if (resources.instance_type) add(*resources.instance_type);
    for (const auto& group : model::items(resources.instance_groups)) add(group.instance_type);
    for (const auto& wish : model::items(resources.instance_preferences)) add(wish.instance_type);
    set_list_if_given(context, "sagemaker:InstanceTypes", std::move(types));
}

// "The ARN of the key-id must be used", says the reference of its condition keys; requests may also say the key's id or alias.
std::string kms_arn(const JobId& job, std::string_view key) {
    if (key.starts_with("arn:")) return std::string(key);
    return "arn:aws:kms:" + job.region + ":" + job.account + (key.starts_with("alias/") ? ":" : ":key/") + std::string(key);
}

void set_kms_key(policy::Context& context, const JobId& job, const std::string& name, const std::optional<std::string>& key) {
    if (model::text(key).empty()) return;
    for (std::string_view ending : {"Arn", ""}) context.set(name + std::string(ending), kms_arn(job, *key));
}

// Anything else than the two is refused later; what it was is no condition key's value, which is recorded.
std::string scope_named(const m::CreateTrainingJobRequest& in) {
    std::string scope = training::scope_of(in);
    return scope == "job" || scope == "role" ? scope : "invalid";
}

policy::Context create_context(const JobId& job, const m::CreateTrainingJobRequest& in) {
    policy::Context context;
    set_flag(context, "sagemaker:NetworkIsolation", in.enable_network_isolation.value_or(false));
    set_flag(context, "sagemaker:InterContainerTrafficEncryption", in.enable_inter_container_traffic_encryption.value_or(false));
    set_flag(context, "sagemaker:EnableRemoteDebug",
             in.remote_debug_config && in.remote_debug_config->enable_remote_debug.value_or(false));
    if (in.resource_config) {
        set_instance_types(context, *in.resource_config);
        set_if_given(context, "sagemaker:KeepAlivePeriod", in.resource_config->keep_alive_period_in_seconds);
        set_kms_key(context, job, "sagemaker:VolumeKmsKey", in.resource_config->volume_kms_key_id);
    }
    if (in.stopping_condition)
        set_if_given(context, "sagemaker:MaxRuntimeInSeconds", in.stopping_condition->max_runtime_in_seconds);
    set_kms_key(context, job, "sagemaker:OutputKmsKey", in.output_data_config.kms_key_id);
    if (in.vpc_config) {
        set_list_if_given(context, "sagemaker:VpcSubnets", in.vpc_config->subnets);
        set_list_if_given(context, "sagemaker:VpcSecurityGroupIds", in.vpc_config->security_group_ids);
    }
    set_file_systems(context, model::items(in.input_data_config));
    set_request_tags(context, model::items(in.tags));
    context.set(training::scope_condition_key, scope_named(in));
    return context;
}

Access access_to(std::string_view operation_name, const JobId& job) {
    return {.action = "sagemaker:" + std::string(operation_name), .resource = job.arn()};
}

// Of another partition, region or account: not looked for, so that what is decided on is what is used.
Result<JobId> tagged_job(const Asking& asking, const std::string& arn) {
    const auto parsed = policy::parse_arn(arn);
    if (!parsed || parsed->partition != "aws" || parsed->service != "sagemaker")
        return base::fail("ValidationException", "The resource ARN " + arn + " is invalid: it begins with arn:aws:sagemaker:.");
    if (parsed->region != asking.region)
        return base::fail("ValidationException", "The resource " + arn + " is not in " + std::string(asking.region) +
                                                     ", where the request was made: send it to the region of the resource.");
    if (parsed->account != asking.caller.principal.account)
        return base::fail("AccessDenied", "The resource " + arn + " belongs to another account.");
    auto id = training::parse_job_arn(arn);
    if (!id)
        return base::fail("ValidationException",
                          "The resource " + arn + " is not a training job: other resources do not exist here.");
    return std::move(*id);
}

}  // namespace

Result<Needs<JobId>> create_needs(const SageMaker&, const Asking& asking, const m::CreateTrainingJobRequest& in) {
    const auto arn = policy::parse_arn(in.role_arn);
    if (!arn || arn->partition != "aws" || arn->service != "iam" || !arn->region.empty() || !arn->resource.starts_with("role/"))
        return base::fail("ValidationException", "RoleArn `" + in.role_arn + "` is not the ARN of a role");
    if (arn->account != asking.caller.principal.account)
        return base::fail("ValidationException", "Cross-account pass role is not allowed.");

    Needs<JobId> needs(job_of(asking, in.training_job_name));
    const JobId& job = needs.prepared;
    Access create = access_to("CreateTrainingJob", job);
    create.context = create_context(job, in);
    needs.add(std::move(create));
    Access pass{.action = "iam:PassRole", .resource = in.role_arn};
    pass.context.set("iam:PassedToService", training::service_principal);
    pass.context.set("iam:AssociatedResourceArn", job.arn());
    // So that a policy can let a role be passed to jobs that are cut to what they name, and to no others.
    pass.context.set(training::scope_condition_key, scope_named(in));
    needs.add(std::move(pass));
    if (const auto tags = model::items(in.tags); !tags.empty()) {
        Access tag = access_to("AddTags", job);
        tag.context.set("sagemaker:TaggingAction", "CreateTrainingJob");
        set_request_tags(tag.context, tags);
        needs.add(std::move(tag));
    }
    return needs;
}

Result<Needs<AskedJob>> check_needs(const SageMaker& sagemaker, const Asking& asking,
                                    const model::trainwarden::CheckTrainingJobRequest& in) {
    m::CreateTrainingJobRequest request;
    TRY(model::read_json(m::CreateTrainingJob::operation, in.request, &request));
    auto create = TRY(create_needs(sagemaker, asking, request));
    Needs<AskedJob> needs({std::move(create.prepared), std::move(request)});
    for (auto& access : std::move(create).accesses()) needs.add(std::move(access));
    return needs;
}

Result<Needs<JobId>> job_needs(const SageMaker& sagemaker, const Asking& asking, std::string_view operation_name,
                               const std::string& name) {
    Needs<JobId> needs(job_of(asking, name));
    Access access = access_to(operation_name, needs.prepared);
    // A job that does not exist has no tags; whether it exists is told only to those who may ask.
    if (const auto job = sagemaker.training.describe(needs.prepared)) set_resource_tags(access.context, job->tags);
    needs.add(std::move(access));
    return needs;
}

Result<Needs<JobId>> update_needs(const SageMaker& sagemaker, const Asking& asking, const m::UpdateTrainingJobRequest& in) {
    Needs<JobId> needs(job_of(asking, in.training_job_name));
    Access access = access_to("UpdateTrainingJob", needs.prepared);
    const auto job = sagemaker.training.describe(needs.prepared);
    if (job) set_resource_tags(access.context, job->tags);
    if (in.remote_debug_config && in.remote_debug_config->enable_remote_debug)
        set_flag(access.context, "sagemaker:EnableRemoteDebug", *in.remote_debug_config->enable_remote_debug);
    if (in.resource_config)
        set_if_given(access.context, "sagemaker:KeepAlivePeriod", in.resource_config->keep_alive_period_in_seconds);
    if (job && job->asked().resource_config) set_instance_types(access.context, *job->asked().resource_config);
    needs.add(std::move(access));
    return needs;
}

Result<Needs<Region>> list_needs(const SageMaker&, const Asking& asking, const m::ListTrainingJobsRequest&) {
    Needs<Region> needs({std::string(asking.region)});
    needs.add({.action = "sagemaker:ListTrainingJobs"});
    return needs;
}

Result<Needs<JobId>> tagging_needs(const SageMaker& sagemaker, const Asking& asking, std::string_view operation_name,
                                   const std::string& resource, std::span<const m::Tag> tags, std::vector<std::string> keys) {
    Needs<JobId> needs(TRY(tagged_job(asking, resource)));
    Access access = access_to(operation_name, needs.prepared);
    if (const auto job = sagemaker.training.describe(needs.prepared)) set_resource_tags(access.context, job->tags);
    set_request_tags(access.context, tags);
    set_list_if_given(access.context, "aws:TagKeys", std::move(keys));
    needs.add(std::move(access));
    return needs;
}

}  // namespace services::sagemaker
