#include "services/trainwarden/slurm.hpp"

#include <array>

#include "base/error_codes.hpp"
#include "gate/operation.hpp"
#include "model/json.hpp"
#include "model/trainwarden/operations.hpp"
#include "model/trainwarden/service.hpp"
#include "text/time.hpp"
#include "training/request.hpp"

namespace services::trainwarden {
namespace {

namespace m = model::trainwarden;
using base::Result;
using gate::operation;
using gate::Permit;
using identity::Caller;

m::SlurmSessionResponse answer_of(const std::string& session, const identity::Credentials& credentials) {
    return {.session_id = session,
            .access_key_id = credentials.access_key_id,
            .secret_access_key = credentials.secret_access_key,
            .session_token = credentials.session_token,
            .expiration = text::iso8601(credentials.expiration.value_or(base::Time{}))};
}

// Unix tells `Ada` from `ada`; IAM does not.
base::Result<Caller> user_named(identity::Directory& directory, const std::string& account, const std::string& name) {
    const auto user = directory.iam().user(account, name);
    if (user && (*user)->name == name) return directory.user_caller((*user)->arn);
    return base::fail(base::code::NoSuchPrincipal, "there is no IAM user " + name + " in account " + account +
                                                       ": a Slurm job belongs to the IAM user that is named as its Unix user");
}

training::SlurmJob job_of(const Caller& caller, std::string_view region, const m::OpenSlurmSessionRequest& in) {
    return {.account = caller.principal.account,
            .region = std::string(region),
            .id = in.slurm_job_id,
            .user = in.user_name,
            .role_arn = in.role_arn,
            .request_id = {}};
}

// The user passes the role to SageMaker, for this job.
Result<gate::ServiceAct> pass_of_user(const SlurmDependencies& parts, const training::SlurmJob& job) {
    const Caller user = TRY(user_named(*parts.directory, job.account, job.user));
    policy::Context keys;
    keys.set("iam:PassedToService", training::service_principal);
    keys.set("iam:AssociatedResourceArn", training::job_id_of(job).arn());
    keys.set(training::scope_condition_key, "role");
    return gate::act_on(*parts.describer, user, "iam:PassRole", job.role_arn, keys,
                        {.request_id = job.request_id,
                         .service = "trainwarden",
                         .operation = "OpenSlurmSession",
                         .region = job.region,
                         .keys = {}});
}

// SageMaker assumes the job's role. `session`: its id, once it is open.
Result<gate::ServiceAct> assumption_for(const SlurmDependencies& parts, const training::SlurmJob& job,
                                        const std::string& session) {
    return gate::role_assumption(*parts.describer, training::job_service_call(training::job_id_of(job)),
                                 training::job_role_request(job.role_arn, training::session_terms_of(job, session)));
}

// For who asks in advance what open_session would do.
Result<void> decide_opening(const SlurmDependencies& parts, const gate::RequestOrigin& origin, std::string_view input,
                            const gate::ServiceActs::Decide& decide) {
    m::OpenSlurmSessionRequest in;
    TRY(model::read_json(m::OpenSlurmSession::operation, input, &in));
    const training::SlurmJob job = job_of(origin.caller, origin.region, in);
    if (!decide(TRY(pass_of_user(parts, job)))) return {};
    decide(TRY(assumption_for(parts, job, "")));
    return {};
}

// For who asks in advance what renew_session would do: it asks for the role once what is held has become old.
Result<void> decide_renewal(const SlurmDependencies& parts, const gate::RequestOrigin& origin, std::string_view input,
                            const gate::ServiceActs::Decide& decide) {
    m::SlurmSessionRequest in;
    TRY(model::read_json(m::RenewSlurmSession::operation, input, &in));
    const auto job = TRY(parts.sessions->job_to_renew(origin.caller.principal.account, in.session_id));
    if (job) decide(TRY(assumption_for(parts, *job, in.session_id)));
    return {};
}

Result<m::SlurmSessionResponse> open_session(SlurmDependencies& parts, const Permit& permit,
                                             const m::OpenSlurmSessionRequest& in) {
    training::SlurmJob job = job_of(permit.caller(), permit.region(), in);
    job.request_id = permit.request_id();
    const gate::ServiceAct pass = TRY(pass_of_user(parts, job));
    TRY(parts.decider->act_for(pass));
    const auto opened = TRY(parts.sessions->open_session(job));
    return answer_of(opened.id, opened.credentials);
}

Result<m::SlurmSessionResponse> renew_session(SlurmDependencies& parts, const Permit& permit, const m::SlurmSessionRequest& in) {
    return answer_of(in.session_id, TRY(parts.sessions->renew(permit.account(), in.session_id)));
}

Result<model::Nothing> close_session(SlurmDependencies& parts, const Permit& permit, const m::SlurmSessionRequest& in) {
    TRY(parts.sessions->close(permit.account(), in.session_id));
    return {};
}

Result<model::NamedValues> own_role(const model::RequestOrigin& where, std::span<const std::optional<std::string>> role) {
    const std::string text = role[0].value_or("");
    TRY(training::check_role_arn(text, where.account));
    return model::NamedValues{{"", text}};
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<SlurmDependencies>>({
    operation<m::OpenSlurmSession, open_session>(),
    operation<m::RenewSlurmSession, renew_session>(),
    operation<m::CloseSlurmSession, close_session>(),
});

}  // namespace

void add_slurm_operations(gate::Registry& registry, SlurmDependencies parts) {
    gate::add_operations<SlurmDependencies>(registry, parts, operations,
                                            {.functions = m::Functions{.own_role = own_role}.list()});
    parts.acts->add(m::OpenSlurmSession::operation,
                    [parts](const gate::RequestOrigin& origin, std::string_view input, const gate::ServiceActs::Decide& decide) {
                        return decide_opening(parts, origin, input, decide);
                    });
    parts.acts->add(m::RenewSlurmSession::operation,
                    [parts](const gate::RequestOrigin& origin, std::string_view input, const gate::ServiceActs::Decide& decide) {
                        return decide_renewal(parts, origin, input, decide);
                    });
}

}  // namespace services::trainwarden
