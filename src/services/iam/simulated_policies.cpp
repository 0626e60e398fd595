#include "services/iam/simulated_policies.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "policy/arn.hpp"

namespace services::iam {

using identity::HolderKind;
using text::Json;

namespace {

constexpr std::pair<std::string_view, HolderKind> kinds[] = {
    {"user", HolderKind::user}, {"group", HolderKind::group}, {"role", HolderKind::role}};

std::string_view word_of(HolderKind kind) {
    return std::ranges::find(kinds, kind, &std::pair<std::string_view, HolderKind>::second)->first;
}

std::string name_in(const std::string& policy_arn) { return policy_arn.substr(policy_arn.rfind('/') + 1); }

void add_policies(const identity::Iam& iam, const identity::Entity& entity, HolderKind kind, std::vector<SimulatedPolicy>& out) {
    const auto word = word_of(kind);
    for (const auto& one : entity.inline_policies) {
        SimulatedPolicy policy;
        policy.attached = {one.policy, fmt::format("inline policy {} of {} {}", one.name, word, entity.name)};
        policy.id = fmt::format("{}_{}_{}", word, entity.name, one.name);
        policy.holder = kind;
        policy.holder_name = entity.name;
        policy.inline_name = one.name;
        out.push_back(std::move(policy));
    }
    for (const auto& arn : entity.attached) {
        const auto same = [&](const SimulatedPolicy& policy) { return policy.attached.name == arn; };
        if (std::ranges::none_of(out, same)) out.push_back(managed_policy(iam, entity.account, arn));
    }
}

// At most one `*`, any number of `?`.
bool matches(std::string_view pattern, std::string_view text) {
    const auto alike = [](std::string_view a, std::string_view b) {
        return std::ranges::equal(a, b, [](char p, char c) { return p == '?' || p == c; });
    };
    const size_t star = pattern.find('*');
    if (star == std::string_view::npos) return alike(pattern, text);
    const auto head = pattern.substr(0, star), tail = pattern.substr(star + 1);
    return text.size() >= head.size() + tail.size() && alike(head, text.substr(0, head.size())) &&
           alike(tail, text.substr(text.size() - tail.size()));
}

base::Result<void> check_pattern(std::string_view pattern, std::string_view whole) {
    if (std::ranges::count(pattern, '*') > 1 || pattern == "*")
        return base::fail("InvalidInput", fmt::format("Invalid policy identifier: {}.", whole));
    return {};
}

base::Result<void> check_arn_pattern(const std::string& arn) {
    const auto parts = policy::parse_arn(arn);
    const bool good = parts && parts->service == "iam" && parts->region.empty() && parts->resource.starts_with("policy/") &&
                      arn.substr(0, arn.rfind('/')).find_first_of("*?") == std::string::npos;
    if (!good) return base::fail("InvalidInput", fmt::format("Invalid policy identifier: {}.", arn));
    return check_pattern(name_in(arn), arn);
}

}  // namespace

std::optional<EntityArn> parse_entity_arn(const std::string& arn) {
    const auto parts = policy::parse_arn(arn);
    if (!parts || parts->partition != "aws" || parts->service != "iam" || !parts->region.empty() || parts->account.size() != 12)
        return std::nullopt;
    for (const auto& [word, kind] : kinds) {
        if (!parts->resource.starts_with(word) || !parts->resource.substr(word.size()).starts_with('/')) continue;
        const auto name = parts->resource.substr(parts->resource.rfind('/') + 1);
        if (name.empty()) return std::nullopt;
        return EntityArn{kind, std::string(parts->account), std::string(name)};
    }
    return std::nullopt;
}

const identity::Entity& Entity::entity() const {
    if (user) return *user;
    if (group) return *group;
    return *role;
}

const std::string& Entity::boundary() const {
    static const std::string none;
    return user ? user->boundary : role ? role->boundary : none;
}

identity::Tags Entity::tags() const { return user ? user->tags : role ? role->tags : identity::Tags(); }

base::Result<Entity> find_entity(const identity::Iam& iam, const EntityArn& arn) {
    Entity out;
    out.kind = arn.kind;
    switch (arn.kind) {
        case HolderKind::user:
            out.user = TRY(iam.user(arn.account, arn.name));
            break;
        case HolderKind::group:
            out.group = TRY(iam.group(arn.account, arn.name));
            break;
        case HolderKind::role:
            out.role = TRY(iam.role(arn.account, arn.name));
            break;
    }
    return out;
}

std::vector<SimulatedPolicy> policies_of(const identity::Iam& iam, const Entity& entity) {
    std::vector<SimulatedPolicy> out;
    add_policies(iam, entity.entity(), entity.kind, out);
    if (entity.kind != HolderKind::user) return out;
    if (const auto groups = iam.groups_of(entity.user->account, entity.user->name)) {
        for (const auto& group : *groups) add_policies(iam, *group, HolderKind::group, out);
    }
    return out;
}

SimulatedPolicy managed_policy(const identity::Iam& iam, const std::string& account, const std::string& arn) {
    static const policy::PolicyPtr denies_everything = policy::Policy::parse_stored("", policy::PolicyKind::identity);
    SimulatedPolicy out;
    out.id = name_in(arn);
    out.attached = {denies_everything, arn};
    if (const auto found = iam.managed_policy(account, arn)) {
        out.attached.policy = (*found)->version((*found)->default_version)->policy;
        out.attached.version = (*found)->default_version;
    }
    return out;
}

base::Result<Exclusions> Exclusions::read(const Json& list) {
    Exclusions out;
    size_t number = 0;
    for (const Json& item : list.items()) {
        ++number;
        if (item.size() != 1)
            return base::fail("InvalidInput", fmt::format("Policy exclusion list item {} must have exactly one of PolicyType, "
                                                          "PolicyArn and InlinePolicyIdentifier.",
                                                          number));
        const std::string& type = item["PolicyType"].as_string();
        out.inline_ = out.inline_ || type == "inline";
        out.aws_managed_ = out.aws_managed_ || type == "aws-managed";
        out.user_managed_ = out.user_managed_ || type == "user-managed";
        out.boundary_ = out.boundary_ || type == "permission-boundary";
        out.service_control_ = out.service_control_ || type == "scp";  // `rcp` is taken and ignored, as in AWS
        if (item.contains("PolicyArn")) {
            const std::string& arn = item["PolicyArn"].as_string();
            TRY(check_arn_pattern(arn));
            out.arns_.push_back(arn);
        }
        if (item.contains("InlinePolicyIdentifier")) {
            const Json& one = item["InlinePolicyIdentifier"];
            const std::string& holder = one["AttachmentName"].as_string();
            TRY(check_pattern(holder, holder));
            const auto kind =
                std::ranges::find(kinds, one["AttachmentType"].as_string(), &std::pair<std::string_view, HolderKind>::first);
            if (kind == std::end(kinds)) return base::fail("InvalidInput", "Invalid attachment type.");
            out.inlines_.push_back({kind->second, holder, one["PolicyName"].as_string()});
        }
    }
    return out;
}

bool Exclusions::leaves_out(const SimulatedPolicy& policy) const {
    if (!policy.inline_name.empty()) {
        return inline_ || std::ranges::any_of(inlines_, [&](const Inline& one) {
                   return one.holder == policy.holder && one.name == policy.inline_name &&
                          matches(one.holder_pattern, policy.holder_name);
               });
    }
    const std::string& arn = policy.attached.name;
    const bool aws = arn.find(":iam::aws:policy/") != std::string::npos;
    return (aws ? aws_managed_ : user_managed_) ||
           std::ranges::any_of(arns_, [&](const std::string& pattern) { return matches(pattern, arn); });
}

void Labels::add(const SimulatedPolicy& policy) {
    by_name_[policy.attached.name] = {policy.id, policy::statement_spans(policy.attached.policy->text())};
}

Json Labels::show(const policy::StatementRef& statement) const {
    const std::string_view type = statement.layer == policy::Layer::resource   ? "Resource Policy"
                                  : statement.layer == policy::Layer::boundary ? "Permissions Boundary Policy"
                                                                               : "IAM Policy";
    const auto found = by_name_.find(statement.policy_name);
    Json out = Json::object(
        {{"SourcePolicyId", found == by_name_.end() ? statement.policy_name : found->second.id}, {"SourcePolicyType", type}});
    if (found == by_name_.end() || statement.statement >= found->second.spans.size()) return out;
    const auto position = [](text::Position at) {
        return Json::object({{"Line", static_cast<int64_t>(at.line)}, {"Column", static_cast<int64_t>(at.column)}});
    };
    const auto& span = found->second.spans[statement.statement];
    out.set("StartPosition", position(span.start));
    out.set("EndPosition", position(span.end));
    return out;
}

}  // namespace services::iam
