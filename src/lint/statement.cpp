#include "lint/statement.hpp"

#include "base/strings.hpp"

namespace lint {

namespace {

Element element_of(const Statement& statement, std::string_view plain, std::string_view negated) {
    Element out;
    out.member = statement.node->find(plain);
    if (out.member == nullptr) {
        out.member = statement.node->find(negated);
        out.negated = out.member != nullptr;
    }
    if (out.member == nullptr) return out;
    each_string(out.member->value, statement.at(*out.member),
                [&](std::string_view text, const Place& place) { out.items.push_back({text, place}); });
    return out;
}

Statement statement_of(const Node& node, const Place& place) {
    Statement out{.node = &node, .place = place, .actions = {}, .resources = {}, .condition_keys = {}};
    out.sid = node.find("Sid");
    out.effect = node.find("Effect");
    out.principal = node.find("Principal");
    out.not_principal = node.find("NotPrincipal");
    out.condition = node.find("Condition");
    out.actions = element_of(out, "Action", "NotAction");
    out.resources = element_of(out, "Resource", "NotResource");
    if (out.condition != nullptr)
        for (const Member& op : out.condition->value.members)
            for (const Member& key : op.value.members) out.condition_keys.insert(base::lower(key.name));
    return out;
}

}  // namespace

bool Statement::asks_for(std::string_view key) const { return condition_keys.contains(base::lower(key)); }

bool Statement::asks_for_any(std::string_view prefix) const {
    const std::string lower = base::lower(prefix);
    const auto at = condition_keys.lower_bound(lower);
    return at != condition_keys.end() && at->starts_with(lower);
}

void each_string(const Node& node, const Place& place, const std::function<void(std::string_view, const Place&)>& see) {
    if (node.is_string()) see(node.text, place);
    for (size_t i = 0; i < node.items.size(); ++i)
        if (node.items[i].is_string()) see(node.items[i].text, place.item(i, node.items[i]));
}

Document outline(const Node& root, const Subject& subject) {
    Document out{.root = &root, .subject = subject, .statements = {}};
    const Member* version = root.find("Version");
    out.has_variables = version != nullptr && version->value.text == "2012-10-17";
    const Member* statements = root.find("Statement");
    if (statements == nullptr) return out;
    const Place place = Place(root).member(*statements);
    const Node& value = statements->value;
    if (value.is_object()) out.statements.push_back(statement_of(value, place));
    for (size_t i = 0; i < value.items.size(); ++i)
        if (value.items[i].is_object()) out.statements.push_back(statement_of(value.items[i], place.item(i, value.items[i])));
    return out;
}

}  // namespace lint
