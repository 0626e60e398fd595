#include "identity/supposed_session.hpp"

#include "base/invariant.hpp"
#include "identity/names.hpp"

namespace identity {

base::Result<Caller> supposed_session(const Directory& directory, const AssumeRole& request) {
    INVARIANT(request.session_policy.empty() && request.session_policy_arns.empty() && request.chained_from == nullptr);
    Caller caller = TRY(directory.role_caller(request.role_arn, request.session_name));
    for (const auto& [key, value] : request.tags) caller.context.replace("aws:PrincipalTag/" + key, value);
    caller.tags = merge_tags(std::move(caller.tags), request.tags);
    caller.session_tags = request.tags;
    caller.transitive_tag_keys = request.transitive_tag_keys;
    caller.source_identity = request.source_identity;
    if (!request.source_identity.empty()) caller.context.set("aws:SourceIdentity", request.source_identity);
    return caller;
}

}  // namespace identity
