#include "services/logs/resources.hpp"

#include <algorithm>

#include "base/strings.hpp"

namespace services::logs {
namespace {

constexpr std::string_view group_type = "log-group:", stream_type = ":log-stream:";

std::string_view group_in(std::string_view resource) {
    const std::string_view behind = resource.substr(group_type.size());
    return behind.substr(0, behind.find(':'));  // names of groups have no colon
}

// Empty: the ARN names none.
std::string_view stream_in(std::string_view resource) {
    const size_t at = resource.find(stream_type);
    return at == std::string_view::npos ? std::string_view() : resource.substr(at + stream_type.size());
}

}  // namespace

std::string Group::arn_of(std::string_view group) const {
    return "arn:aws:logs:" + owner.region + ":" + owner.account + ":log-group:" + std::string(group);
}

Result<gate::Description> Resources::find(const gate::Subject& subject) const {
    gate::Description out{.arn = std::string(subject.text), .owner = std::string(subject.arn.account)};
    if (!subject.arn.resource.starts_with(group_type)) return out;
    out.region = subject.arn.region;
    out.found = gate::Found::of(Group{.owner = {std::string(subject.arn.account), std::string(subject.arn.region)},
                                      .name = std::string(group_in(subject.arn.resource))});
    return out;
}

Result<gate::Description> Resources::describe(const gate::Subject& subject) const {
    auto out = TRY(find(subject));
    const auto* const group = out.found.as<Group>();
    if (group == nullptr) {
        out.existence = gate::Existence::absent;
        out.absence = "only log groups exist here";
        return out;
    }
    const std::string stream(stream_in(subject.arn.resource));
    out.existence = gate::Existence::there;
    if (!store_.require_group(group->owner, group->name)) {
        out.existence = gate::Existence::absent;
        out.absence = "there is no log group " + group->name;
    } else if (!stream.empty() && !base::equals_ignoring_case(subject.action, m::Action::logs_CreateLogStream.text) &&
               !store_.stream(group->owner, group->name, stream)) {
        out.existence = gate::Existence::absent;
        out.absence = "there is no log stream " + stream;
    }
    return out;
}

Result<gate::ResourcePage> Resources::each_resource(const gate::ResourceQuery& query) const {
    gate::ResourcePager pager(query);
    const auto parsed = policy::parse_arn(query.pattern);
    const size_t streams = query.pattern.find(stream_type);
    const bool names_group = streams != std::string_view::npos && parsed && parsed->resource.starts_with(group_type) &&
                             query.pattern.substr(0, streams).find_first_of("*?") == std::string_view::npos;
    if (names_group) {
        if (parsed->account != query.account) return gate::ResourcePage{};
        const ::logs::Owner owner{std::string(parsed->account), std::string(parsed->region)};
        const std::string group(group_in(parsed->resource));
        const std::string before(query.pattern.substr(0, streams + stream_type.size()));
        for (const auto& stream : TRY(store_.stream_names(owner, group))) pager.add(before + stream);
        return std::move(pager).finish();
    }
    for (const auto& [region, group] : TRY(store_.group_names(std::string(query.account))))
        pager.add(Group{.owner = {std::string(query.account), region}, .name = group}.arn());
    return std::move(pager).finish();
}

Result<model::NamedValues> log_group(const model::RequestOrigin& origin,
                                     std::span<const std::optional<std::string>> name_and_identifier) {
    const auto& name = name_and_identifier[0];
    const auto& identifier = name_and_identifier[1];
    if (name.has_value() == identifier.has_value())
        return invalid("Exactly one of logGroupName and logGroupIdentifier must be specified.");
    if (name) return model::NamedValues{{"", *name}};
    if (identifier->find(':') == std::string::npos) return model::NamedValues{{"", *identifier}};
    const std::string here = Group{.owner = {std::string(origin.account), std::string(origin.region)}, .name = ""}.arn();
    const std::string_view group = std::string_view(*identifier).substr(std::min(here.size(), identifier->size()));
    if (!identifier->starts_with(here) || group.empty() || group.find(':') != std::string_view::npos)
        return invalid(
            "logGroupIdentifier is neither the name nor the ARN of a log group of this account and region: ARNs begin "
            "with " +
            here);
    return model::NamedValues{{"", std::string(group)}};
}

}  // namespace services::logs
