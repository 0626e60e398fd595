#include "policy/context_keys.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "text/json.hpp"

namespace policy {

namespace {

using text::Json;

class Collector {
public:
    explicit Collector(bool variables) : variables_(variables) {}

    void statement(const Json& statement) {
        for (const auto& [name, value] : statement.members()) {
            if (name == "Resource" || name == "NotResource") each_text(value, [&](const std::string& text) { resource(text); });
            if (name != "Condition") continue;
            for (const auto& [op, keys] : value.members()) {
                for (const auto& [key, values] : keys.members()) {
                    add(key);
                    if (takes_variables(op)) each_text(values, [&](const std::string& text) { variables(text); });
                }
            }
        }
    }

    [[nodiscard]] std::vector<std::string> take() { return std::move(keys_); }

private:
    template <class Visit>
    static void each_text(const Json& value, Visit visit) {
        if (value.is_string()) visit(value.as_string());
        for (const Json& item : value.items()) visit(item.as_string());
    }

    static bool takes_variables(std::string_view op) {
        std::string name = base::lower(op);
        for (const std::string_view prefix : {"forallvalues:", "foranyvalue:"})
            if (name.starts_with(prefix)) name.erase(0, prefix.size());
        return name.starts_with("string") || name.starts_with("arn") || name.starts_with("bool");
    }

    void resource(std::string_view arn) {
        size_t at = 0;
        for (int colons = 0; colons < 5; ++colons) {
            at = arn.find(':', at);
            if (at == std::string_view::npos) return;
            ++at;
        }
        variables(arn.substr(at));
    }

    // ${key} and ${key, 'default'}; ${*}, ${?} and ${$} are characters.
    void variables(std::string_view text) {
        if (!variables_) return;
        for (size_t at = text.find("${"); at != std::string_view::npos; at = text.find("${", at)) {
            at += 2;
            const size_t end = text.find_first_of(",}", at);
            if (end == std::string_view::npos) return;
            const auto key = base::trim(text.substr(at, end - at));
            if (key != "*" && key != "?" && key != "$" && !key.empty()) add(std::string(key));
            at = text[end] == '}' ? end + 1 : text.find("'}", end);
        }
    }

    void add(const std::string& key) {
        if (std::ranges::find(keys_, key) == keys_.end()) keys_.push_back(key);
    }

    bool variables_;
    std::vector<std::string> keys_;
};

}  // namespace

std::vector<std::string> context_keys(std::string_view document) {
    const auto parsed = text::parse_json(document);
    if (!parsed) return {};
    Collector collector((*parsed)["Version"].as_string() == "2012-10-17");
    const Json& statements = (*parsed)["Statement"];
    if (statements.is_object()) collector.statement(statements);
    for (const Json& statement : statements.items()) collector.statement(statement);
    return collector.take();
}

}  // namespace policy
