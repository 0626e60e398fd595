#include "services/iam/last_accessed_report.hpp"

#include <algorithm>
#include <set>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "policy/catalogue.hpp"
#include "policy/granted_actions.hpp"
#include "services/iam/service_names.hpp"
#include "text/time.hpp"

namespace services::iam {
namespace {

using identity::HolderKind;
using text::Json;

std::string_view prefix_of(std::string_view action) { return action.substr(0, action.find(':')); }
std::string_view name_in(std::string_view action) { return action.substr(action.find(':') + 1); }

void take_latest(std::optional<LastUseOf>& last, const LastUseOf& use) {
    if (!last || use.time > last->time) last = use;
}

Json use_json(const LastUseOf& use) {
    return Json::object(
        {{"Time", text::iso8601_millis(use.time)}, {"Region", use.region}, {"Entity", static_cast<int64_t>(use.entity)}});
}

std::unexpected<base::Error> unreadable() {
    return base::fail(base::code::InternalError, "a stored report about last access cannot be read");
}

base::Result<base::Time> time_in(const Json& json) {
    const auto time = text::parse_iso8601(json.as_string());
    if (!time) return unreadable();
    return *time;
}

base::Result<LastUseOf> read_use(const Json& json, size_t entities) {
    LastUseOf out{.time = TRY(time_in(json["Time"])),
                  .region = json["Region"].as_string(),
                  .entity = static_cast<size_t>(json["Entity"].as_int(-1))};
    if (out.entity >= entities) return unreadable();
    return out;
}

base::Result<ReportedService> read_service(const Json& json, size_t entities) {
    ReportedService out{.prefix = json["Prefix"].as_string(), .all_actions = json["AllActions"].as_bool()};
    if (json.contains("Last")) out.last = TRY(read_use(json["Last"], entities));
    for (const auto& [entity, time] : json["Entities"].members()) {
        const size_t place = static_cast<size_t>(std::strtoull(entity.c_str(), nullptr, 10));
        if (place >= entities) return unreadable();
        out.entities.emplace(place, TRY(time_in(time)));
    }
    for (const auto& [action, use] : json["Used"].members()) out.used_actions.emplace(action, TRY(read_use(use, entities)));
    for (const Json& action : json["Granted"].items()) out.granted_actions.push_back(action.as_string());
    return out;
}

}  // namespace

const ReportedService* LastAccessedReport::find(std::string_view prefix) const {
    const auto found = std::ranges::lower_bound(services, prefix, {}, &ReportedService::prefix);
    return found != services.end() && found->prefix == prefix ? &*found : nullptr;
}

void fill_report(LastAccessedReport& report, const policy::PrincipalPolicies& policies, std::span<const audit::Uses> uses) {
    std::map<std::string, std::vector<std::string>, std::less<>> granted;
    for (const std::string& action : policy::granted_actions(policies))
        granted[std::string(prefix_of(action))].emplace_back(name_in(action));
    for (auto& [prefix, actions] : granted) {
        ReportedService service{.prefix = prefix};
        if (report.action_level) {
            service.all_actions = actions.size() == policy::actions_matching(prefix + ":*").size();
            if (!service.all_actions) service.granted_actions = actions;
        }
        for (size_t entity = 0; entity < uses.size(); ++entity) {
            const auto& last = uses[entity].last;
            for (auto use = last.lower_bound(prefix + ":"); use != last.end() && prefix_of(use->first) == prefix; ++use) {
                const LastUseOf one{.time = use->second.time, .region = use->second.region, .entity = entity};
                take_latest(service.last, one);
                auto& of_entity = service.entities.try_emplace(entity, one.time).first->second;
                of_entity = std::max(of_entity, one.time);
                if (!report.action_level) continue;
                const auto [action, added] = service.used_actions.try_emplace(std::string(name_in(use->second.action)), one);
                if (!added && one.time > action->second.time) action->second = one;
            }
        }
        report.services.push_back(std::move(service));
    }
}

Json to_json(const LastAccessedReport& report) {
    Json entities = Json::array(), services = Json::array();
    for (const ReportedEntity& entity : report.entities)
        entities.push(Json::object({{"Role", entity.kind == HolderKind::role},
                                    {"Arn", entity.arn},
                                    {"Name", entity.name},
                                    {"Id", entity.id},
                                    {"Path", entity.path}}));
    for (const ReportedService& service : report.services) {
        Json one = Json::object({{"Prefix", service.prefix}});
        if (service.last) one.set("Last", use_json(*service.last));
        if (service.all_actions) one.set("AllActions", true);
        Json by_entity = Json::object(), used = Json::object(), granted = Json::array();
        for (const auto& [entity, time] : service.entities) by_entity.set(std::to_string(entity), text::iso8601_millis(time));
        for (const auto& [action, use] : service.used_actions) used.set(action, use_json(use));
        for (const std::string& action : service.granted_actions) granted.push(action);
        if (by_entity.size() > 0) one.set("Entities", std::move(by_entity));
        if (used.size() > 0) one.set("Used", std::move(used));
        if (granted.size() > 0) one.set("Granted", std::move(granted));
        services.push(std::move(one));
    }
    return Json::object({{"Created", text::iso8601_millis(report.created)},
                         {"Completed", text::iso8601_millis(report.completed)},
                         {"By", report.by},
                         {"ActionLevel", report.action_level},
                         {"Entities", std::move(entities)},
                         {"Services", std::move(services)}});
}

base::Result<LastAccessedReport> read_report(const Json& json) {
    LastAccessedReport out{.created = TRY(time_in(json["Created"])),
                           .completed = TRY(time_in(json["Completed"])),
                           .by = json["By"].as_string(),
                           .action_level = json["ActionLevel"].as_bool(),
                           .entities = {},
                           .services = {}};
    for (const Json& one : json["Entities"].items())
        out.entities.push_back({.kind = one["Role"].as_bool() ? HolderKind::role : HolderKind::user,
                                .arn = one["Arn"].as_string(),
                                .name = one["Name"].as_string(),
                                .id = one["Id"].as_string(),
                                .path = one["Path"].as_string()});
    for (const Json& one : json["Services"].items()) out.services.push_back(TRY(read_service(one, out.entities.size())));
    return out;
}

std::string_view name_of_service(std::string_view prefix) {
    const auto names = service_names();
    const auto found = std::ranges::lower_bound(names, prefix, {}, &ServiceName::prefix);
    return found != names.end() && found->prefix == prefix ? found->name : prefix;
}

}  // namespace services::iam
