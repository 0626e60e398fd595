#include "services/sagemaker/acts.hpp"

#include <optional>
#include <string>

#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "identity/supposed_session.hpp"
#include "model/json.hpp"
#include "model/sagemaker/training_jobs.hpp"
#include "model/trainwarden/operations.hpp"
#include "text/json.hpp"
#include "training/plan.hpp"
#include "training/role_needs.hpp"
#include "training/session.hpp"

namespace services::sagemaker {
namespace {

namespace m = model::sagemaker;
using base::Result;
using gate::ServiceAct;
using training::RoleNeed;
using training::S3Uri;

constexpr std::string_view s3_arn = "arn:aws:s3:::";

class Acts {
public:
    Acts(const gate::Registry& registry, const gate::RequestOrigin& origin) : registry_(registry), origin_(origin) {}

    // False: the request ends here, for a reason that is no matter of permissions (there is no such bucket).
    bool add(const RoleNeed& need, const identity::Caller& session) {
        switch (need.kind) {
            case RoleNeed::Kind::find_bucket:
                return true;
            case RoleNeed::Kind::find_objects:
            case RoleNeed::Kind::list:
                return add(listing_accesses(need.where, session), "s3", "ListObjectsV2", session);
            case RoleNeed::Kind::read_first: {
                const auto object = first_object(need.where);
                return !object || add(access("s3:GetObject", *object), session);
            }
            case RoleNeed::Kind::read:
                return add(access("s3:GetObject", arn_of(need.where)), session);
            case RoleNeed::Kind::write:
                return add(access("s3:PutObject", arn_of(need.where)), session);
        }
        return true;
    }
    void add(ServiceAct act) { acts_.push_back(std::move(act)); }
    [[nodiscard]] std::vector<ServiceAct> take() && { return std::move(acts_); }

private:
    static std::string arn_of(const S3Uri& object) { return std::string(s3_arn) + object.bucket + "/" + object.key; }

    Result<std::vector<gate::Access>> access(std::string_view action, const std::string& resource) const {
        return std::vector<gate::Access>{
            TRY(gate::asked_access(origin_.describer, action, resource, origin_.caller.principal.account))};
    }

    // Of the request that lists one object below the prefix.
    Result<std::vector<gate::Access>> listing_accesses(const S3Uri& prefix, const identity::Caller& session) const {
        const gate::Operation* const listing = registry_.find("s3", "ListObjectsV2");
        INVARIANT(listing != nullptr);
        const text::Json input = text::Json::object(
            {{"Bucket", prefix.bucket}, {"Prefix", prefix.key}, {"MaxKeys", int64_t{1}}, {"EncodingType", "url"}});
        return listing->begin()->supposed_accesses(session, origin_.region, input.dump());
    }

    std::optional<std::string> first_object(const S3Uri& prefix) const {
        const std::string before = arn_of(prefix);
        const std::string pattern = before + "*";
        std::string after;
        for (;;) {
            const auto page = origin_.describer.each_resource(
                {.pattern = pattern, .account = origin_.caller.principal.account, .after = after});
            if (!page) return std::nullopt;
            for (const std::string& arn : page->arns)
                if (arn.starts_with(before)) return arn;  // a `*` of the prefix itself is a `*`
            if (page->next.empty()) return std::nullopt;
            after = page->next;
        }
    }

    bool add(Result<std::vector<gate::Access>> accesses, const identity::Caller& session) {
        return add(std::move(accesses), "sagemaker", std::string(m::CreateTrainingJob::operation.name), session);
    }
    bool add(Result<std::vector<gate::Access>> accesses, std::string service, std::string operation,
             const identity::Caller& session) {
        if (!accesses) return false;
        acts_.push_back(
            {.caller = session,
             .accesses = std::move(*accesses),
             .act = {
                 .request_id = {}, .service = std::move(service), .operation = std::move(operation), .region = {}, .keys = {}}});
        return true;
    }

    const gate::Registry& registry_;
    const gate::RequestOrigin& origin_;
    std::vector<ServiceAct> acts_;
};

Result<std::vector<ServiceAct>> acts_of(const gate::Registry& registry, const identity::Directory& directory,
                                        const gate::RequestOrigin& origin, const m::CreateTrainingJobRequest& asked) {
    const training::JobId id{origin.caller.principal.account, std::string(origin.region), asked.training_job_name};
    const training::Plan plan = TRY(training::plan(id, asked));
    training::SessionTerms terms;
    if (plan.tag_chaining) terms.tags = origin.caller.session_tags;
    terms.source_identity = origin.caller.source_identity;
    const identity::AssumeRole request = training::job_role_request(asked.role_arn, terms);
    Acts acts(registry, origin);
    acts.add(TRY(gate::role_assumption(origin.describer, training::job_service_call(id), request)));
    const auto session = identity::supposed_session(directory, request);
    if (!session) return std::move(acts).take();  // no such role: it trusts nobody
    for (const RoleNeed& need : training::role_needs(plan))
        if (!acts.add(need, *session)) break;
    return std::move(acts).take();
}

}  // namespace

void add_acts(gate::ServiceActs& acts, const gate::Registry& registry, const identity::Directory& directory) {
    acts.add(m::CreateTrainingJob::operation,
             [&](const gate::RequestOrigin& origin, std::string_view input) -> Result<std::vector<ServiceAct>> {
                 m::CreateTrainingJobRequest asked;
                 TRY(model::read_json(m::CreateTrainingJob::operation, input, &asked));
                 return acts_of(registry, directory, origin, asked);
             });
    acts.add(model::trainwarden::CheckTrainingJob::operation,
             [&](const gate::RequestOrigin& origin, std::string_view input) -> Result<std::vector<ServiceAct>> {
                 model::trainwarden::CheckTrainingJobRequest question;
                 TRY(model::read_json(model::trainwarden::CheckTrainingJob::operation, input, &question));
                 m::CreateTrainingJobRequest asked;
                 TRY(model::read_json(m::CreateTrainingJob::operation, question.request, &asked));
                 return acts_of(registry, directory, origin, asked);
             });
}

}  // namespace services::sagemaker
