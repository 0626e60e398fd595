#include "training/session.hpp"

#include "base/error_codes.hpp"
#include "base/mutex.hpp"
#include "training/limits.hpp"

namespace training {

identity::AssumeRole job_role_request(const std::string& role_arn, const SessionTerms& terms) {
    identity::AssumeRole request;
    request.role_arn = role_arn;
    request.session_name = service_session_name;
    request.duration = session_duration;
    request.tags = terms.tags;
    request.source_identity = terms.source_identity;
    request.lease = terms.lease;
    return request;
}

identity::ServiceCall job_service_call(const JobId& job) { return {service_principal, job.region, job.account, job.arn()}; }

RoleSession::RoleSession(Dependencies dependencies, JobId job, std::string role_arn, SessionTerms terms, identity::LeasePtr lease)
    : dependencies_(dependencies), job_(std::move(job)), role_arn_(std::move(role_arn)), terms_(std::move(terms)) {
    dependencies_.leases->set(terms_.lease, std::move(lease));
}

bool RoleSession::is_due(base::Time now) const { return !credentials_ || now - made_ >= session_renewal; }

base::Result<identity::Credentials> RoleSession::current() {
    base::Lock lock(mutex_);
    if (ended_) return base::fail(base::code::ExpiredToken, "the session of this training job has ended");
    base::Time now = dependencies_.clock->now();
    if (is_due(now)) {
        credentials_ = TRY((*dependencies_.assume)(job_, role_arn_, terms_));
        made_ = now;
    }
    return *credentials_;
}

bool RoleSession::assumes_now() {
    base::Lock lock(mutex_);
    return !ended_ && is_due(dependencies_.clock->now());
}

void RoleSession::end() {
    base::Lock lock(mutex_);
    ended_ = true;
    dependencies_.leases->close(terms_.lease);
}

}  // namespace training
