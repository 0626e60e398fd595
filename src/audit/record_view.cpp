#include "audit/record_view.hpp"

namespace audit {
namespace {

using text::Json;

RecordView::Principal principal_of(const Json& json) {
    RecordView::Principal out{.kind = std::nullopt,
                              .type = json[member::type].as_string(),
                              .arn = json[member::arn].as_string(),
                              .account = json[member::account].as_string(),
                              .id = json[member::id].as_string(),
                              .role_arn = json[member::role_arn].as_string(),
                              .service = json[member::service].as_string()};
    out.kind = principal_kind_named(out.type);
    return out;
}

}  // namespace

RecordView::RecordView(const Json& record)
    : time(record[member::time].as_string()),
      request_id(record[member::request_id].as_string()),
      service(record[member::service].as_string()),
      operation(record[member::operation].as_string()),
      source_address(record[member::source_address].as_string()),
      user_agent(record[member::user_agent].as_string()),
      access_key_id(record[member::access_key_id].as_string()),
      session_name(record[member::session_name].as_string()),
      outcome(record[member::outcome].as_string()),
      error_code(record[member::error_code].as_string()),
      error_message(record[member::error_message].as_string()),
      parameters(record[member::parameters].as_string()),
      made(record[member::made].as_string()),
      note(record[member::note].as_string()),
      unreadable(record[member::unreadable].as_string()),
      is_unreadable(record.contains(member::unreadable)),
      status(record[member::status].as_int(-1)),
      principal(principal_of(record[member::principal])) {
    if (const Json* times = record.find(member::repeated)) repeated = times->as_int();
    const auto& all = record[member::accesses].items();
    accesses.reserve(all.size());
    for (const Json& access : all)
        accesses.push_back({.action = access[member::action].as_string(),
                            .resource = access[member::resource].as_string(),
                            .resource_account = access[member::resource_account].as_string(),
                            .context = &access[member::context]});
}

std::string_view RecordView::key(std::string_view name) const {
    if (accesses.empty()) return {};
    const auto& values = (*accesses.front().context)[name].items();
    return values.empty() ? std::string_view() : std::string_view(values.front().as_string());
}

std::string_view RecordView::user_name() const {
    if (principal.kind == policy::PrincipalKind::root) return "root";
    if (principal.kind == policy::PrincipalKind::user) return principal.arn.substr(principal.arn.rfind('/') + 1);
    return session_name;
}

std::string RecordView::named_resource() const {
    return accesses.empty() ? audit::named_resource(service, parameters) : std::string();
}

std::string named_resource(std::string_view service, std::string_view parameters) {
    if (service != "s3" || parameters.empty()) return {};
    const auto asked = text::parse_json(parameters);
    if (!asked || (*asked)["Bucket"].as_string().empty()) return {};
    const std::string& key = (*asked)["Key"].as_string();
    return "arn:aws:s3:::" + (*asked)["Bucket"].as_string() + (key.empty() ? "" : "/" + key);
}

}  // namespace audit
