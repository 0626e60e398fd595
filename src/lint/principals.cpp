// Source: IAM User Guide, "AWS JSON policy elements: Principal", "NotPrincipal"; AWS Organizations User Guide, "RCP syntax".
#include "lint/principals.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/strings.hpp"
#include "lint/conditions.hpp"
#include "lint/words.hpp"
#include "policy/arn.hpp"

namespace lint {

namespace {

constexpr std::array<std::string_view, 4> kinds = {"AWS", "Service", "Federated", "CanonicalUser"};

bool is_account(std::string_view text) {
    return text.size() == 12 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

class Principals {
public:
    Principals(const Document& document, Collector& out) : document_(document), subject_(document.subject), out_(out) {}

    void check() {
        for (const Statement& statement : document_.statements) {
            const Member* element = statement.principal != nullptr ? statement.principal : statement.not_principal;
            if (element == nullptr) continue;
            if (subject_.type == PolicyType::resource_control) {
                check_resource_control(statement, *element);
                continue;
            }
            check_element(statement, *element);
            if (statement.not_principal != nullptr && statement.allows())
                out_.add(
                    check_of("ALLOW_WITH_NOT_PRINCIPAL"),
                    "This allows everyone but those who are named, anyone without credentials too: name in Principal who may.",
                    statement.place.key(*statement.not_principal));
            for (const PrincipalItem& item : principals_of(statement)) check_principal(item);
            if (statement.allows() && statement.principal != nullptr && !subject_.is_trust()) check_services(statement);
        }
    }

private:
    void check_element(const Statement& statement, const Member& element) {
        const Place place = statement.at(element);
        const Node& value = element.value;
        if (value.is_string() && value.text != "*")
            return out_.add(check_of("INVALID_PRINCIPAL_FORMAT"),
                            "A " + element.name + " is \"*\", or an object of kinds and names: {\"AWS\": \"" +
                                "arn:aws:iam::111122223333:role/trainer\"}.",
                            place);
        if (!value.is_string() && !value.is_object())
            return out_.add(check_of("INVALID_PRINCIPAL_FORMAT"),
                            "A " + element.name + " is \"*\", or an object of kinds and names.", place);
        for (const Member& kind : value.members) {
            if (std::ranges::find(kinds, kind.name) == kinds.end()) {
                out_.add(check_of("INVALID_PRINCIPAL_KEY"),
                         "There is no kind of principal " + shown(kind.name) + ": AWS, Service, Federated or CanonicalUser." +
                             meant(kind.name, {kinds.begin(), kinds.end()}),
                         place.key(kind));
            } else if (!kind.value.is_string() && !kind.value.is_array()) {
                out_.add(check_of("DATA_TYPE_MISMATCH"), "Principals are a string or an array of strings.", place.member(kind));
            }
        }
    }

    void check_principal(const PrincipalItem& item) {
        const std::string_view name = item.name;
        if (item.kind.empty()) return;
        if (has_wildcard(name) && !(item.kind == "AWS" && name == "*"))
            return out_.add(check_of("UNSUPPORTED_WILDCARD_IN_PRINCIPAL"),
                            shown(name) +
                                ": principals are named in full; \"*\" alone is everyone. A condition on aws:PrincipalArn can "
                                "have wildcards.",
                            item.place);
        if (item.kind == "Service" && !is_service_principal(name))
            out_.add(check_of("INVALID_SERVICE_PRINCIPAL_FORMAT"),
                     shown(name) + " is no service principal, such as sagemaker.amazonaws.com, in lower case.", item.place);
        if (item.kind == "Federated" && subject_.is_bucket())
            out_.add(check_of("FEDERATED_PRINCIPAL_NOT_SUPPORTED"),
                     "A bucket's policy names no identity providers: " + shown(name) + ".", item.place);
        if (item.kind == "CanonicalUser" && subject_.is_trust())
            out_.add(check_of("INVALID_PRINCIPAL_KEY"), "A trust policy names no canonical users.", item.place);
        if (item.kind != "AWS") return;
        if (name.starts_with("AROA"))
            return out_.add(check_of("INVALID_ROLE_REFERENCE"),
                            shown(name) + " is the id of a role: name its ARN. IAM shows ids where the role has been deleted.",
                            item.place);
        if (name.starts_with("AIDA"))
            return out_.add(check_of("INVALID_USER_REFERENCE"),
                            shown(name) + " is the id of a user: name its ARN. IAM shows ids where the user has been deleted.",
                            item.place);
        if (name == "*" || is_account(name) || name.contains("${")) return;
        const auto arn = policy::parse_arn(name);
        if (!arn || (arn->service != "iam" && arn->service != "sts"))
            out_.add(check_of("INVALID_PRINCIPAL_FORMAT"),
                     shown(name) + " is neither an account nor the ARN of a user, a role or a session.", item.place);
    }

    void check_resource_control(const Statement& statement, const Member& element) {
        const bool everyone =
            statement.principal != nullptr && statement.not_principal == nullptr &&
            (element.value.text == "*" || (element.value.members.size() == 1 && element.value.members[0].name == "AWS" &&
                                           element.value.members[0].value.text == "*"));
        if (!everyone)
            out_.add(check_of("RCP_SYNTAX_ERROR_PRINCIPAL"),
                     "A resource control policy is about everyone: the Principal is \"*\".", statement.at(element));
        const bool plain = everyone && statement.condition == nullptr && !statement.resources.negated &&
                           statement.resources.items.size() == 1 && statement.resources.items[0].text == "*";
        if (statement.allows() && !plain)
            out_.add(check_of("RCP_SYNTAX_ERROR_ALLOW"),
                     "What a resource control policy allows is everything for everyone, without a Condition; it can only deny "
                     "the rest.",
                     statement.place);
    }

    // A service acts for whoever set it up: without a source, for other accounts as well.
    void check_services(const Statement& statement) {
        constexpr std::array<std::string_view, 4> sources = {"aws:SourceArn", "aws:SourceAccount", "aws:SourceOrgID",
                                                             "aws:SourceOrgPaths"};
        const bool has_source = std::ranges::any_of(sources, [&](std::string_view key) { return statement.asks_for(key); });
        bool first = true;
        for (const PrincipalItem& item : principals_of(statement)) {
            if (item.kind != "Service") continue;
            for (const ConditionItem& condition :
                 std::exchange(first, false) ? conditions_of(statement) : std::vector<ConditionItem>{})
                if (is_of_users(condition))
                    out_.add(check_of("UNSUPPORTED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL"),
                             "Requests of " + shown(item.name) + " do not have " + shown(condition.key()) + ".",
                             condition.key_place);
            if (has_source) continue;
            if (statement.asks_for("aws:Referer") || statement.asks_for("aws:SourceIp")) {
                out_.add(check_of("RECOMMENDED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL"),
                         "To bind " + shown(item.name) + " to what acts for you, ask for aws:SourceArn or aws:SourceAccount.",
                         item.place);
            } else {
                out_.add(check_of("RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL"),
                         shown(item.name) + " acts for other accounts, too: ask for aws:SourceArn or aws:SourceAccount.",
                         item.place);
            }
        }
    }

    // What only users and roles bring.
    static bool is_of_users(const ConditionItem& item) {
        const std::string lower = base::lower(item.key());
        constexpr std::array<std::string_view, 7> keys = {"aws:principalaccount",  "aws:principalarn", "aws:principalorgid",
                                                          "aws:principalorgpaths", "aws:userid",       "aws:multifactorauthage",
                                                          "aws:username"};
        return !item.op.if_exists && !item.op.negated && item.op.comparison != policy::Comparison::null &&
               (std::ranges::find(keys, lower) != keys.end() || lower.starts_with("aws:principaltag/"));
    }

    const Document& document_;
    const Subject& subject_;
    Collector& out_;
};

}  // namespace

bool is_service_principal(std::string_view name) {
    constexpr std::array<std::string_view, 4> domains = {".amazonaws.com", ".amazonaws.com.cn", ".amazon.com", ".aws.internal"};
    const auto fine = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_'; };
    return std::ranges::all_of(name, fine) && std::ranges::any_of(domains, [&](std::string_view domain) {
               return name.size() > domain.size() && name.ends_with(domain);
           });
}

std::vector<PrincipalItem> principals_of(const Statement& statement) {
    std::vector<PrincipalItem> out;
    const Member* element = statement.principal != nullptr ? statement.principal : statement.not_principal;
    if (element == nullptr) return out;
    const Place place = statement.at(*element);
    if (element->value.is_string()) out.push_back({"", element->value.text, place});
    for (const Member& kind : element->value.members)
        each_string(kind.value, place.member(kind),
                    [&](std::string_view name, const Place& at) { out.push_back({kind.name, name, at}); });
    return out;
}

void check_principals(const Document& document, Collector& out) {
    if (!document.subject.takes_principal()) return;
    Principals(document, out).check();
    if (document.subject.is_trust()) check_trust(document, out);
}

}  // namespace lint
