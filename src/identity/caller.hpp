// Who made a request, as authentication found out, with every policy that hangs on them: one consistent picture, taken
// when the request came in.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "identity/lease.hpp"
#include "policy/attached.hpp"
#include "policy/request.hpp"

namespace identity {

struct Credentials {
    std::string access_key_id;
    std::string secret_access_key;
    std::string session_token;             // empty for long-term keys
    std::optional<base::Time> expiration;  // absent for long-term keys
};

struct Caller {
    policy::Principal principal;
    std::string access_key_id;                   // empty for anonymous
    std::optional<base::Time> token_issue_time;  // temporary credentials only
    std::string source_identity;
    std::string session_name;
    std::vector<std::pair<std::string, std::string>> tags;          // session tags over principal tags
    std::vector<std::pair<std::string, std::string>> session_tags;  // the session's own: what session tag chaining passes on
    std::vector<std::string> transitive_tag_keys;                   // of those, the ones that follow into chained sessions
    std::string lease_id;                                           // of sessions that live by a lease …
    LeasePtr lease;                                                 // … and its terms, as they were when the request came in
    policy::PrincipalPolicies policies;                             // all layers but the resource's
    // Global condition keys that authentication knows: aws:PrincipalArn, aws:PrincipalAccount, aws:userid, aws:username,
    // aws:PrincipalType, aws:TokenIssueTime, aws:PrincipalTag/…, aws:MultiFactorAuthPresent, … The gate adds the request's own.
    policy::Context context;
};

}  // namespace identity
