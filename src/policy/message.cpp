// AWS's words for a refusal.
// Source: IAM User Guide, "Troubleshoot access denied error messages".
#include "base/strings.hpp"
#include "policy/evaluate.hpp"

namespace policy {

namespace {

struct Name {
    std::string_view name, article;
};

Name name_of(Layer layer) {
    switch (layer) {
        case Layer::identity:
            return {"identity-based policy", "an"};
        case Layer::boundary:
            return {"permissions boundary", "a"};
        case Layer::session:
            return {"session policy", "a"};
        case Layer::service_control:
            return {"service control policy", "a"};
        case Layer::resource_control:
            return {"resource control policy", "a"};
        case Layer::resource:
            return {"resource-based policy", "a"};
        case Layer::vpc_endpoint:
            return {"VPC endpoint policy", "a"};
        case Layer::account_root:
            return {"account root user", "the"};
        case Layer::always:
            return {"permission that every caller has", "a"};
    }
    return {"identity-based policy", "an"};
}

}  // namespace

std::string_view describe(Layer layer) { return name_of(layer).name; }

std::string denial_message(const Request& request, const Decision& decision) {
    const auto& principal = request.principal;
    if (base::lower(request.action).starts_with("sts:assumerolewith")) return "Not authorized to perform " + request.action;
    std::string who = principal.arn;
    if (principal.kind == PrincipalKind::service) who = principal.service;
    if (principal.kind == PrincipalKind::anonymous) who = "anonymous";
    std::string out = "User: " + who + " is not authorized to perform: " + request.action;
    // S3 quotes the resource, and leaves it out where there is none.
    const bool s3 = request.action.starts_with("s3:");
    if (!s3)
        out += " on resource: " + request.resource;
    else if (request.resource != "*")
        out += " on resource: \"" + request.resource + "\"";
    auto name = name_of(decision.layer);
    if (decision.layer == Layer::resource && base::lower(request.action).starts_with("sts:assumerole"))
        name = {"role trust policy", "a"};
    if (decision.outcome == Outcome::explicit_deny)
        return out + " with an explicit deny in " + std::string(name.article) + " " + std::string(name.name);
    return out + " because no " + std::string(name.name) + " allows the " + request.action + " action";
}

}  // namespace policy
