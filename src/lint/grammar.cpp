#include "lint/grammar.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <span>

#include "base/strings.hpp"

namespace lint {

namespace {

using Names = std::span<const std::string_view>;

constexpr std::array<std::string_view, 3> document_elements = {"Version", "Id", "Statement"};
constexpr std::array<std::string_view, 9> statement_elements = {"Sid",       "Effect",   "Principal",   "NotPrincipal", "Action",
                                                                "NotAction", "Resource", "NotResource", "Condition"};

class Grammar {
public:
    Grammar(const Document& document, Collector& out) : document_(document), subject_(document.subject), out_(out) {}

    void check() {
        const Node& root = *document_.root;
        const Place place(root);
        if (!root.is_object()) return wrong_type(place, root, "object");
        check_elements(root, place, document_elements);
        check_version(root, place);
        if (const Member* id = root.find("Id"); id != nullptr && !id->value.is_string())
            wrong_type(place.member(*id), id->value, "string");
        check_statements(root, place);
        for (const Statement& statement : document_.statements) check_statement(statement);
        check_sids();
    }

private:
    void wrong_type(const Place& place, const Node& node, std::string_view wanted) {
        out_.add(check_of("DATA_TYPE_MISMATCH"),
                 "This is of JSON type " + std::string(name_of(node.type)) + "; " + std::string(wanted) + " belongs here.",
                 place);
    }

    void check_elements(const Node& object, const Place& place, Names known) {
        std::set<std::string_view> seen;
        for (const Member& member : object.members) {
            if (std::ranges::find(known, member.name) == known.end()) {
                out_.add(
                    check_of("INVALID_POLICY_ELEMENT"),
                    "A policy has no element " + shown(member.name) + " here." + meant(member.name, {known.begin(), known.end()}),
                    place.key(member));
            } else if (!seen.insert(member.name).second) {
                out_.add(check_of("JSON_SYNTAX_ERROR"),
                         shown(member.name) + " is there twice: readers differ in which one counts.", place.key(member));
            }
        }
    }

    void check_version(const Node& root, const Place& place) {
        const Member* version = root.find("Version");
        if (version == nullptr)
            return out_.add(check_of("MISSING_VERSION"),
                            "Without a Version the policy is read as 2008-10-17, where `${...}` is plain text. Add \"Version\": "
                            "\"2012-10-17\".",
                            place);
        const Place at = place.member(*version);
        if (!version->value.is_string()) return wrong_type(at, version->value, "string");
        const std::string& text = version->value.text;
        if (text != "2012-10-17" && text != "2008-10-17")
            return out_.add(check_of("INVALID_VERSION"),
                            "There is no Version " + shown(text) + ": write 2012-10-17 (or 2008-10-17).", at);
        if (text == "2008-10-17" && subject_.type == PolicyType::resource_control)
            out_.add(check_of("INVALID_VERSION"), "The Version of a resource control policy is 2012-10-17.", at);
    }

    void check_statements(const Node& root, const Place& place) {
        const Member* statements = root.find("Statement");
        if (statements == nullptr) return out_.add(check_of("MISSING_STATEMENT"), "The policy has no Statement.", place);
        const Place at = place.member(*statements);
        const Node& value = statements->value;
        if (!value.is_object() && !value.is_array()) return wrong_type(at, value, "object, or an array of objects,");
        if (value.is_array() && value.items.empty())
            out_.add(check_of("MISSING_STATEMENT"), "The list of statements is empty.", at);
        for (size_t i = 0; i < value.items.size(); ++i)
            if (!value.items[i].is_object()) wrong_type(at.item(i, value.items[i]), value.items[i], "object");
    }

    void check_statement(const Statement& statement) {
        check_elements(*statement.node, statement.place, statement_elements);
        check_effect(statement);
        check_pair(statement, "Action", "NotAction");
        check_pair(statement, "Resource", "NotResource");
        check_pair(statement, "Principal", "NotPrincipal");
        check_strings(statement, statement.actions);
        check_strings(statement, statement.resources);
        check_presence(statement);
        check_principal_element(statement);
        if (statement.condition == nullptr) return;
        const Node& condition = statement.condition->value;
        if (!condition.is_object()) return wrong_type(statement.at(*statement.condition), condition, "object");
        if (condition.members.empty())
            out_.add(check_of("EMPTY_OBJECT_CONDITION"), "The Condition is empty: the statement always applies.",
                     statement.at(*statement.condition));
    }

    void check_effect(const Statement& statement) {
        if (statement.effect == nullptr)
            return out_.add(check_of("MISSING_EFFECT"), "The statement has no Effect: add Allow or Deny.", statement.place);
        const Place at = statement.at(*statement.effect);
        if (!statement.effect->value.is_string()) return wrong_type(at, statement.effect->value, "string");
        if (!statement.allows() && !statement.denies())
            out_.add(check_of("INVALID_EFFECT"),
                     "The Effect " + shown(statement.effect->value.text) + " is neither Allow nor Deny.", at);
    }

    void check_pair(const Statement& statement, std::string_view plain, std::string_view negated) {
        const Member *one = statement.node->find(plain), *other = statement.node->find(negated);
        if (one == nullptr || other == nullptr) return;
        out_.add(
            check_of("UNSUPPORTED_ELEMENT_COMBINATION"),
            std::string(plain) + " and " + std::string(negated) + " do not go together in one statement: remove one of them.",
            {statement.place.key(*one), statement.place.key(*other)});
    }

    void check_strings(const Statement& statement, const Element& element) {
        if (element.member == nullptr) return;
        const Node& value = element.member->value;
        const Place at = statement.at(*element.member);
        if (!value.is_string() && !value.is_array()) return wrong_type(at, value, "string, or an array of strings,");
        for (size_t i = 0; i < value.items.size(); ++i)
            if (!value.items[i].is_string()) wrong_type(at.item(i, value.items[i]), value.items[i], "string");
        if (!value.is_array() || !value.items.empty()) return;
        if (&element == &statement.actions) {
            out_.add(check_of("EMPTY_ARRAY_ACTION"),
                     "The list of actions is empty: the statement does nothing, or the policy is refused.", at);
        } else {
            out_.add(check_of("EMPTY_ARRAY_RESOURCE"),
                     "The list of resources is empty: the statement does nothing, or the policy is refused.", at);
        }
    }

    void check_presence(const Statement& statement) {
        if (statement.actions.member == nullptr)
            out_.add(check_of("MISSING_ACTION"), "The statement has neither an Action nor a NotAction.", statement.place);
        if (subject_.is_trust()) {
            if (statement.resources.member != nullptr)
                out_.add(check_of("ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE"),
                         "A trust policy is about the role that it belongs to: remove " + statement.resources.member->name + ".",
                         statement.place.key(*statement.resources.member));
        } else if (statement.resources.member == nullptr) {
            // A resource policy may be a role's, if nothing says otherwise.
            if (subject_.type == PolicyType::resource && subject_.resource_type.empty() && is_about_roles(statement)) return;
            out_.add(check_of("MISSING_RESOURCE"), "The statement has neither a Resource nor a NotResource.", statement.place);
        }
    }

    static bool is_about_roles(const Statement& statement) {
        return !statement.actions.items.empty() && std::ranges::all_of(statement.actions.items, [](const Item& item) {
            return base::lower(item.text).starts_with("sts:");
        });
    }

    void check_principal_element(const Statement& statement) {
        const Member* principal = statement.principal != nullptr ? statement.principal : statement.not_principal;
        if (principal == nullptr) {
            if (subject_.takes_principal())
                out_.add(check_of("MISSING_PRINCIPAL"), "The statement does not say whom it is about: add a Principal.",
                         statement.place);
            return;
        }
        if (subject_.type == PolicyType::identity)
            out_.add(check_of("UNSUPPORTED_PRINCIPAL"),
                     "A policy of a user, group or role is about whom it is attached to: remove " + principal->name + ".",
                     statement.place.key(*principal));
        if (subject_.type == PolicyType::service_control)
            out_.add(check_of("SCP_SYNTAX_ERROR_PRINCIPAL"),
                     "A service control policy names no principals: remove " + principal->name +
                         "; a condition on aws:PrincipalArn can.",
                     statement.place.key(*principal));
        if (!subject_.takes_principal()) return;
        const Place at = statement.at(*principal);
        const Node& value = principal->value;
        if (value.is_object() && value.members.empty())
            out_.add(check_of("EMPTY_OBJECT_PRINCIPAL"),
                     "The " + principal->name + " names no one: the statement does nothing, or the policy is refused.", at);
        for (const Member& kind : value.members)
            if (kind.value.is_array() && kind.value.items.empty())
                out_.add(check_of("EMPTY_ARRAY_PRINCIPAL"), "The list of " + kind.name + " principals is empty.",
                         at.member(kind));
    }

    void check_sids() {
        std::map<std::string_view, std::vector<Place>> seen;
        for (const Statement& statement : document_.statements) {
            if (statement.sid == nullptr) continue;
            const Place at = statement.at(*statement.sid);
            const Node& value = statement.sid->value;
            if (!value.is_string()) {
                wrong_type(at, value, "string");
                continue;
            }
            if (value.text.empty()) {
                out_.add(check_of("EMPTY_SID_VALUE"), "The Sid is empty: name the statement, or remove it.", at);
                continue;
            }
            seen[value.text].push_back(at);
            const auto fine = [](char c) { return (c >= '0' && c <= '9') || (base::lower(c) >= 'a' && base::lower(c) <= 'z'); };
            // S3 and others take any.
            const bool any = subject_.type == PolicyType::resource && !subject_.is_trust();
            if (!any && !std::ranges::all_of(value.text, fine))
                out_.add(check_of("UNSUPPORTED_SID"),
                         "The Sid " + shown(value.text) + " holds other characters than letters and digits.", at);
        }
        const bool must = subject_.type != PolicyType::resource || subject_.is_trust();
        for (const auto& [sid, places] : seen) {
            if (places.size() < 2) continue;
            const std::string details = "The Sid " + shown(sid) + " is there " + std::to_string(places.size()) + " times.";
            if (must) {
                out_.add(check_of("UNIQUE_SIDS_REQUIRED"), details + " IAM refuses that.", places);
            } else {
                out_.add(check_of("UNIQUE_SIDS_RECOMMENDED"), details, places);
            }
        }
    }

    const Document& document_;
    const Subject& subject_;
    Collector& out_;
};

// IAM and AWS STS quotas; Amazon S3 User Guide, "Bucket policies"; AWS Organizations quotas.
constexpr size_t identity_characters_max = 10'240;  // of a role's inline policies; a managed one has 6,144
constexpr size_t resource_characters_max = 20'480;  // S3: 20 KB
constexpr size_t trust_characters_max = 2'048;
constexpr size_t organization_characters_max = 5'120;  // white space counts

size_t characters(std::string_view text, bool with_space) {
    return static_cast<size_t>(std::ranges::count_if(text, [&](char c) {
        const bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80 && (with_space || !space);
    }));
}

// What a statement says, in one spelling: without its Sid, lists in order and without repetitions.
std::string spelling(const Node& node, bool of_statement = false) {
    if (node.is_object()) {
        std::map<std::string, std::string> members;
        for (const Member& member : node.members)
            if (!of_statement || member.name != "Sid") members[member.name] = spelling(member.value);
        std::string out = "{";
        for (const auto& [name, value] : members) out.append(name).append("\1").append(value).append("\2");
        return out + "}";
    }
    if (node.is_array()) {
        std::set<std::string> items;
        for (const Node& item : node.items) items.insert(spelling(item));
        if (items.size() == 1) return *items.begin();
        std::string out = "[";
        for (const std::string& item : items) out.append(item).append("\3");
        return out + "]";
    }
    return node.is_string() ? "\"" + node.text : node.flag ? "true" : node.text;
}

}  // namespace

void check_redundant_statements(const Document& document, Collector& out) {
    std::map<std::string, std::vector<Place>> same;
    for (const Statement& statement : document.statements) same[spelling(*statement.node, true)].push_back(statement.place);
    for (auto& [text, places] : same) {
        if (places.size() < 2) continue;
        const std::string details = std::to_string(places.size()) + " statements say the same: keep one of them.";
        out.add(check_of("REDUNDANT_STATEMENT"), details, std::move(places));
    }
}

void check_grammar(const Document& document, Collector& out) { Grammar(document, out).check(); }

void check_size(std::string_view text, const Subject& subject, const Place& place, Collector& out) {
    const auto compare = [&](const Check& check, size_t most, bool with_space, std::string_view what) {
        const size_t size = characters(text, with_space);
        if (size <= most) return;
        out.add(check,
                "The policy has " + std::to_string(size) + " characters" + (with_space ? "" : " without white space") + "; " +
                    std::string(what) + " has " + std::to_string(most) + " at most.",
                place);
    };
    switch (subject.type) {
        case PolicyType::identity:
            return compare(check_of("POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA"), identity_characters_max, false,
                           "a role's inline policy (a managed policy: 6144)");
        case PolicyType::resource:
            if (subject.is_trust())
                return compare(check_of("POLICY_SIZE_EXCEEDS_ROLE_TRUST_POLICY_QUOTA"), trust_characters_max, false,
                               "a trust policy, unless the account's quota was raised,");
            return compare(check_of("POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA"), resource_characters_max, true,
                           "a bucket policy");
        case PolicyType::service_control:
            return compare(check_of("POLICY_SIZE_EXCEEDS_SCP_QUOTA"), organization_characters_max, true,
                           "a service control policy");
        case PolicyType::resource_control:
            return compare(check_of("POLICY_SIZE_EXCEEDS_RCP_QUOTA"), organization_characters_max, true,
                           "a resource control policy");
    }
}

}  // namespace lint
