#include "training/scope.hpp"

#include <algorithm>
#include <map>

#include "model/sagemaker/training_jobs.hpp"
#include "training/logs.hpp"

namespace training {
namespace {

using text::Json;

constexpr std::string_view s3_arn = "arn:aws:s3:::";

// Text that a policy takes literally: what would be a wildcard or a variable is written as IAM's variables for them.
std::string literal(std::string_view text) {
    std::string out;
    for (char c : text) {
        if (c == '*' || c == '?' || c == '$') {
            out += std::string("${") + c + "}";
        } else {
            out += c;
        }
    }
    return out;
}

std::string below(const S3Uri& prefix) { return std::string(s3_arn) + prefix.bucket + "/" + literal(prefix.key) + "*"; }

S3Uri folder(S3Uri uri) {
    while (uri.key.ends_with('/')) uri.key.pop_back();
    if (!uri.key.empty()) uri.key += "/";
    return uri;
}

Json list(std::initializer_list<std::string_view> values) {
    auto items = Json::array();
    for (auto value : values) items.push(std::string(value));
    return items;
}

const Json& read_actions() {
    static const Json actions = list({"s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectAttributes", "s3:GetObjectTagging"});
    return actions;
}

const Json& write_actions() {
    static const Json actions = list({"s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"});
    return actions;
}

class Document {
public:
    void allow(std::string_view sid, Json actions, Json resources, Json condition = {}) {
        if (resources.size() == 0) return;
        auto statement = Json::object(
            {{"Sid", std::string(sid)}, {"Effect", "Allow"}, {"Action", std::move(actions)}, {"Resource", std::move(resources)}});
        if (!condition.is_null()) statement.set("Condition", std::move(condition));
        statements_.push(std::move(statement));
    }
    [[nodiscard]] std::string text() && {
        return Json::object({{"Version", "2012-10-17"}, {"Statement", std::move(statements_)}}).dump();
    }

private:
    Json statements_ = Json::array();
};

Json condition(std::string_view operation, std::string_view key, Json values) {
    return Json::object({{std::string(operation), Json::object({{std::string(key), std::move(values)}})}});
}

// Where the job's creator told AWS's own tools to write, beside the output path.
std::vector<S3Uri> other_outputs(const model::sagemaker::CreateTrainingJobRequest& asked) {
    std::vector<S3Uri> found;
    const auto add = [&](std::string_view path) {
        if (auto uri = parse_s3_uri(path)) found.push_back(folder(std::move(*uri)));
    };
    if (asked.debug_hook_config) add(asked.debug_hook_config->s3_output_path);
    if (asked.tensor_board_output_config) add(asked.tensor_board_output_config->s3_output_path);
    if (asked.profiler_config) add(model::text(asked.profiler_config->s3_output_path));
    return found;
}

void allow_channels(const Plan& plan, size_t host, Document& document) {
    auto whole = Json::array(), shared = Json::array(), names = Json::array(), buckets = Json::array();
    std::map<std::string, Json> prefixes;  // by bucket: what may be listed
    for (const auto& channel : plan.channels) {
        if (!has_channel(channel, host)) continue;
        if (!needs_share(channel)) {
            whole.push(below(channel.source));
        } else {
            names.push(channel.name);
            shared.push(channel.manifest ? std::string(s3_arn) + channel.source.bucket + "/*" : below(channel.source));
        }
        if (channel.manifest) {
            whole.push(std::string(s3_arn) + channel.source.bucket + "/" + literal(channel.source.key));
        } else {
            prefixes[channel.source.bucket].push(literal(channel.source.key) + "*");
        }
    }
    if (plan.submit_directory)
        whole.push(std::string(s3_arn) + plan.submit_directory->bucket + "/" + literal(plan.submit_directory->key));
    if (plan.checkpoints) {
        S3Uri checkpoints = folder(plan.checkpoints->destination);
        whole.push(below(checkpoints));
        prefixes[checkpoints.bucket].push(literal(checkpoints.key) + "*");
    }
    document.allow("ReadChannels", read_actions(), std::move(whole));
    document.allow("ReadOwnShare", read_actions(), std::move(shared),
                   condition("ForAnyValue:StringEquals", share_condition_key, std::move(names)));
    for (auto& [bucket, allowed] : prefixes) {
        document.allow("List" + std::to_string(buckets.size() + 1), list({"s3:ListBucket"}), list({std::string(s3_arn) + bucket}),
                       condition("StringLike", "s3:prefix", std::move(allowed)));
        buckets.push(std::string(s3_arn) + bucket);
    }
    document.allow("FindBuckets", list({"s3:GetBucketLocation"}), std::move(buckets));
}

void allow_outputs(const Job& job, const Plan& plan, Document& document) {
    auto outputs = Json::array({below(folder(plan.output))});
    for (const auto& uri : other_outputs(job.asked())) outputs.push(below(uri));
    if (plan.checkpoints) outputs.push(below(folder(plan.checkpoints->destination)));
    document.allow("WriteOutput", write_actions(), std::move(outputs));
}

void allow_reports(const Job& job, Document& document) {
    std::string group = "arn:aws:logs:" + job.id.region + ":" + job.id.account + ":log-group:" + std::string(log_group_name);
    document.allow("WriteLogs", list({"logs:CreateLogStream", "logs:PutLogEvents"}),
                   list({group + ":log-stream:" + job.id.name + "/*"}));
    document.allow("FindLogs", list({"logs:CreateLogGroup", "logs:DescribeLogStreams"}), list({group, group + ":*"}));
    document.allow("WriteMetrics", list({"cloudwatch:PutMetricData"}), list({"*"}),
                   condition("StringEquals", "cloudwatch:namespace", Json(log_group_name)));
}

}  // namespace

std::string scope_policy(const Job& job, const Plan& plan, size_t host) {
    Document document;
    allow_channels(plan, host, document);
    allow_outputs(job, plan, document);
    allow_reports(job, document);
    return std::move(document).text();
}

identity::LeasePtr worker_lease(const Job& job, const Plan& plan, size_t host, std::vector<Share> shares) {
    auto lease = std::make_shared<identity::Lease>();
    if (plan.whole_role) return lease;
    lease->session.push_back({policy::Policy::parse_stored(scope_policy(job, plan, host), policy::PolicyKind::session),
                              "scope of training job " + job.id.name + " (" + plan.hosts[host] + ")"});
    if (shares.empty()) return lease;
    lease->describe = [shares = std::move(shares)](const std::string& resource, policy::Context& context) {
        std::string_view object = resource;
        if (!object.starts_with(s3_arn)) return;
        object.remove_prefix(s3_arn.size());
        std::vector<std::string> channels;
        for (const auto& share : shares) {
            if (std::binary_search(share.objects.begin(), share.objects.end(), object, std::less<>()))
                channels.push_back(share.channel);
        }
        if (!channels.empty()) context.set_list(share_condition_key, std::move(channels));
    };
    return lease;
}

identity::LeasePtr mover_lease() { return std::make_shared<identity::Lease>(); }

}  // namespace training
