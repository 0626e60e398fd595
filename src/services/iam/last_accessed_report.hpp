// A report about when the services that a user, group, role or policy gives access to were last asked, and by whom: made from the record, kept for a
// week.
//
// Source: IAM API Reference, GenerateServiceLastAccessedDetails, GetServiceLastAccessedDetails.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audit/uses.hpp"
#include "base/result.hpp"
#include "identity/iam.hpp"
#include "policy/attached.hpp"
#include "text/json.hpp"

namespace services::iam {

// A user or role whose requests the report is about.
struct ReportedEntity {
    identity::HolderKind kind = identity::HolderKind::user;
    std::string arn, name, id, path;
};

struct LastUseOf {
    base::Time time;
    std::string region;
    size_t entity = 0;  // its place among the report's
};

struct ReportedService {
    std::string prefix;                             // s3
    std::map<size_t, base::Time> entities;          // those that asked it, by their place: when last
    std::optional<LastUseOf> last;                  // the last of all
    std::map<std::string, LastUseOf> used_actions;  // ACTION_LEVEL: GetObject
    std::vector<std::string> granted_actions;       // ACTION_LEVEL; all_actions: the catalogue's
    bool all_actions = false;
};

struct LastAccessedReport {
    base::Time created, completed;
    std::string by;  // who asked for it: the ARN of a user, a role or the root user
    bool action_level = false;
    std::vector<ReportedEntity> entities;
    std::vector<ReportedService> services;  // by prefix

    [[nodiscard]] const ReportedService* find(std::string_view prefix) const;
};

// `uses`: of each entity, in their order. Services that `policies` do not grant are left out, however they were asked.
void fill_report(LastAccessedReport& report, const policy::PrincipalPolicies& policies, std::span<const audit::Uses> uses);

// As it is kept.
[[nodiscard]] text::Json to_json(const LastAccessedReport& report);
// Error `InternalError`: it was not written by to_json.
[[nodiscard]] base::Result<LastAccessedReport> read_report(const text::Json& json);

// Amazon S3; the prefix itself for one that has no name.
[[nodiscard]] std::string_view name_of_service(std::string_view prefix);

}  // namespace services::iam
