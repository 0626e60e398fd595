#include "cli/show_decision.hpp"

#include "model/words.hpp"

namespace cli {
namespace {

namespace m = model::trainwarden;

Text show_statement(const m::Statement& statement) {
    return Text(model::word_of(statement.effect)) + " " + model::text(statement.description) + " (" + statement.policy_type + ")";
}

Text label(std::string_view name) {
    std::string padded = "  " + std::string(name);
    padded.append(padded.size() < 14 ? 14 - padded.size() : 1, ' ');
    return paint(Style::dim, padded);
}

Text indent() { return std::string(14, ' '); }

// Lines under one label.
Text show_labelled(std::string_view name, std::span<const Text> lines) {
    Text out;
    for (const Text& line : lines) out += (out.empty() ? label(name) : indent()) + line + "\n";
    return out;
}

// What each statement is, and what kind of policy that is.
Text show_labelled(std::string_view name, std::span<const m::Statement> statements) {
    std::vector<Text> lines;
    for (const m::Statement& statement : statements) lines.push_back(show_statement(statement));
    return show_labelled(name, lines);
}

Text show_labelled(std::string_view name, std::span<const std::string> texts) {
    return show_labelled(name, std::vector<Text>(texts.begin(), texts.end()));
}

}  // namespace

Text show_principal(const m::Principal& principal) {
    if (principal.type == m::PrincipalType::anonymous) return "anyone, without credentials";
    if (principal.type == m::PrincipalType::service) return model::text(principal.service);
    return model::text(principal.arn);
}

Text show_caller(const m::RequestRecord& record) {
    if (!record.principal) return {};
    if (record.principal->type == m::PrincipalType::anonymous && record.access_key_id)
        return "not authenticated, access key " + Text(*record.access_key_id);
    return show_principal(*record.principal);
}

Text show_statements(std::span<const m::Statement> statements, const Text& indent) {
    Text out;
    for (const m::Statement& statement : statements) out += indent + show_statement(statement) + "\n";
    return out;
}

Text show_access(const m::DecidedAccess& access) {
    const bool allowed = access.decision == m::Decision::allowed;
    Text out = (allowed ? paint(Style::green, "allowed") : paint(Style::red, "refused")) + "  " +
               paint(Style::bold, access.action) + " on " + access.resource + "\n";
    out += label("because") + model::text(access.reason) + "\n";
    out += show_labelled(allowed ? "allowed by" : "denied by", model::items(access.matched_statements));
    out += show_labelled("allowed by", model::items(access.allowed_by));
    out += show_labelled("missing in", model::items(access.missing_allow_in));
    out += show_labelled("remedy", model::items(access.advice));
    return out;
}

Text show_record(const m::RequestRecord& record) {
    std::string what = record.service.value_or("");
    if (record.operation) what += " " + *record.operation;
    if (what.empty()) what = record.unreadable ? "a record that cannot be read" : "decision of a service";
    Text out = paint(Style::bold, what) + "  " + model::text(record.time) + "  " +
               paint(Style::dim, model::text(record.request_id)) + "\n";
    out += label("principal") + (record.principal ? show_caller(record) : Text("not known")) + "\n";
    if (record.source_address)
        out += label("from") + *record.source_address + (record.user_agent ? "  " + Text(*record.user_agent) : Text()) + "\n";
    if (record.outcome == m::Outcome::not_answered) out += label("answer") + paint(Style::red, "not answered") + "\n";
    if (record.outcome == m::Outcome::failed) out += label("failed") + "it was allowed; its answer was an error\n";
    if (record.repeated)
        out += label("repeated") + std::to_string(*record.repeated) + " times since " + model::text(record.since) + "\n";
    if (record.parameters) out += label("asked") + *record.parameters + "\n";
    if (record.made) out += label("made") + *record.made + "\n";
    if (record.note) out += label("note") + paint(Style::red, *record.note) + "\n";
    if (record.error_code)
        out += label("answer") + paint(Style::red, *record.error_code) + ": " + model::text(record.error_message) + "\n";
    for (const m::DecidedAccess& access : model::items(record.accesses)) out += show_access(access);
    return out;
}

}  // namespace cli
