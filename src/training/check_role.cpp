// What the role must be able to do for the job to succeed, asked before the job exists.
#include "base/error_codes.hpp"
#include "training/role_needs.hpp"
#include "training/server_trouble.hpp"
#include "training/session.hpp"
#include "training/training.hpp"
#include "training/transfer.hpp"

namespace training {
namespace {

class RoleCheck {
public:
    RoleCheck(const Training::Dependencies& dependencies, const Job& job, RoleSession& session)
        : dependencies_(dependencies),
          job_(job),
          session_(session),
          transfer_(*dependencies.data, session, [] { return false; }) {}

    base::Result<void> operator()(const RoleNeed& need) {
        switch (need.kind) {
            case RoleNeed::Kind::find_objects:
                TRY(transfer_.check_mode(*need.channel));
                if (auto listable = may_list(need.where); !listable)
                    return transfer_.no_objects(*need.channel, job_.id.region, &listable.error());
                return transfer_.check_channel(*need.channel, job_.id.region);
            case RoleNeed::Kind::find_bucket:
                return find_bucket(need);
            case RoleNeed::Kind::list:
                return list(need);
            case RoleNeed::Kind::read_first:
                return read_first(need);
            case RoleNeed::Kind::read:
                return may("s3:GetObject", need.where, need.given_in);
            case RoleNeed::Kind::write:
                return may("s3:PutObject", need.where, need.given_in);
        }
        return {};
    }

private:
    // A bucket that is not there is no matter of permissions: it is not looked for as the role, whose refusals would be in the record of a job
    // that lacks nothing.
    base::Result<void> find_bucket(const RoleNeed& need) {
        if (!dependencies_.bucket_exists || dependencies_.bucket_exists(need.where.bucket)) return {};
        return base::fail(base::code::ValidationException,
                          "The bucket \"" + need.where.bucket + "\" given in " + std::string(need.given_in) + " does not exist.");
    }

    base::Result<void> list(const RoleNeed& need) {
        const auto listed = may_list(need.where);
        if (listed || is_server_trouble(listed.error())) return listed;
        return base::fail(base::code::ValidationException,
                          "The role \"" + job_.role_arn() + "\" does not have \"s3:ListBucket\" permissions on bucket \"" +
                              need.where.bucket + "\" given in " + std::string(need.given_in) + ". " + listed.error().message);
    }

    base::Result<void> may_list(const S3Uri& prefix) {
        if (!dependencies_.may_list) return {};
        return dependencies_.may_list(TRY(session_.current()), prefix, job_.id.region, job_.request_id);
    }

    // The first object stands for all of them: what only some keys are refused for shows when they are read.
    base::Result<void> read_first(const RoleNeed& need) {
        if (!dependencies_.may) return {};
        const identity::Credentials credentials = TRY(session_.current());
        const auto found = TRY(dependencies_.data->list(credentials, need.where, 1));
        if (found.empty()) return {};  // removed since it was found there: the job will say so
        return may("s3:GetObject", {need.where.bucket, found.front().key}, need.given_in);
    }

    base::Result<void> may(const std::string& action, const S3Uri& object, std::string_view given_in) {
        if (!dependencies_.may) return {};
        const auto decided = dependencies_.may(TRY(session_.current()), action,
                                               "arn:aws:s3:::" + object.bucket + "/" + object.key, job_.request_id);
        if (decided || is_server_trouble(decided.error())) return decided;
        return base::fail(base::code::ValidationException, "The role \"" + job_.role_arn() + "\" does not have \"" + action +
                                                               "\" permissions on \"" + object.text() + "\" given in " +
                                                               std::string(given_in) + ". " + decided.error().message);
    }

    const Training::Dependencies& dependencies_;
    const Job& job_;
    RoleSession& session_;
    Transfer transfer_;
};

}  // namespace

base::Result<void> Training::check_role(const Job& job, const Plan& plan, RoleSession& session) {
    if (auto assumed = session.current(); !assumed) {
        if (is_server_trouble(assumed.error())) return base::fail(std::move(assumed).error());
        auto refusal =
            base::fail(base::code::ValidationException, "Could not assume role " + job.role_arn() +
                                                            ". Please ensure that the role exists and allows principal "
                                                            "'sagemaker.amazonaws.com' to assume the role.");
        refusal.error().notes = {assumed.error().describe()};
        return refusal;
    }
    RoleCheck check(dependencies_, job, session);
    for (const RoleNeed& need : role_needs(plan)) TRY(check(need));
    return {};
}

}  // namespace training
