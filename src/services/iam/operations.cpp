#include "services/iam/operations.hpp"

#include <fmt/core.h>

#include "identity/names.hpp"
#include "model/iam/service.hpp"
#include "services/iam/request.hpp"
#include "services/iam/resources.hpp"

namespace services::iam {

Result<Nothing> done(Result<void> outcome) {
    if (!outcome) return base::fail(std::move(outcome).error());
    return Nothing{};
}

identity::Tags tags_of(std::span<const m::Tag> tags) {
    identity::Tags out;
    out.reserve(tags.size());
    for (const auto& tag : tags) out.emplace_back(tag.key, tag.value);
    return out;
}

Result<RequiredAccesses<>> renaming_needs(const RequestOrigin& asking, model::ActionName action, const std::string& arn,
                                          const std::optional<std::string>& new_path,
                                          const std::optional<std::string>& new_name) {
    auto resource = TRY(asking.find(arn, action));
    RequiredAccesses<> needs;
    needs.add(action, resource);
    // arn:aws:iam::ACCOUNT:user/path/name
    const size_t path = resource.arn.find('/'), name = resource.arn.rfind('/') + 1;
    std::string renamed =
        fmt::format("{}{}{}", resource.arn.substr(0, path), new_path.value_or(resource.arn.substr(path, name - path)),
                    new_name.value_or(resource.arn.substr(name)));
    if (renamed != resource.arn) {
        resource.arn = std::move(renamed);
        needs.add(action, resource);
    }
    return needs;
}

namespace {

// A policy's ARN, as a request names it.
Result<model::NamedValues> policy_arn(const model::RequestOrigin&, std::span<const std::optional<std::string>> arn) {
    TRY(identity::check_policy_arn(arn[0].value_or("")));
    return model::NamedValues{{"", arn[0].value_or("")}};
}

}  // namespace

void add_operations(gate::Registry& registry, identity::Directory& directory, SimulatorDependencies simulator,
                    const ReportDependencies& reports) {
    registry.describer().add("iam", std::make_unique<Resources>(directory));
    const Iam iam{directory, std::move(simulator), reports};
    const gate::Shared shared{.functions = m::Functions{.policy_arn = policy_arn}.list()};
    for (const Rows rows : {role_operations(), user_operations(), group_operations(), holder_operations(), policy_operations(),
                            access_key_operations(), account_operations(), not_configured_operations(), simulation_operations(),
                            last_accessed_operations()})
        gate::add_operations<Iam>(registry, iam, rows, shared);
}

}  // namespace services::iam
