#include "cli/train_remedy.hpp"

#include <algorithm>
#include <numeric>

#include "base/error_codes.hpp"
#include "base/strings.hpp"

namespace cli {
namespace {

constexpr size_t names_shown = 5;

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
    constexpr std::string_view list = "Member must satisfy enum value set: [";
    const size_t at = error.message.find(list);
    if (at != std::string::npos && error.message.find("nstanceType") < at) {
        std::string_view rest = std::string_view(error.message).substr(at + list.size());
        rest = rest.substr(0, rest.find(']'));
        std::vector<std::string> names;
        for (auto name : base::split(rest, ',')) names.emplace_back(base::trim(name));
        error.message = "`" + instance_type + "` is not an instance type";
        return std::move(error).note("the nearest are " + base::join(nearest_names(instance_type, names, names_shown), ", "));
    }
    if (error.message.starts_with("The bucket \"") && error.message.ends_with("given in output data config does not exist."))
        return std::move(error).note("--output names it; aws s3 ls shows your buckets, aws s3 mb s3://BUCKET makes one");
    if (error.code == base::code::ResourceInUse) return std::move(error).note("give the job another --name, or leave --name out");
    if (error.message.find("iam:PassRole") != std::string::npos) {
        return std::move(error).note(
            "whoever runs a job with a role must be allowed to pass it: iam:PassRole on the role, for sagemaker.amazonaws.com");
    }
    if (error.message.starts_with("Could not assume role")) {
        return std::move(error).note(
            "its trust policy must let the service sagemaker.amazonaws.com do sts:AssumeRole: trainwarden explain shows what is "
            "missing");
    }
    return error;
}

base::Error of_job(base::Error error, const std::string& name) {
    if (error.message != "Requested resource not found.") return error;
    error.message = "there is no training job `" + name + "`";
    return std::move(error).note("trainwarden train ls lists those of your account and region");
}

}  // namespace cli
