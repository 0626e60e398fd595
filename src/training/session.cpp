#include "training/session.hpp"

#include "training/limits.hpp"

namespace training {

AssumeJobRole assume_through(identity::Directory& directory) {
    return [&directory](const JobId& job, const std::string& role_arn, const Tags& tags) -> base::Result<identity::Credentials> {
        identity::AssumeRole request;
        request.role_arn = role_arn;
        request.session_name = "SageMaker";
        request.duration = session_duration;
        request.tags = tags;
        policy::Context context;
        context.set("aws:SourceAccount", job.account);
        context.set("aws:SourceArn", job.arn());
        return TRY(directory.assume_role_as_service(service_principal, request, context)).credentials;
    };
}

base::Result<identity::Credentials> RoleSession::current() {
    std::lock_guard lock(mutex_);
    base::Time now = clock_.now();
    if (!credentials_ || now - made_ >= session_renewal) {
        credentials_ = TRY(assume_(job_, role_arn_, tags_));
        made_ = now;
    }
    return *credentials_;
}

}  // namespace training
