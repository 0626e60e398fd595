#include "services/iam/simulated_policies.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "base/error_codes.hpp"
#include "policy/arn.hpp"

namespace services::iam {

using identity::HolderKind;
namespace m = model::iam;

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
        return base::fail(base::code::InvalidInput, fmt::format("Invalid policy identifier: {}.", whole));
    return {};
}

base::Result<void> check_arn_pattern(const std::string& arn) {
    const auto parts = policy::parse_arn(arn);
    const bool good = parts && parts->service == "iam" && parts->region.empty() && parts->resource.starts_with("policy/") &&
                      arn.substr(0, arn.rfind('/')).find_first_of("*?") == std::string::npos;
    if (!good) return base::fail(base::code::InvalidInput, fmt::format("Invalid policy identifier: {}.", arn));
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

base::Result<Exclusions> Exclusions::read(std::span<const m::PolicyIdentifier> list) {
    using Type = m::PolicyIdentifierPolicyType;
    Exclusions out;
    size_t number = 0;
    for (const auto& item : list) {
        ++number;
        if (item.policy_type.has_value() + item.policy_arn.has_value() + item.inline_policy_identifier.has_value() != 1)
            return base::fail(base::code::InvalidInput,
                              fmt::format("Policy exclusion list item {} must have exactly one of PolicyType, "
                                          "PolicyArn and InlinePolicyIdentifier.",
                                          number));
        out.inline_ = out.inline_ || item.policy_type == Type::inline_;
        out.aws_managed_ = out.aws_managed_ || item.policy_type == Type::aws_managed;
        out.user_managed_ = out.user_managed_ || item.policy_type == Type::user_managed;
        out.boundary_ = out.boundary_ || item.policy_type == Type::permission_boundary;
        out.service_control_ = out.service_control_ || item.policy_type == Type::scp;  // `rcp` is taken and ignored, as in AWS
        if (item.policy_arn) {
            TRY(check_arn_pattern(*item.policy_arn));
            out.arns_.push_back(*item.policy_arn);
        }
        if (item.inline_policy_identifier) {
            const auto& one = *item.inline_policy_identifier;
            TRY(check_pattern(one.attachment_name, one.attachment_name));
            const auto kind = one.attachment_type == m::AttachmentType::user    ? HolderKind::user
                              : one.attachment_type == m::AttachmentType::group ? HolderKind::group
                                                                                : HolderKind::role;
            out.inlines_.push_back({kind, one.attachment_name, one.policy_name});
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

m::Statement Labels::shown(const policy::StatementRef& statement) const {
    using Type = m::PolicySourceType;
    const auto found = by_name_.find(statement.policy_name);
    m::Statement out{.source_policy_id = found == by_name_.end() ? statement.policy_name : found->second.id,
                     .source_policy_type = statement.layer == policy::Layer::resource   ? Type::resource_policy
                                           : statement.layer == policy::Layer::boundary ? Type::permissions_boundary_policy
                                                                                        : Type::iam_policy};
    if (found == by_name_.end() || statement.statement >= found->second.spans.size()) return out;
    const auto position = [](text::Position at) {
        return m::Position{.line = static_cast<int32_t>(at.line), .column = static_cast<int32_t>(at.column)};
    };
    const auto& span = found->second.spans[statement.statement];
    out.start_position = position(span.start);
    out.end_position = position(span.end);
    return out;
}

base::Result<gate::RequiredAccesses<>> source_needs(const identity::Iam& iam, const gate::RequestOrigin& asking,
                                                    model::ActionName action, const std::string& source) {
    const auto named = policy::parse_arn(source);
    if (!named || named->service != "iam")
        return base::fail(base::code::InvalidInput, fmt::format("Invalid ARN provided in the request: {}", source));
    const auto arn = parse_entity_arn(source);
    const bool own = arn && arn->account == asking.caller.principal.account;
    const auto found = own ? std::optional(find_entity(iam, *arn)) : std::nullopt;
    auto resource = TRY(asking.find(found && *found ? (*found)->entity().arn : source, action));
    resource.owner.clear();
    gate::RequiredAccesses<> needs;
    needs.add(action, resource);
    return needs;
}

}  // namespace services::iam
