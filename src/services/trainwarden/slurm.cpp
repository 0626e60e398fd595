#include "services/trainwarden/slurm.hpp"

#include "policy/arn.hpp"
#include "text/time.hpp"
#include "training/request.hpp"

namespace services::trainwarden {
namespace {

using identity::Caller;
using text::Json;

wire::Answer answer_of(const std::string& session, const identity::Credentials& credentials) {
    wire::Answer answer;
    answer.output = Json::object({{"SessionId", session},
                                  {"AccessKeyId", credentials.access_key_id},
                                  {"SecretAccessKey", credentials.secret_access_key},
                                  {"SessionToken", credentials.session_token},
                                  {"Expiration", text::iso8601(credentials.expiration.value_or(base::Time{}))}});
    return answer;
}

// Unix tells `Ada` from `ada`; IAM does not.
base::Result<Caller> user_named(identity::Directory& directory, const std::string& account, const std::string& name) {
    const auto user = directory.iam().user(account, name);
    if (user && (*user)->name == name) return directory.user_caller((*user)->arn);
    return base::fail("NoSuchPrincipal", "there is no IAM user " + name + " in account " + account +
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

base::Result<wire::Answer> open_session(const SlurmDependencies& parts, const gate::Permit& permit, wire::Call& call) {
    training::SlurmJob job{.account = permit.account(),
                           .region = call.region,
                           .id = call.input["SlurmJobId"].as_string(),
                           .user = call.input["UserName"].as_string(),
                           .role_arn = call.input["RoleArn"].as_string(),
                           .request_id = permit.request_id()};
    const Caller user = TRY(user_named(*parts.directory, job.account, job.user));
    TRY(check_pass(*parts.decider, user, {job.account, job.region, "slurm-" + job.id}, job));
    auto opened = TRY(parts.sessions->open_session(job));
    return answer_of(opened.id, opened.credentials);
}

}  // namespace

void add_slurm_operations(gate::Registry& registry, SlurmDependencies parts) {
    registry.add({.service = "trainwarden",
                  .name = "OpenSlurmSession",
                  .classify = [](const Caller& caller, wire::Call& call) -> base::Result<std::vector<gate::Access>> {
                      const std::string& role = call.input["RoleArn"].as_string();
                      const auto arn = policy::parse_arn(role);
                      if (!arn || arn->partition != "aws" || arn->service != "iam" || !arn->region.empty() ||
                          !arn->resource.starts_with("role/"))
                          return base::fail("ValidationException", "RoleArn `" + role + "` is not the ARN of a role");
                      if (arn->account != caller.principal.account)
                          return base::fail("ValidationException", "Cross-account pass role is not allowed.");
                      return std::vector<gate::Access>{{.action = "trainwarden:OpenSlurmSession", .resource = role}};
                  },
                  .handle = [parts](const gate::Permit& permit, wire::Call& call) { return open_session(parts, permit, call); }});
    const auto any_session = [](const std::string& name) {
        return [name](const Caller&, wire::Call&) -> base::Result<std::vector<gate::Access>> {
            return std::vector<gate::Access>{{.action = "trainwarden:" + name, .resource = "*"}};
        };
    };
    registry.add({.service = "trainwarden",
                  .name = "RenewSlurmSession",
                  .classify = any_session("RenewSlurmSession"),
                  .handle = [parts](const gate::Permit& permit, wire::Call& call) -> base::Result<wire::Answer> {
                      const std::string& session = call.input["SessionId"].as_string();
                      return answer_of(session, TRY(parts.sessions->renew(permit.account(), session)));
                  }});
    registry.add({.service = "trainwarden",
                  .name = "CloseSlurmSession",
                  .classify = any_session("CloseSlurmSession"),
                  .handle = [parts](const gate::Permit& permit, wire::Call& call) -> base::Result<wire::Answer> {
                      TRY(parts.sessions->close(permit.account(), call.input["SessionId"].as_string()));
                      return wire::Answer{.output = Json::object()};
                  }});
}

}  // namespace services::trainwarden
