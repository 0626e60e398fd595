#include "cli/train_remedy.hpp"

#include <algorithm>
#include <numeric>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "model/sagemaker/training_jobs.hpp"
#include "model/words.hpp"

namespace cli {
namespace {

constexpr size_t names_shown = 5;

bool is_instance_type(const std::string& word) {
    return model::value_of<model::sagemaker::TrainingInstanceType>(word) != model::sagemaker::TrainingInstanceType::unknown;
}

}  // namespace

size_t distance(std::string_view a, std::string_view b) {
    std::vector<size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), size_t{0});
    for (size_t i = 0; i < a.size(); ++i) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b.size(); ++j) {
            const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

std::vector<std::string> nearest_names(std::string_view wanted, const std::vector<std::string>& names, size_t count) {
    std::vector<std::pair<size_t, std::string>> ranked;
    for (const auto& name : names) ranked.emplace_back(distance(wanted, name), name);
    std::sort(ranked.begin(), ranked.end());
    std::vector<std::string> nearest;
    for (size_t i = 0; i < std::min(count, ranked.size()); ++i) nearest.push_back(ranked[i].second);
    return nearest;
}

base::Error with_remedy(base::Error error, const std::string& instance_type) {
    if (error.code == base::code::ValidationException && !is_instance_type(instance_type)) {
        const auto known = shape_of(model::sagemaker::TrainingInstanceType::unknown).enumeration;
        const std::vector<std::string> names(known.begin(), known.end());
        error.message = "`" + instance_type + "` is not an instance type";
        return std::move(error).note("the nearest are " + base::join(nearest_names(instance_type, names, names_shown), ", "));
    }
    if (error.code == base::code::ResourceLimitExceeded)
        return std::move(error).note(
            "on a Trainwarden server the operator sets how many instances there are: serve --instance-types");
    if (error.code == base::code::ResourceInUse) return std::move(error).note("give the job another --name, or leave --name out");
    // AWS has one code for all of these: what is wrong is in its sentence alone.
    if (error.message.starts_with("The bucket \"") && error.message.ends_with("given in output data config does not exist."))
        return std::move(error).note("--output names it; aws s3 ls shows your buckets, aws s3 mb s3://BUCKET makes one");
    if (error.message.find("iam:PassRole") != std::string::npos) {
        return std::move(error).note(
            "the caller must be allowed to pass the job's role: iam:PassRole on the role, for sagemaker.amazonaws.com");
    }
    if (error.message.starts_with("Could not assume role")) {
        return std::move(error).note(
            "its trust policy must let the service sagemaker.amazonaws.com do sts:AssumeRole: trainwarden explain shows what is "
            "missing");
    }
    return error;
}

base::Error of_job(base::Error error, const std::string& name) {
    // A ValidationException like every other of SageMaker's: the sentence alone tells them apart.
    if (error.message != "Requested resource not found.") return error;
    error.message = "there is no training job `" + name + "`";
    return std::move(error).note("trainwarden train ls lists those of your account and region");
}

}  // namespace cli
