#include "cli/show_decision.hpp"

namespace cli {
namespace {

using text::Json;

Text show_statement(const Json& statement) {
    return Text(statement["Effect"].as_string()) + " " + statement["Description"].as_string() + " (" +
           statement["PolicyType"].as_string() + ")";
}

Text label(std::string_view name) {
    std::string padded = "  " + std::string(name);
    padded.append(padded.size() < 14 ? 14 - padded.size() : 1, ' ');
    return paint(Style::dim, padded);
}

Text indent() { return std::string(14, ' '); }

// One statement under its label: what it is, and what kind of policy that is.
Text show_labelled(std::string_view name, const Json& statements) {
    Text out;
    for (const Json& statement : statements.items())
        out += (out.empty() ? label(name) : indent()) + show_statement(statement) + "\n";
    return out;
}

}  // namespace

Text show_principal(const Json& principal) {
    if (principal["Type"].as_string() == "Anonymous") return "anyone, without credentials";
    if (principal["Type"].as_string() == "Service") return principal["Service"].as_string();
    return principal["Arn"].as_string();
}

Text show_statements(const Json& statements, const Text& indent) {
    Text out;
    for (const Json& statement : statements.items()) out += indent + show_statement(statement) + "\n";
    return out;
}

Text show_access(const Json& access) {
    const bool allowed = access["Decision"].as_string() == "allowed";
    Text out = (allowed ? paint(Style::green, "allowed") : paint(Style::red, "refused")) + "  " +
               paint(Style::bold, access["Action"].as_string()) + " on " + access["Resource"].as_string() + "\n";
    out += label("because") + access["Reason"].as_string() + "\n";
    out += show_labelled(allowed ? "allowed by" : "denied by", access["MatchedStatements"]);
    out += show_labelled("allowed by", access["AllowedBy"]);
    bool first = true;
    for (const Json& layer : access["MissingAllowIn"].items()) {
        out += (first ? label("missing in") : indent()) + layer.as_string() + "\n";
        first = false;
    }
    first = true;
    for (const Json& line : access["Advice"].items()) {
        out += (first ? label("remedy") : indent()) + line.as_string() + "\n";
        first = false;
    }
    return out;
}

Text show_record(const Json& record) {
    std::string what = record["Service"].as_string();
    if (record.contains("Operation")) what += " " + record["Operation"].as_string();
    Text out = paint(Style::bold, what.empty() ? std::string("decision of a service") : what) + "  " +
               record["Time"].as_string() + "  " + paint(Style::dim, record["RequestId"].as_string()) + "\n";
    out += label("principal") + show_principal(record["Principal"]) + "\n";
    if (record.contains("SourceAddress"))
        out += label("from") + record["SourceAddress"].as_string() + "  " + record["UserAgent"].as_string() + "\n";
    if (record["Outcome"].as_string() == "notAnswered") out += label("answer") + paint(Style::red, "not answered") + "\n";
    if (record["Outcome"].as_string() == "failed") out += label("failed") + "it was allowed; its answer was an error\n";
    if (record.contains("Repeated"))
        out += label("repeated") + record["Repeated"].as_string() + " times since " + record["Since"].as_string() + "\n";
    if (record.contains("Parameters")) out += label("asked") + record["Parameters"].as_string() + "\n";
    if (record.contains("Made")) out += label("made") + record["Made"].as_string() + "\n";
    if (record.contains("Note")) out += label("note") + paint(Style::red, record["Note"].as_string()) + "\n";
    if (record.contains("ErrorCode"))
        out += label("answer") + paint(Style::red, record["ErrorCode"].as_string()) + ": " + record["ErrorMessage"].as_string() +
               "\n";
    for (const Json& access : record["Accesses"].items()) out += show_access(access);
    return out;
}

}  // namespace cli
