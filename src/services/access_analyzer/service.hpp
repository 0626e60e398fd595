// What Access Analyzer's operations have in common.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "audit/log.hpp"
#include "gate/operation.hpp"
#include "identity/directory.hpp"
#include "model/accessanalyzer/operations.hpp"
#include "objects/storage.hpp"
#include "services/access_analyzer/operations.hpp"
#include "services/access_analyzer/state.hpp"

namespace services::access_analyzer {

namespace m = model::accessanalyzer;
using base::Result;
using gate::operation;
using gate::Permit;
using gate::RequestOrigin;
using gate::RequiredAccesses;
using model::Nothing;

// When an analyzer last looked at the account, in this run of the server.
struct Looked {
    uint64_t identity = 0, objects = 0;  // what was there, by its versions
    base::Time at;
};

struct Analyzer {
    Dependencies parts;
    const gate::Describer* describer = nullptr;
    std::shared_ptr<State> state;
    std::shared_ptr<std::map<std::string, Looked>> looked;  // by the analyzer's ARN; guarded by State::changing
};

using Rows = std::span<const gate::OperationDeclaration<Analyzer>>;

[[nodiscard]] inline Place place_of(const Permit& permit) { return {permit.account(), permit.region()}; }

// An analyzer as a request names it, by its ARN. Error `ResourceNotFoundException`.
[[nodiscard]] Result<StoredAnalyzer> analyzer_of(const Analyzer& service, const Permit& permit, const std::string& arn);

// For how many days what an analyzer of unused access calls unused was not used.
[[nodiscard]] int32_t age_of(const m::AnalyzerSummary& analyzer);

// Looks at the account, if it has changed since the analyzer of this name looked last, or an hour has passed for one of unused access. `only`: whatever has
// happened, at this resource. The caller holds neither State::changing nor State::looking. What it has found is in the state; the analyzer as it is then.
[[nodiscard]] Result<StoredAnalyzer> look(Analyzer& service, const Permit& permit, const std::string& name,
                                          const std::string& only = {});

// The operations of each file.
[[nodiscard]] Rows policy_check_operations();
[[nodiscard]] Rows validate_policy_operations();
[[nodiscard]] Rows analyzer_operations();
[[nodiscard]] Rows archive_rule_operations();
[[nodiscard]] Rows finding_operations();
[[nodiscard]] Rows analyzed_resource_operations();
[[nodiscard]] Rows preview_operations();
[[nodiscard]] Rows policy_generation_operations();
[[nodiscard]] Rows recommendation_operations();

}  // namespace services::access_analyzer
