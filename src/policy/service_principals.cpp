// Sources: IAM User Guide, "AWS JSON policy elements: Principal" (AWS service principals); the services' guides to their roles.
// Most services have the name of their actions' prefix, which the catalogue knows.
#include "policy/service_principals.hpp"

#include <algorithm>
#include <array>

#include "policy/catalogue.hpp"
#include "policy/compile.hpp"

namespace policy {
namespace {

// Those whose name is not a prefix of actions. Sorted.
constexpr auto other_names = std::to_array<std::string_view>({
    "a4b",
    "agentless.inspector2",
    "alexa-appkit",
    "alexa-connectedhome",
    "apidestinations.events",
    "appmesh-preview",
    "assets.iotsitewise",
    "billingreports",
    "cloudhsm",
    "codestar-notifications",
    "config-conforms",
    "config-multiaccountsetup",
    "continuousexport.discovery",
    "costalerts",
    "dataexchange",
    "ec2-instance-connect",
    "ec2fleet",
    "ec2scheduled",
    "ecs-tasks",
    "edgelambda",
    "eks-connector",
    "eks-fargate",
    "eks-fargate-pods",
    "eks-nodegroup",
    "elastictranscoder",
    "email.cognito-idp",
    "es",
    "export.rds",
    "hooks.cloudformation",
    "imagebuilder",
    "importexport",
    "ivs",
    "lambda.alarms.cloudwatch",
    "lexv2",
    "malware-protection-plan.guardduty",
    "managedservices",
    "member.org.stacksets.cloudformation",
    "monitoring",
    "network-firewall",
    "opensearchservice",
    "opsworks",
    "opsworks-cm",
    "pods.eks",
    "preview.macie",
    "remediation.config",
    "reporting.trustedadvisor",
    "resources.cloudformation",
    "robomaker",
    "sagemaker-geospatial",
    "servicecatalog-appregistry",
    "shield",
    "sms",
    "spot",
    "spotfleet",
    "ssm-quicksetup",
    "stacksets.cloudformation",
    "streams.metrics.cloudwatch",
    "tagpolicies.tag",
    "tasks.apprunner",
    "transitgateway",
    "vmie",
    "vpc-flow-logs",
    "worklink",
    "workmail",
    "zookeeper",
});
static_assert(std::ranges::is_sorted(other_names));

constexpr auto domains = std::to_array<std::string_view>({".amazonaws.com", ".amazonaws.com.cn", ".amazon.com", ".aws.internal"});

// us-east-1, ap-southeast-5, us-gov-west-1
bool is_region(std::string_view label) {
    return label.size() > 4 && std::ranges::count(label, '-') >= 2 && label.back() >= '1' && label.back() <= '9' &&
           label[label.size() - 2] == '-' && label[2] == '-';
}

bool is_service(std::string_view name) {
    if (std::ranges::binary_search(other_names, name)) return true;
    const bool plain = !name.empty() && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
    return plain && !actions_matching(std::string(name) + ":*").empty();
}

}  // namespace

bool service_principal_exists(std::string_view name) {
    const auto domain = std::ranges::find_if(domains, [&](std::string_view end) { return name.ends_with(end); });
    if (domain == domains.end()) return false;
    name.remove_suffix(domain->size());
    if (const auto dot = name.rfind('.'); dot != std::string_view::npos && is_region(name.substr(dot + 1)))
        name = name.substr(0, dot);
    // A part of a service: logging.s3, delivery.logs.
    return is_service(name) || (name.find('.') > 0 && is_service(name.substr(name.rfind('.') + 1)));
}

std::optional<std::string> unknown_service(const Policy& policy) {
    const auto& compiled = policy.compiled();
    for (const auto& entry : compiled.all_principals()) {
        const std::string name(compiled.text(entry.text));
        if (entry.kind == PrincipalEntry::Kind::service && !service_principal_exists(name)) return name;
    }
    return std::nullopt;
}

}  // namespace policy
