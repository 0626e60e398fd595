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
using training::RoleNeed;
using training::S3Uri;

constexpr std::string_view s3_arn = "arn:aws:s3:::";

std::string arn_of(const S3Uri& object) { return std::string(s3_arn) + object.bucket + "/" + object.key; }

// The needs of a job's role, decided for the session that it would be.
class RoleQuestions {
public:
    RoleQuestions(const gate::Registry& registry, const gate::RequestOrigin& origin, const identity::Caller& session,
                  const gate::ServiceActs::Decide& decide)
        : registry_(registry), origin_(origin), session_(session), decide_(decide) {}

    // False: the request ends here, because the need is refused, or for a reason that is no matter of permissions (what is to be read is
    // in no bucket).
    bool ask(const RoleNeed& need) {
        switch (need.kind) {
            case RoleNeed::Kind::find_bucket:
                return true;
            case RoleNeed::Kind::find_objects:
            case RoleNeed::Kind::list:
                return ask(listing_accesses(registry_, session_, origin_.region, need.where));
            case RoleNeed::Kind::read_first:
                return read_first(need.where);
            case RoleNeed::Kind::read:
                return ask(access("s3:GetObject", arn_of(need.where)));
            case RoleNeed::Kind::write:
                return ask(access("s3:PutObject", arn_of(need.where)));
        }
        return true;
    }

private:
    Result<std::vector<gate::Access>> access(std::string_view action, const std::string& resource) const {
        return std::vector<gate::Access>{
            TRY(gate::asked_access(origin_.describer, action, resource, origin_.caller.principal.account))};
    }

    // REQUIRES: the session may list the prefix, which was asked before (training::role_needs).
    bool read_first(const S3Uri& prefix) {
        const auto object = first_object(prefix);
        if (!object) return true;
        auto listing = listing_accesses(registry_, session_, origin_.region, prefix);
        if (!listing) return false;
        return ask(access("s3:GetObject", *object),
                   gate::FoundByListing{.listing = std::move(*listing), .shown_as = arn_of(prefix) + "*"});
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

    bool ask(Result<std::vector<gate::Access>> accesses, std::optional<gate::FoundByListing> found = {}) {
        if (!accesses) return false;
        return decide_({.caller = session_,
                        .accesses = std::move(*accesses),
                        .act = {.request_id = {},
                                .service = "sagemaker",
                                .operation = std::string(m::CreateTrainingJob::operation.name),
                                .region = {},
                                .keys = {}},
                        .found = std::move(found)});
    }

    const gate::Registry& registry_;
    const gate::RequestOrigin& origin_;
    const identity::Caller& session_;
    const gate::ServiceActs::Decide& decide_;
};

Result<void> decide_acts(const gate::Registry& registry, const identity::Directory& directory, const gate::RequestOrigin& origin,
                         const m::CreateTrainingJobRequest& asked, const gate::ServiceActs::Decide& decide) {
    const training::JobId id{origin.caller.principal.account, std::string(origin.region), asked.training_job_name};
    const training::Plan plan = TRY(training::plan(id, asked));
    training::SessionTerms terms;
    if (plan.tag_chaining) terms.tags = origin.caller.session_tags;
    terms.source_identity = origin.caller.source_identity;
    const identity::AssumeRole request = training::job_role_request(asked.role_arn, terms);
    if (!decide(TRY(gate::role_assumption(origin.describer, training::job_service_call(id), request)))) return {};
    const auto session = identity::supposed_session(directory, request);
    if (!session) return {};  // no such role: it trusts nobody
    RoleQuestions questions(registry, origin, *session, decide);
    for (const RoleNeed& need : training::role_needs(plan))
        if (!questions.ask(need)) break;
    return {};
}

}  // namespace

Result<std::vector<gate::Access>> listing_accesses(const gate::Registry& registry, const identity::Caller& session,
                                                   std::string_view region, const S3Uri& prefix) {
    const gate::Operation* const listing = registry.find("s3", "ListObjectsV2");
    INVARIANT(listing != nullptr);
    const text::Json input =
        text::Json::object({{"Bucket", prefix.bucket}, {"Prefix", prefix.key}, {"MaxKeys", int64_t{1}}, {"EncodingType", "url"}});
    auto accesses = listing->begin()->supposed_accesses(session, region, input.dump());
    if (accesses || accesses.error().code != base::code::NoSuchBucket) return accesses;
    gate::Access access{.action = "s3:ListBucket", .resource = std::string(s3_arn) + prefix.bucket};
    access.context.set("s3:prefix", prefix.key);
    access.context.set("s3:max-keys", "1");
    return std::vector<gate::Access>{std::move(access)};
}

void add_acts(gate::ServiceActs& acts, const gate::Registry& registry, const identity::Directory& directory) {
    acts.add(
        m::CreateTrainingJob::operation,
        [&](const gate::RequestOrigin& origin, std::string_view input, const gate::ServiceActs::Decide& decide) -> Result<void> {
            m::CreateTrainingJobRequest asked;
            TRY(model::read_json(m::CreateTrainingJob::operation, input, &asked));
            return decide_acts(registry, directory, origin, asked, decide);
        });
    acts.add(
        model::trainwarden::CheckTrainingJob::operation,
        [&](const gate::RequestOrigin& origin, std::string_view input, const gate::ServiceActs::Decide& decide) -> Result<void> {
            model::trainwarden::CheckTrainingJobRequest question;
            TRY(model::read_json(model::trainwarden::CheckTrainingJob::operation, input, &question));
            m::CreateTrainingJobRequest asked;
            TRY(model::read_json(m::CreateTrainingJob::operation, question.request, &asked));
            return decide_acts(registry, directory, origin, asked, decide);
        });
}

}  // namespace services::sagemaker
