#include "services/access_analyzer/unused.hpp"

#include <algorithm>
#include <chrono>
#include <set>

#include "policy/catalogue.hpp"
#include "policy/granted_actions.hpp"

namespace services::access_analyzer {
namespace {

// Of one service, in a finding: more are named by the service alone.
constexpr size_t actions_shown_max = 100;

std::string prefix_of(const std::string& action) { return action.substr(0, action.find(':')); }

bool is_excluded(const UnusedQuestion& question, const HolderInUse& holder) {
    return std::ranges::any_of(question.excluded_tags, [&](const auto& tags) {
        return !tags.empty() && std::ranges::all_of(tags, [&](const auto& tag) {
            const auto own = holder.tags.find(tag.first);
            return own != holder.tags.end() && (tag.second.empty() || own->second == tag.second);
        });
    });
}

class Holder {
public:
    Holder(const UnusedQuestion& question, const HolderInUse& holder, size_t& details, Computed& out)
        : holder_(holder),
          since_(question.now - std::chrono::days(question.age_days)),
          details_(details),
          details_max_(question.details_max),
          out_(out) {
        type_ = holder.is_role ? m::ResourceType::aws__iam__role : m::ResourceType::aws__iam__user;
        out_.resources.push_back({holder.arn, type_});
        if (holder.is_role && is_unused(holder.created, holder.last_used))
            add(m::FindingType::unused_iam_role, "role",
                {.unused_iam_role_details = m::UnusedIamRoleDetails{.last_accessed = holder.last_used}});
        else if (question.record_reaches_back && holder.created <= since_)
            add_permissions();
        for (const KeyInUse& key : holder.keys)
            if (key.active && is_unused(key.created, key.last_used))
                add(m::FindingType::unused_iam_user_access_key, "key " + key.id,
                    {.unused_iam_user_access_key_details =
                         m::UnusedIamUserAccessKeyDetails{.access_key_id = key.id, .last_accessed = key.last_used}});
    }

private:
    [[nodiscard]] bool is_unused(base::Time created, std::optional<base::Time> last_used) const {
        return created <= since_ && (!last_used || *last_used < since_);
    }

    void add(m::FindingType type, const std::string& what, m::FindingDetails details) {
        ComputedFinding finding{.key = holder_.arn + "\n" + what, .type = type, .resource = holder_.arn, .resource_type = type_};
        finding.details.push_back(std::move(details));
        out_.findings.push_back(std::move(finding));
    }

    // One finding, with an entry a service: all of it, or those of its actions that were not used.
    void add_permissions() {
        if (holder_.uses.read_since || details_ >= details_max_) {  // what it did before is not known, or there are too many
            out_.open.insert(holder_.arn);
            return;
        }
        std::map<std::string, std::vector<std::string>> granted;
        for (const std::string& action : policy::granted_actions(holder_.policies)) granted[prefix_of(action)].push_back(action);
        ComputedFinding finding{.key = holder_.arn + "\npermissions",
                                .type = m::FindingType::unused_permission,
                                .resource = holder_.arn,
                                .resource_type = type_};
        for (const auto& [service, actions] : granted) {
            m::UnusedPermissionDetails details{.service_namespace = service};
            std::vector<m::UnusedAction> unused;
            for (const std::string& action : actions) {
                if (!last_use(action)) unused.push_back({.action = action});
            }
            for (auto use = holder_.uses.last.lower_bound(service + ":");
                 use != holder_.uses.last.end() && prefix_of(use->first) == service; ++use)
                if (!details.last_accessed || use->second.time > *details.last_accessed) details.last_accessed = use->second.time;
            if (unused.empty()) continue;
            if (details.last_accessed && unused.size() <= actions_shown_max) details.actions = std::move(unused);
            finding.details.push_back({.unused_permission_details = std::move(details)});
        }
        details_ += finding.details.size();
        if (!finding.details.empty()) out_.findings.push_back(std::move(finding));
    }

    [[nodiscard]] std::optional<base::Time> last_use(std::string action) const {
        std::ranges::transform(action, action.begin(),
                               [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
        const auto use = holder_.uses.last.find(action);
        return use == holder_.uses.last.end() ? std::nullopt : std::optional(use->second.time);
    }

    const HolderInUse& holder_;
    const base::Time since_;
    size_t& details_;  // of all findings so far
    const size_t details_max_;
    Computed& out_;
    m::ResourceType type_{};
};

}  // namespace

Computed unused_access(const UnusedQuestion& question, const std::vector<HolderInUse>& holders) {
    Computed out;
    size_t details = 0;
    for (const HolderInUse& holder : holders)
        if (!holder.is_service_linked && !is_excluded(question, holder)) Holder(question, holder, details, out);
    return out;
}

}  // namespace services::access_analyzer
