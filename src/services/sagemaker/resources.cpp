// Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon SageMaker".
#include "services/sagemaker/resources.hpp"

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "gate/refusal.hpp"
#include "model/words.hpp"
#include "policy/arn.hpp"
#include "training/request.hpp"
#include "training/stored_request.hpp"

namespace services::sagemaker {
namespace {

namespace m = model::sagemaker;
using base::Result;
using gate::Description;
using gate::Existence;
using Values = Result<model::NamedValues>;
using Arguments = std::span<const std::optional<std::string>>;

std::vector<std::string> instance_types(const m::ResourceConfig& resources) {
    std::vector<std::string> types;
    const auto add = [&](m::TrainingInstanceType type) { types.emplace_back(model::word_of(type)); };
    if (resources.instance_type) add(*resources.instance_type);
    for (const auto& group : model::items(resources.instance_groups)) add(group.instance_type);
    for (const auto& wish : model::items(resources.instance_preferences)) add(wish.instance_type);
    return types;
}

// "The ARN of the key-id must be used", says the reference of its condition keys; requests may also say the key's id or alias.
Values kms_arn(const model::RequestOrigin& where, Arguments key_id) {
    const std::string key = key_id[0].value_or("");
    if (key.empty()) return model::NamedValues{};
    if (key.starts_with("arn:")) return model::NamedValues{{"", key}};
    return model::NamedValues{{"", "arn:aws:kms:" + std::string(where.region) + ":" + std::string(where.account) +
                                       (key.starts_with("alias/") ? ":" : ":key/") + key}};
}

// Anything else than the two is refused later; what it was is not a condition key's value, which is recorded.
Values scope(const model::RequestOrigin&, Arguments variable) {
    const std::string said = variable[0].value_or("job");
    return model::NamedValues{{"", said == "job" || said == "role" ? said : "invalid"}};
}

Values own_role(const model::RequestOrigin& where, Arguments role) {
    const std::string text = role[0].value_or("");
    TRY(training::check_role_arn(text, where.account));
    return model::NamedValues{{"", text}};
}

// AddTags, ListTags and DeleteTags bring an ARN, which names a region and an account of its own: only one of the request's is
// taken, so that what is decided on is what is used. Other resources do not exist here.
Values tagged_job(const model::RequestOrigin& where, Arguments resource) {
    const std::string arn = resource[0].value_or("");
    const auto parsed = policy::parse_arn(arn);
    if (!parsed || parsed->partition != "aws" || parsed->service != "sagemaker")
        return base::fail(base::code::ValidationException,
                          "The resource ARN " + arn + " is invalid: it begins with arn:aws:sagemaker:.");
    if (parsed->region != where.region)
        return base::fail(base::code::ValidationException,
                          "The resource " + arn + " is not in " + std::string(where.region) +
                              ", where the request was made: send it to the region of the resource.");
    if (parsed->account != where.account) return gate::refuse("The resource " + arn + " belongs to another account.");
    const auto id = training::parse_job_arn(arn);
    if (!id)
        return base::fail(base::code::ValidationException,
                          "The resource " + arn + " is not a training job: other resources do not exist here.");
    return model::NamedValues{{"", id->arn()}};
}

}  // namespace

Result<Description> Resources::describe(const gate::Subject& subject) const {
    Description out{.arn = std::string(subject.text), .existence = Existence::absent, .owner = std::string(subject.arn.account)};
    out.region = subject.arn.region;
    const auto id = training::parse_job_arn(out.arn);
    if (!id) {
        out.absence = "only training jobs exist here";
        return out;
    }
    out.found = gate::Found::of(*id);
    // A job that does not exist has no tags; whether it exists is told only to those who may ask.
    const auto job = training_.describe(*id);
    if (!job) {
        out.absence = "there is no training job " + id->name;
        return out;
    }
    out.existence = Existence::there;
    for (const auto& [key, value] : job->tags) {
        out.keys.set("aws:ResourceTag/" + key, value);
        out.keys.set("sagemaker:ResourceTag/" + key, value);
    }
    const auto& resources = job->asked().resource_config;
    if (resources && base::equals_ignoring_case(subject.action, m::Action::sagemaker_UpdateTrainingJob.text)) {
        auto types = instance_types(*resources);
        if (!types.empty()) out.keys.set_list("sagemaker:InstanceTypes", std::move(types));
    }
    return out;
}

Result<gate::ResourcePage> Resources::each_resource(const gate::ResourceQuery& query) const {
    gate::ResourcePager pager(query);
    for (const auto& id : training_.ids(std::string(query.account))) pager.add(id.arn());
    return std::move(pager).finish();
}

m::Functions value_functions() { return {.tagged_job = tagged_job, .kms_arn = kms_arn, .scope = scope, .own_role = own_role}; }

}  // namespace services::sagemaker
