#include "gate/principal_record.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <utility>

#include "audit/record_view.hpp"
#include "audit/search.hpp"
#include "audit/segment.hpp"
#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "gate/gate.hpp"
#include "policy/arn.hpp"
#include "policy/context_keys.hpp"
#include "policy/reference.hpp"
#include "text/time.hpp"

namespace gate {
namespace {

using audit::RecordView;
using text::Json;

constexpr size_t records_a_page = 1000;

// What changes an answer of the engine about a principal's own requests.
constexpr auto changing_actions =
    std::to_array<std::string_view>({"iam:AttachRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePolicy", "iam:DeleteRolePolicy",
                                     "iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary", "iam:TagRole",
                                     "iam:UntagRole", "iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion",
                                     "s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:PutBucketPublicAccessBlock"});

policy::Principal principal_of(const RecordView::Principal& recorded) {
    policy::Principal out;
    out.kind = recorded.kind.value_or(policy::PrincipalKind::anonymous);
    out.account = recorded.account;
    out.arn = recorded.arn;
    out.unique_id = recorded.id;
    out.role_arn = recorded.role_arn;
    if (out.kind == policy::PrincipalKind::user) out.user_arn = recorded.arn;
    if (!out.role_arn.empty()) out.role_id = recorded.id.substr(0, recorded.id.find(':'));
    return out;
}

policy::Context context_of(const Json& recorded) {
    policy::Context out;
    for (const auto& [key, values] : recorded.members()) {
        std::vector<std::string> all;
        for (const Json& value : values.items()) all.push_back(value.as_string());
        if (all.size() == 1 && !policy::key_holds_list(key))
            out.set(key, std::move(all.front()));
        else
            out.set_list(key, std::move(all));
    }
    return out;
}

class Reader {
public:
    Reader(const audit::Log& log, const Describer& describer, const RecordedPrincipal& who)
        : log_(log), describer_(describer), who_(who) {}

    base::Result<PrincipalRecord> run(std::optional<base::Time> since, std::optional<base::Time> until) {
        audit::Query query;
        query.principal_id = who_.id;
        query.since = since;
        query.until = until;
        query.most = records_a_page;
        for (size_t read = 0; out_.cut_off.empty();) {
            const audit::Page page = TRY(log_.search(query));
            for (const Json& record : page.records) {
                if (++read > recorded_requests_max) out_.cut_off = std::to_string(recorded_requests_max) + " requests";
                if (out_.cut_off.empty()) TRY(add(record));
            }
            if (page.older.empty()) break;
            query.older_than = page.older;
        }
        for (auto& [key, access] : accesses_) out_.accesses.push_back(std::move(access));
        TRY(find_jobs(since, until));
        TRY(find_beginning());
        return std::move(out_);
    }

private:
    base::Result<void> add(const Json& record) {
        const RecordView view(record);
        if (view.is_unreadable) return ++out_.unreadable, base::Result<void>();
        if (view.request_id.empty() || view.outcome == audit::outcome_refused) return {};
        policy::Principal principal = principal_of(view.principal);
        const int64_t times = view.repeated.value_or(1);
        const auto time = text::parse_iso8601(view.time);
        const auto when = time ? std::optional(*time) : std::nullopt;
        const auto decided = audit::read_accesses(record);
        bool any = false;
        for (size_t i = 0; i < std::min(decided.size(), view.accesses.size()); ++i) {
            if (decided[i].decision.outcome != policy::Outcome::allow) continue;
            any = true;
            const RecordView::Access& recorded = view.accesses[i];
            policy::Request request{.principal = principal,
                                    .action = std::string(recorded.action),
                                    .resource = std::string(recorded.resource),
                                    .resource_account = std::string(recorded.resource_account),
                                    .context = recorded.context == nullptr ? policy::Context() : context_of(*recorded.context)};
            TRY(add(std::move(request), times, when));
        }
        if (!any) return {};
        out_.requests += times;
        if (when && (!out_.first || *when < *out_.first)) out_.first = when;
        if (when && (!out_.last || *when > *out_.last)) out_.last = when;
        return {};
    }

    struct Known {
        policy::SharedAttachedPolicy policy;
        std::set<std::string> keys;  // that it asks for
    };

    base::Result<void> add(policy::Request request, int64_t times, std::optional<base::Time> when) {
        const Known& resource = *TRY(known(request));
        std::string key = request.action + "\n" + request.resource + "\n" + request.principal.arn;
        for (const auto& entry : request.context.entries()) {
            if (!who_.keys.contains(entry.key) && !resource.keys.contains(entry.key)) continue;
            key += "\n" + entry.key;
            for (const std::string& value : entry.values) key += " " + std::to_string(value.size()) + ":" + value;
        }
        const auto at = accesses_.find(key);
        if (at != accesses_.end()) return at->second.times += times, base::Result<void>();  // the newest was read first
        if (accesses_.size() >= recorded_accesses_max) {
            out_.cut_off = std::to_string(recorded_accesses_max) + " different accesses";
            return {};
        }
        accesses_.emplace(std::move(key), AllowedAccess{std::move(request), resource.policy, times, when});
        return {};
    }

    // Of what is not there any more, nothing is known.
    base::Result<const Known*> known(const policy::Request& request) {
        const auto [entry, added] = known_.try_emplace({request.action, request.resource});
        if (!added) return &entry->second;
        auto access = asked_access(describer_, request.action, request.resource, request.principal.account);
        if (!access && access.error().code != base::code::NoSuchResource) return std::unexpected(std::move(access.error()));
        if (access && access->resource_policy) {
            for (const std::string& one : policy::context_keys(access->resource_policy->policy->text()))
                entry->second.keys.insert(base::lower(one));
            entry->second.policy = access->resource_policy;
        }
        return &entry->second;
    }

    // By the role that was passed to them.
    base::Result<void> find_jobs(std::optional<base::Time> since, std::optional<base::Time> until) {
        audit::Query query;
        query.action = "iam:PassRole";
        query.resource = who_.arn;
        query.since = since;
        query.until = until;
        query.accept = [&](const Json& record) {
            const RecordView view(record);
            if (view.is_unreadable || view.outcome == audit::outcome_refused) return false;
            for (const RecordView::Access& access : view.accesses) {
                if (access.context == nullptr) continue;
                const auto& values = (*access.context)["iam:associatedresourcearn"].items();
                if (values.empty()) continue;
                const auto arn = policy::parse_arn(values.front().as_string());
                constexpr std::string_view kind = "training-job/";
                if (!arn || !arn->resource.starts_with(kind)) continue;
                out_.jobs.emplace(arn->resource.substr(kind.size()));
                out_.job_arns.insert(values.front().as_string());
            }
            return false;
        };
        (void)TRY(log_.search(query));
        return {};
    }

    base::Result<void> find_beginning() {
        audit::Query query;
        query.written_since = audit::since_the_beginning;
        query.most = 1;
        // Requests without valid credentials are in a stream of their own, which is kept for another time.
        query.accept = [](const Json& record) { return !RecordView(record).principal.account.empty(); };
        const audit::Page page = TRY(log_.search(query));
        if (!page.records.empty())
            if (const auto time = text::parse_iso8601(RecordView(page.records.front()).time)) out_.begins = *time;
        return {};
    }

    const audit::Log& log_;
    const Describer& describer_;
    const RecordedPrincipal& who_;
    std::map<std::string, AllowedAccess> accesses_;
    std::map<std::pair<std::string, std::string>, Known> known_;  // by action and resource
    PrincipalRecord out_;
};

}  // namespace

base::Result<PrincipalRecord> read_principal_record(const audit::Log& log, const Describer& describer,
                                                    const RecordedPrincipal& who, std::optional<base::Time> since,
                                                    std::optional<base::Time> until) {
    return Reader(log, describer, who).run(since, until);
}

base::Result<std::vector<PolicyChange>> policy_changes(const audit::Log& log, const std::set<std::string>& resources,
                                                       base::Time since, size_t most) {
    std::vector<PolicyChange> out;
    for (const std::string& resource : resources) {
        audit::Query query;
        query.resource = resource;
        query.writes = true;
        query.since = since;
        query.most = most;
        query.accept = [](const Json& record) {
            const RecordView view(record);
            constexpr int64_t redirections = 300;
            return !view.is_unreadable && view.status >= 200 && view.status < redirections && !view.accesses.empty() &&
                   std::ranges::find(changing_actions, view.accesses.front().action) != changing_actions.end();
        };
        for (const Json& record : TRY(log.search(query)).records) {
            const RecordView view(record);
            out.push_back({.time = std::string(view.time),
                           .request_id = std::string(view.request_id),
                           .action = std::string(view.accesses.front().action),
                           .resource = resource,
                           .principal = std::string(view.principal.arn)});
        }
    }
    std::ranges::sort(out, std::greater<>(), &PolicyChange::time);
    if (out.size() > most) out.resize(most);
    return out;
}

}  // namespace gate
