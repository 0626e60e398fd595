// Unused access: roles, access keys and permissions that nobody has used for so many days. Pure: what was used is the record's to say.
//
// A user or role that is younger than that is left alone; so are permissions if the record does not reach back so far, for then it is not known. This
// server has no passwords.
//
// Source: IAM User Guide, "Findings for external and unused access", "Unused access".
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "audit/uses.hpp"
#include "base/clock.hpp"
#include "policy/attached.hpp"
#include "services/access_analyzer/computed.hpp"

namespace services::access_analyzer {

struct KeyInUse {
    std::string id;
    base::Time created;
    std::optional<base::Time> last_used;
    bool active = true;
};

// A user or role, and what is known of its use.
struct HolderInUse {
    std::string arn, id, name;
    bool is_role = false;
    bool is_service_linked = false;  // its service uses it
    base::Time created;
    std::map<std::string, std::string> tags;
    std::vector<KeyInUse> keys;           // of a user
    std::optional<base::Time> last_used;  // of a role
    policy::PrincipalPolicies policies;
    audit::Uses uses;  // as far back as the age
};

struct UnusedQuestion {
    base::Time now;
    int32_t age_days = 90;
    bool record_reaches_back = false;                                    // to now - age
    std::vector<std::map<std::string, std::string>> excluded_tags = {};  // who has all of one of these is left out
    size_t details_max = 100'000;  // services of unused permissions, of all findings together: who comes behind them is left open
};

[[nodiscard]] Computed unused_access(const UnusedQuestion& question, const std::vector<HolderInUse>& holders);

}  // namespace services::access_analyzer
