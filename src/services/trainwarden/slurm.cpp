#include "services/trainwarden/slurm.hpp"

#include <array>

#include "base/error_codes.hpp"
#include "gate/operation.hpp"
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

base::Result<void> check_pass(const gate::Decider& decider, const Caller& user, const training::JobId& job,
                              const training::SlurmJob& asked) {
    policy::Context keys;
    keys.set("iam:PassedToService", training::service_principal);
    keys.set("iam:AssociatedResourceArn", job.arn());
    keys.set(training::scope_condition_key, "role");
    return decider.act_for(user, "iam:PassRole", asked.role_arn, keys,
                           {.request_id = asked.request_id,
                            .service = "trainwarden",
                            .operation = "OpenSlurmSession",
                            .region = asked.region,
                            .keys = {}});
}

Result<m::SlurmSessionResponse> open_session(SlurmDependencies& parts, const Permit& permit,
                                             const m::OpenSlurmSessionRequest& in) {
    training::SlurmJob job{.account = permit.account(),
                           .region = permit.region(),
                           .id = in.slurm_job_id,
                           .user = in.user_name,
                           .role_arn = in.role_arn,
                           .request_id = permit.request_id()};
    const Caller user = TRY(user_named(*parts.directory, job.account, job.user));
    TRY(check_pass(*parts.decider, user, {job.account, job.region, "slurm-" + job.id}, job));
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
}

}  // namespace services::trainwarden
