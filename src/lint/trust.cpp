// Trust policies: who may become a role.
// Source: IAM User Guide, "Roles terms and concepts", "Create a role for OpenID Connect federation", "AWS JSON policy elements: Principal".
#include <algorithm>
#include <map>
#include <utility>

#include "base/strings.hpp"
#include "lint/conditions.hpp"
#include "lint/principals.hpp"
#include "lint/words.hpp"
#include "policy/arn.hpp"
#include "policy/glob.hpp"

namespace lint {

namespace {

constexpr std::string_view github = "token.actions.githubusercontent.com";

enum class Provider : uint8_t { none, saml, oidc, broken };

// What kind of identity provider a principal is.
Provider provider_of(const PrincipalItem& item) {
    if (item.kind != "Federated") return Provider::none;
    if (const auto arn = policy::parse_arn(item.name)) {
        if (arn->service == "iam" && arn->resource.starts_with("saml-provider/")) return Provider::saml;
        if (arn->service == "iam" && arn->resource.starts_with("oidc-provider/")) return Provider::oidc;
        return Provider::broken;
    }
    return item.name.contains('.') && !item.name.contains(':') ? Provider::oidc : Provider::broken;
}

// `token.actions.githubusercontent.com`: what the provider's condition keys begin with.
std::string_view issuer_of(std::string_view name) {
    const size_t at = name.find("oidc-provider/");
    return at == std::string_view::npos ? name : name.substr(at + 14);
}

class Trust {
public:
    Trust(const Statement& statement, Collector& out) : statement_(statement), principals_(principals_of(statement)), out_(out) {
        for (const Item& item : statement.actions.items) first_.try_emplace(base::lower(item.text), item);
    }

    void check() {
        if (statement_.not_principal != nullptr)
            out_.add(check_of("ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL"),
                     "A trust policy has no NotPrincipal: name in Principal who may, or deny by condition.",
                     statement_.place.key(*statement_.not_principal));
        check_actions();
        for (const PrincipalItem& item : principals_) check_principal(item);
        check_sessions();
        check_keys();
    }

private:
    // Do the actions include it? Lower case.
    [[nodiscard]] bool names(std::string_view action) const {
        const bool named = std::ranges::any_of(
            statement_.actions.items, [&](const Item& item) { return policy::glob_matches(base::lower(item.text), action); });
        return statement_.actions.member != nullptr && named != statement_.actions.negated;
    }

    void check_actions() {
        for (const Item& item : statement_.actions.items)
            if (!base::lower(item.text).starts_with("sts:") && item.text != "*" && !statement_.actions.negated)
                out_.add(check_of("UNSUPPORTED_ACTION_IN_POLICY"),
                         "A trust policy is about becoming the role, by actions of sts; not " + shown(item.text) + ".",
                         item.place);
    }

    void check_principal(const PrincipalItem& item) {
        if (statement_.allows() && item.kind.empty() && item.name == "*")
            out_.add(check_of("ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL"),
                     "Everyone may become the role: name who may, or an account.", item.place);
        const Provider provider = provider_of(item);
        if (provider == Provider::broken)
            out_.add(check_of("INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY"),
                     shown(item.name) + " is neither a provider's domain nor the ARN of a SAML or OIDC provider.", item.place);
        if (!statement_.allows() || provider == Provider::broken) return;
        check_mismatch(item, provider);
        if (provider == Provider::oidc) check_oidc(item);
        if (item.kind == "Service" && item.name == "rolesanywhere.amazonaws.com") check_roles_anywhere(item);
    }

    void check_mismatch(const PrincipalItem& item, Provider provider) {
        // Only what is named exactly: a wildcard may be for another principal of the statement.
        const auto compare = [&](std::string_view action, bool right) {
            const auto named = first_.find(action);
            if (right || named == first_.end() || statement_.actions.negated) return;
            out_.add(check_of("MISMATCHED_ACTION_FOR_PRINCIPAL"),
                     shown(item.name) + " cannot call " + shown(named->second.text) +
                         ": SAML providers vouch in AssumeRoleWithSAML, OIDC providers in AssumeRoleWithWebIdentity, others call "
                         "AssumeRole.",
                     {named->second.place, item.place});
        };
        compare("sts:assumerolewithsaml", provider == Provider::saml);
        compare("sts:assumerolewithwebidentity", provider == Provider::oidc);
        compare("sts:assumerole", provider == Provider::none);
    }

    void check_oidc(const PrincipalItem& item) {
        const std::string issuer = base::lower(issuer_of(item.name));
        if (issuer.empty()) return;
        if (!statement_.asks_for_any(issuer + ":"))
            out_.add(check_of("MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL"),
                     "Everyone whom " + shown(issuer) + " vouches for may become the role: ask for its audience (" + issuer +
                         ":aud) or subject.",
                     item.place);
        if (issuer != github) return;
        const std::string subject = std::string(github) + ":sub";
        if (!statement_.asks_for(subject))
            return out_.add(check_of("MISSING_GITHUB_REPO_CONDITION_KEY"),
                            "Every repository of GitHub may become the role: ask for " + subject + ".", item.place);
        if (std::exchange(subject_checked_, true)) return;
        for (const ConditionItem& condition : conditions_of(statement_)) {
            if (!condition.is_key(subject)) continue;
            for (const auto& value : condition.values)
                if (is_wide_subject(value.text))
                    out_.add(
                        check_of("SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED"),
                        shown(value.text) +
                            " lets in more than one repository and branch: repo:organization/repository:ref:refs/heads/branch.",
                        value.place);
        }
    }

    // A wildcard in the organization, the repository or what follows; a branch may stand in another key.
    [[nodiscard]] bool is_wide_subject(std::string_view text) const {
        if (!has_wildcard(text)) return false;
        if (!statement_.asks_for(std::string(github) + ":ref")) return true;
        const size_t slash = text.find('/');
        const size_t colon = slash == std::string_view::npos ? slash : text.find(':', slash);
        return has_wildcard(text.substr(0, colon));
    }

    void check_roles_anywhere(const PrincipalItem& item) {
        if (std::exchange(anywhere_checked_, true)) return;
        for (const std::string_view action : {"sts:assumerole", "sts:setsourceidentity", "sts:tagsession"})
            if (!names(action))
                return out_.add(check_of("MISSING_ACTION_FOR_ROLES_ANYWHERE_TRUST_POLICY"),
                                "IAM Roles Anywhere needs sts:AssumeRole, sts:SetSourceIdentity and sts:TagSession.", item.place);
    }

    // A session of a role that is named as well.
    void check_sessions() {
        std::map<std::pair<std::string_view, std::string_view>, std::string_view> roles;  // by account and name
        for (const PrincipalItem& role : principals_) {
            const auto arn = policy::parse_arn(role.name);
            if (arn && arn->service == "iam" && arn->resource.starts_with("role/"))
                roles[{arn->account, arn->resource.substr(arn->resource.rfind('/') + 1)}] = role.name;
        }
        for (const PrincipalItem& session : principals_) {
            const auto arn = policy::parse_arn(session.name);
            if (!arn || arn->service != "sts" || !arn->resource.starts_with("assumed-role/")) continue;
            const auto parts = base::split(arn->resource, '/');
            const auto role = parts.size() == 3 ? roles.find({arn->account, parts[1]}) : roles.end();
            if (role != roles.end())
                out_.add(check_of("REDUNDANT_PRINCIPAL_IN_ROLE_TRUST_POLICY"),
                         shown(session.name) + " is a session of " + shown(role->second) + ", which is named, too.",
                         session.place);
        }
    }

    // Keys of what only another action brings.
    void check_keys() {
        if (!statement_.allows()) return;
        const bool tags_sessions = names("sts:tagsession"), sets_identity = names("sts:setsourceidentity");
        for (const ConditionItem& condition : conditions_of(statement_)) {
            const std::string lower = base::lower(condition.key());
            const bool tags = lower == "sts:transitivetagkeys" || lower == "aws:tagkeys" || lower.starts_with("aws:requesttag/");
            const auto needs = [&](bool named, std::string_view as_written) {
                if (!named && condition.op.comparison != policy::Comparison::null)
                    out_.add(check_of("MISSING_ACTION_FOR_CONDITION_KEY"),
                             shown(condition.key()) + " is brought by requests that are allowed " + std::string(as_written) +
                                 ": add the action.",
                             condition.key_place);
            };
            if (tags) needs(tags_sessions, "sts:TagSession");
            if (lower == "sts:sourceidentity") needs(sets_identity, "sts:SetSourceIdentity");
        }
    }

    const Statement& statement_;
    std::vector<PrincipalItem> principals_;
    std::map<std::string, Item, std::less<>> first_;  // of the actions, in lower case
    bool subject_checked_ = false, anywhere_checked_ = false;
    Collector& out_;
};

}  // namespace

void check_trust(const Document& document, Collector& out) {
    for (const Statement& statement : document.statements) Trust(statement, out).check();
}

}  // namespace lint
