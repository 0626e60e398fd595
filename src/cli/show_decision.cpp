#include "cli/show_decision.hpp"

#include "cli/terminal.hpp"

namespace cli {
namespace {

using text::Json;

std::string label(std::string_view name) {
    std::string padded = "  " + std::string(name);
    padded.append(padded.size() < 12 ? 12 - padded.size() : 1, ' ');
    return paint(Style::dim, padded);
}

std::string why(const Json& access) {
    const std::string& decision = access["Decision"].as_string();
    const std::string& by = access["DecidedBy"].as_string();
    if (decision == "allowed") return "allowed by " + by;
    if (decision == "explicitDeny") return "denied by " + by;
    std::string missing;
    for (const Json& layer : access["MissingAllowIn"].items()) missing += (missing.empty() ? "" : ", ") + layer.as_string();
    return "no " + (missing.empty() ? by : missing) + " allows it";
}

}  // namespace

std::string show_principal(const Json& principal) {
    if (principal["Type"].as_string() == "Anonymous") return "anyone, without credentials";
    if (principal["Type"].as_string() == "Service") return principal["Service"].as_string();
    return principal["Arn"].as_string();
}

std::string show_statements(const Json& statements, const std::string& indent) {
    std::string out;
    for (const Json& statement : statements.items()) {
        const std::string name = statement.contains("Sid") ? "`" + statement["Sid"].as_string() + "`"
                                                           : std::to_string(statement["StatementIndex"].as_int() + 1);
        out += indent + statement["Effect"].as_string() + " statement " + name + " of " + statement["PolicyName"].as_string();
        if (statement.contains("Line")) out += ", line " + statement["Line"].as_string();
        out += " (" + statement["PolicyType"].as_string() + ")\n";
    }
    return out;
}

std::string show_access(const Json& access) {
    const bool allowed = access["Decision"].as_string() == "allowed";
    std::string out = (allowed ? paint(Style::green, "allowed") : paint(Style::red, "refused")) + "  " +
                      paint(Style::bold, access["Action"].as_string()) + " on " + access["Resource"].as_string() + "\n";
    out += label("because") + why(access) + "\n";
    out += show_statements(access["MatchedStatements"], std::string(12, ' '));
    bool first = true;
    for (const Json& line : access["Advice"].items()) {
        out += (first ? label("remedy") : std::string(12, ' ')) + line.as_string() + "\n";
        first = false;
    }
    return out;
}

std::string show_record(const Json& record) {
    std::string what = record["Service"].as_string();
    if (record.contains("Operation")) what += " " + record["Operation"].as_string();
    std::string out = paint(Style::bold, what.empty() ? "decision of a service" : what) + "  " + record["Time"].as_string() +
                      "  " + paint(Style::dim, record["RequestId"].as_string()) + "\n";
    out += label("principal") + show_principal(record["Principal"]) + "\n";
    if (record.contains("SourceAddress"))
        out += label("from") + record["SourceAddress"].as_string() + "  " + record["UserAgent"].as_string() + "\n";
    if (record.contains("ErrorCode"))
        out += label("answer") + paint(Style::red, record["ErrorCode"].as_string()) + ": " + record["ErrorMessage"].as_string() +
               "\n";
    for (const Json& access : record["Accesses"].items()) out += show_access(access);
    return out;
}

}  // namespace cli
