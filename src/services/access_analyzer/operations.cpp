#include "services/access_analyzer/operations.hpp"

#include "base/invariant.hpp"
#include "model/accessanalyzer/service.hpp"
#include "services/access_analyzer/resources.hpp"
#include "services/access_analyzer/service.hpp"

namespace services::access_analyzer {

void add_operations(gate::Registry& registry, const Dependencies& parts) {
    INVARIANT(parts.directory && parts.storage && parts.record && parts.keys && parts.random);
    const Analyzer service{.parts = parts,
                           .describer = &registry.describer(),
                           .state = std::make_shared<State>(*parts.keys),
                           .looked = std::make_shared<std::map<std::string, Looked>>()};
    registry.describer().add("access-analyzer", std::make_unique<Resources>(service.state));
    const gate::Shared shared{.functions =
                                  m::Functions{.analyzer_arn = analyzer_arn_value, .tagged_arn = tagged_arn_value}.list()};
    for (const Rows rows : {policy_check_operations(), validate_policy_operations(), analyzer_operations(),
                            archive_rule_operations(), finding_operations(), analyzed_resource_operations(), preview_operations(),
                            policy_generation_operations(), recommendation_operations()})
        gate::add_operations<Analyzer>(registry, service, rows, shared);
}

}  // namespace services::access_analyzer
