#include "cli/plan.hpp"

#include <algorithm>

#include "base/mutex.hpp"
#include "base/strings.hpp"

namespace cli {

using deploy::Op;
using deploy::Step;
using provider::Property;
using text::Json;

namespace {

struct Look {
    Op op;
    const char* symbol;
    Style style;
    const char* done;     // it was …
    const char* planned;  // it will be …
    const char* running;  // … it
};

constexpr std::array<Look, 12> looks = {{
    {Op::same, " ", Style::dim, "unchanged", "unchanged", "checking"},
    {Op::create, "+", Style::green, "created", "to create", "creating"},
    {Op::update, "~", Style::yellow, "updated", "to update", "updating"},
    {Op::replace, "+-", Style::yellow, "replaced", "to replace", "replacing"},
    {Op::create_replacement, "++", Style::green, "created as the replacement", "to create as the replacement", "creating"},
    {Op::delete_replaced, "--", Style::red, "deleted, replaced", "to delete, replaced", "deleting"},
    {Op::remove, "-", Style::red, "deleted", "to delete", "deleting"},
    {Op::read, ">", Style::cyan, "read", "to read", "reading"},
    {Op::import, "=", Style::cyan, "imported", "to import", "importing"},
    {Op::refresh, "~", Style::dim, "read", "read", "reading"},
    {Op::forget, "-", Style::dim, "left alone, no longer in the stack", "to leave alone, no longer in the stack", "leaving"},
    {Op::discard, "-", Style::red, "gone: dropped from the state", "gone: to drop from the state", "dropping"},
}};

const Look& look(Op op) { return *std::ranges::find(looks, op, &Look::op); }

// Policies arrive as text; as values they can be compared member by member.
Json open_documents(Json json) {
    if (json.is_string() && (json.as_string().starts_with('{') || json.as_string().starts_with('['))) {
        if (auto parsed = text::parse_json(json.as_string())) return *parsed;
    }
    if (json.is_array())
        for (Json& item : json.items()) item = open_documents(std::move(item));
    if (json.is_object())
        for (auto& [key, member] : json.members()) member = open_documents(std::move(member));
    return json;
}

void compare(const std::string& path, const Json* before, const Json* after, std::vector<std::string>& lines) {
    if (before != nullptr && after != nullptr && *before == *after) return;
    if (before != nullptr && after != nullptr && before->is_object() && after->is_object()) {
        for (const auto& [key, value] : before->members())
            compare(path.empty() ? key : path + "." + key, &value, after->find(key), lines);
        for (const auto& [key, value] : after->members())
            if (!before->contains(key)) compare(path.empty() ? key : path + "." + key, nullptr, &value, lines);
        return;
    }
    if (before != nullptr && after != nullptr && before->is_array() && after->is_array()) {
        for (size_t i = 0; i < std::max(before->size(), after->size()); ++i) {
            compare(path + "[" + std::to_string(i) + "]", i < before->size() ? &before->items()[i] : nullptr,
                    i < after->size() ? &after->items()[i] : nullptr, lines);
        }
        return;
    }
    if (before == nullptr)
        lines.push_back("+ " + path + ": " + after->dump());
    else if (after == nullptr)
        lines.push_back("- " + path + ": " + before->dump());
    else
        lines.push_back("~ " + path + ": " + before->dump() + " => " + after->dump());
}

Style style_of_line(std::string_view line) {
    return line.starts_with('+') ? Style::green : line.starts_with('-') ? Style::red : Style::yellow;
}

std::string milliseconds(std::chrono::milliseconds took) {
    if (took.count() < 1000) return std::to_string(took.count()) + " ms";
    const auto tenths = took.count() / 100;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

}  // namespace

std::vector<std::string> difference_lines(const Json& before, const Json& after) {
    std::vector<std::string> lines;
    compare("", &before, &after, lines);
    return lines;
}

std::vector<std::string> input_changes(const deploy::ResourcePtr& before, const deploy::ResourcePtr& after,
                                       const std::vector<std::string>& only) {
    const auto inputs_of = [&](const deploy::ResourcePtr& resource) {
        Json inputs = Json::object();
        if (resource == nullptr) return inputs;
        for (const auto& [key, value] : resource->inputs.members()) {
            if (key == "__defaults" || (!only.empty() && std::ranges::find(only, key) == only.end())) continue;
            inputs.set(key, open_documents(deploy::to_plain_json(value, false)));
        }
        return inputs;
    };
    std::vector<std::string> lines = difference_lines(inputs_of(before), inputs_of(after));
    // Two masked secrets look alike; that one changed must show all the same.
    for (const std::string& key : only) {
        const std::string path = key.substr(0, key.find_first_of(".["));
        if (before != nullptr && after != nullptr && before->inputs[path].has_secrets() && after->inputs[path].has_secrets())
            lines.push_back("~ " + path + ": [secret] => [secret]");
    }
    return lines;
}

PlanDisplay::PlanDisplay(Options options) : options_(options), live_(!options.json && is_terminal(stdout)) {}

void PlanDisplay::print(const Text& line) {
    if (options_.json) return;
    erase();
    cli::print(line + "\n");
    redraw();
    std::fflush(stdout);
}

void PlanDisplay::erase() {
    if (drawn_ > 0) cli::print(redraw_from());
    drawn_ = 0;
}

void PlanDisplay::redraw() {
    if (!live_) return;
    erase();
    if (running_.empty()) return;
    std::string line = base::join(running_, ", ");
    if (line.size() > 74) line = running_.front() + " and " + std::to_string(running_.size() - 1) + " more";
    cli::print(paint(Style::dim, "  … " + Text(line)));
    std::fflush(stdout);
    drawn_ = 1;
}

void PlanDisplay::step(const Step& step) {
    if (step.hidden) return;
    const base::Lock lock(mutex_);
    const Look& how = look(step.op);
    const std::string running = std::string(how.running) + " " + step.name;
    if (step.phase == Step::Phase::begun) {
        running_.push_back(running);
        return redraw();
    }
    if (const auto at = std::ranges::find(running_, running); at != running_.end()) running_.erase(at);
    if (step.phase == Step::Phase::failed) return redraw();  // its error is a diagnostic of its own
    ++counts_[step.op];

    std::vector<std::string> changes;
    if (step.op == Op::update || step.op == Op::replace)
        changes = input_changes(step.before, step.after, step.difference.changed);
    if (step.op == Op::refresh && step.difference.any())
        changes = input_changes(step.before, step.after, step.difference.changed);
    if (options_.details && step.op == Op::create) changes = input_changes(nullptr, step.after, {});
    if (options_.details && step.op == Op::remove) changes = input_changes(step.before, nullptr, {});

    Json json = Json::object();
    json.set("op", Json(deploy::name_of(step.op)));
    json.set("urn", Json(step.urn));
    json.set("type", Json(step.type));
    json.set("name", Json(step.name));
    if (!step.id.empty()) json.set("id", Json(step.id));
    if (!step.reason.empty()) json.set("reason", Json(step.reason));
    if (step.difference.any()) {
        Json changed = Json::array(), replace = Json::array();
        for (const auto& key : step.difference.changed) changed.push(Json(key));
        for (const auto& key : step.difference.replace) replace.push(Json(key));
        json.set("changed", std::move(changed));
        if (replace.size() > 0) json.set("replace", std::move(replace));
    }
    if (!changes.empty()) {
        Json lines = Json::array();
        for (const auto& line : changes) lines.push(Json(line));
        json.set("changes", std::move(lines));
    }
    json.set("milliseconds", Json(static_cast<int64_t>(step.took.count())));
    steps_.push_back(std::move(json));

    const bool quiet = step.op == Op::same || (step.op == Op::refresh && changes.empty()) || step.op == Op::create_replacement;
    if (quiet) return redraw();
    Text line = "  " + paint(how.style, Text(how.symbol) + " " + step.type + " " + step.name) + " " +
                (options_.preview ? how.planned : how.done);
    if (!step.difference.replace.empty()) line += " because of " + Text(base::join(step.difference.replace, ", "));
    if (!options_.preview && step.after != nullptr && !step.id.empty() && step.id != step.name && step.op != Op::update)
        line += " as " + Text(step.id);
    if (!step.reason.empty()) line += ": " + Text(step.reason);
    if (!options_.preview) line += paint(Style::dim, " (" + Text(milliseconds(step.took)) + ")");
    print(line);
    for (const std::string& change : changes) print("      " + paint(style_of_line(change), change));
}

void PlanDisplay::diagnostic(const deploy::Diagnostic& diagnostic) {
    const base::Lock lock(mutex_);
    if (diagnostic.message.empty() || diagnostic.ephemeral || diagnostic.severity == deploy::rpc::Severity::debug) return;
    static constexpr std::array<const char*, 4> names = {"debug", "info", "warning", "error"};
    static constexpr std::array<Style, 4> styles = {Style::dim, Style::blue, Style::yellow, Style::red};
    const auto level = static_cast<size_t>(diagnostic.severity);
    Json json = Json::object();
    json.set("severity", Json(names.at(level)));
    json.set("message", Json(diagnostic.message));
    if (!diagnostic.urn.empty()) json.set("urn", Json(diagnostic.urn));
    if (!diagnostic.source.empty()) json.set("at", Json(diagnostic.source));
    for (const std::string& note : diagnostic.notes) {
        if (!json.contains("notes")) json.set("notes", Json::array());
        json.find("notes")->push(Json(note));
    }
    diagnostics_.push_back(std::move(json));
    if (options_.json) return;
    erase();
    std::fflush(stdout);
    Text text = Text::lines(base::trim(diagnostic.message), "  ");
    if (!diagnostic.source.empty()) text += " at " + Text(diagnostic.source);
    cli::print(paint(styles.at(level), Text(names.at(level)) + ":", stderr) + " " + text + "\n", stderr);
    for (const std::string& note : diagnostic.notes) cli::print("  " + Text::lines(note, "    ") + "\n", stderr);
    redraw();
}

void PlanDisplay::program_line(const std::string& line, bool is_error) {
    const base::Lock lock(mutex_);
    if (options_.json) {
        cli::print(Text::lines(line, "") + "\n", stderr);
        return;
    }
    erase();
    std::fflush(stdout);
    std::FILE* stream = is_error ? stderr : stdout;
    cli::print(paint(Style::dim, "  | ", stream) + Text::lines(line, "  | ") + "\n", stream);
    std::fflush(stdout);
    redraw();
}

bool PlanDisplay::changes_anything() const {
    const base::Lock lock(mutex_);
    return std::ranges::any_of(counts_, [](const auto& count) {
        return count.first != Op::same && count.first != Op::read && count.first != Op::refresh;
    });
}

void PlanDisplay::summary(const deploy::Outcome& outcome, const Property& old_outputs) {
    const base::Lock lock(mutex_);
    if (options_.json) return;
    running_.clear();
    if (outcome.ok && !outcome.outputs.members().empty()) {
        print("Outputs:");
        for (const auto& [name, value] : outcome.outputs.members()) {
            const Json shown = deploy::to_plain_json(value, false);
            const bool changed = !options_.preview && old_outputs.contains(name) && !(old_outputs[name] == value);
            const std::string text = value.is(Property::Kind::unknown) ? "(known after up)"
                                     : shown.is_string()               ? shown.as_string()
                                                                       : shown.dump();
            print("  " + (changed ? paint(Style::yellow, "~ ") : Text()) + paint(Style::bold, name) + ": " +
                  Text::lines(text, "    "));
        }
    }
    Text parts;
    for (const Look& how : looks) {
        if (how.op == Op::create_replacement || how.op == Op::delete_replaced || !counts_.contains(how.op)) continue;
        const std::string symbol = how.op == Op::same || how.op == Op::refresh ? "" : std::string(how.symbol) + " ";
        const std::string words = how.op == Op::discard ? "gone" : options_.preview ? how.planned : how.done;
        if (!parts.empty()) parts += ", ";
        parts += paint(how.op == Op::same ? Style::plain : how.style, symbol + std::to_string(counts_.at(how.op)) + " " + words);
    }
    const Text verdict = outcome.ok            ? Text()
                         : outcome.interrupted ? paint(Style::red, "interrupted: ")
                                               : paint(Style::red, "failed: ");
    print(verdict + (parts.empty() ? Text("nothing to do") : parts) +
          paint(Style::dim, ", duration " + Text(milliseconds(outcome.took))));
}

Json PlanDisplay::report(const deploy::Outcome& outcome, bool show_secrets) const {
    const base::Lock lock(mutex_);
    Json json = Json::object();
    json.set("result", Json(outcome.ok ? "succeeded" : outcome.interrupted ? "interrupted" : "failed"));
    json.set("preview", Json(options_.preview));
    Json changes = Json::object();
    for (const auto& [op, count] : counts_) changes.set(deploy::name_of(op), Json(count));
    json.set("changes", std::move(changes));
    json.set("steps", Json::array(steps_));
    json.set("diagnostics", Json::array(diagnostics_));
    json.set("outputs",
             deploy::to_plain_json(outcome.outputs.is(Property::Kind::object) ? outcome.outputs : Property(Property::Object{}),
                                   show_secrets));
    json.set("milliseconds", Json(static_cast<int64_t>(outcome.took.count())));
    return json;
}

}  // namespace cli
