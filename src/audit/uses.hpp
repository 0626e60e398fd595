// When a principal last did what, by the record: the reading side of reports about access that is used.
//
// An attempt counts as a use, whatever came of it, as in IAM's service last accessed information. Source: IAM User Guide, "Refine permissions in AWS using
// last accessed information".
#pragma once

#include <map>
#include <optional>
#include <string>

#include "audit/log.hpp"

namespace audit {

struct Use {
    std::string action;  // as it was asked for: s3:GetObject
    base::Time time;
    std::string region;  // aws:RequestedRegion; may be empty
};

struct Uses {
    std::map<std::string, Use, std::less<>> last;  // by action in lower case
    // nullopt: everything was read. Else what was done before was not, for there is more than records_max.
    std::optional<base::Time> read_since;
    size_t records = 0;  // that were read
};

struct UsesLimits {
    size_t records_max = 50'000;  // of one principal; a few more are read before it is noticed
};

// `id`: the unique id of a user, or of a role for all of its sessions: whoever had the name before is another principal, and who was renamed is the same.
// `since`: not before.
[[nodiscard]] base::Result<Uses> uses_of(const Log& log, const std::string& id, std::optional<base::Time> since = {},
                                         const UsesLimits& limits = {});

// Is there a record that is older? If not, what was done before is not known.
[[nodiscard]] base::Result<bool> reaches_back_to(const Log& log, base::Time time);

}  // namespace audit
