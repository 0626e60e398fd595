#include "proof/grant_worlds.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "policy/catalogue.hpp"
#include "policy/context_keys.hpp"
#include "policy/glob.hpp"
#include "policy/vocabulary.hpp"
#include "proof/regions.hpp"

namespace proof {

using text::Json;

namespace {

constexpr std::string_view default_region = "us-east-1";
constexpr size_t account_digits = 12;
constexpr size_t partition_segment = 1, service_segment = 2, account_segment = 4;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool has_digit(std::string_view text) { return std::ranges::any_of(text, is_digit); }
bool has_wildcard(std::string_view text) { return text.find_first_of("*?") != std::string_view::npos; }

class Reader {
public:
    Reader(DocumentKind kind, Worlds& out) : kind_(kind), out_(out) {}

    void add(const GrantDocument& document) {
        add_accounts(document.policy->text(), out_.accounts);
        for (const std::string& key : policy::context_keys(document.policy->text())) add_key(key);
        for (const Json& statement : document.statements) {
            for (const char* element : {"Resource", "NotResource"})
                for (const std::string& pattern : strings_of(statement[element])) add_resource(pattern);
            add_actions(statement);
            for (const auto& [op, keys] : statement["Condition"].members())
                for (const auto& [key, values] : keys.members())
                    for (const std::string& value : strings_of(values)) add_value(base::lower(op), base::lower(key), value);
        }
    }

    void add_resource(std::string_view pattern) {
        add_accounts(pattern, of_resources);
        const auto segments = base::split(pattern, ':');
        if (segments.size() <= service_segment) return;
        if (segments[partition_segment] != "aws" && segments[partition_segment] != "*")
            out_.open = "resources of the partition " + std::string(segments[partition_segment]);
        if (segments.size() <= account_segment) return;
        const std::string_view account = segments[account_segment];
        if (account.empty() || account == "*" || account.contains('$') || is_account(account)) return;
        // AWS's own policies are of every account.
        if (account == "aws" && segments[service_segment] == "iam") return;
        if (!std::ranges::all_of(account, [](char c) { return c == '?' || c == '*'; }))
            out_.open = "resources of the account " + std::string(account);
    }

    std::set<std::string> of_resources;
    bool tells_owners = false;

private:
    static bool is_account(std::string_view text) { return text.size() == account_digits && std::ranges::all_of(text, is_digit); }

    // What no request of the questions brings, and some request may.
    void add_key(const std::string& key) {
        const std::string lower = base::lower(key);
        if (!policy::find_key(key)) out_.open = "the condition key " + key;
        const std::string_view service = std::string_view(lower).substr(0, lower.find(':'));
        if (kind_ == DocumentKind::identity && (service.contains('.') || service == "saml"))
            out_.open = "what an identity provider says of a session: " + key;
        if (lower == "aws:sourceip") out_.tells_addresses = true;
        if (lower == "aws:resourceaccount" || lower == "aws:principalaccount" || lower == "aws:principalarn") tells_owners = true;
    }

    void add_value(const std::string& op, const std::string& key, const std::string& value) {
        if (key == "aws:resourceaccount") add_accounts(value, of_resources);
        // An account by a part of its number.
        const bool compares_patterns = op.contains("like") || op.contains("arn");
        if (!compares_patterns || !has_wildcard(value)) return;
        std::string_view account = value;
        if (key == "aws:principalarn") {
            const auto segments = base::split(value, ':');
            if (segments.size() > account_segment) account = segments[account_segment];
        } else if (key != "aws:principalaccount" && key != "aws:resourceaccount" && key != "aws:userid") {
            return;
        }
        if (key == "aws:userid" ? is_root_id(value) : has_wildcard(account) && has_digit(account))
            out_.open = "accounts whose numbers are like " + value;
    }

    // A root user's id is its account's number.
    static bool is_root_id(std::string_view pattern) { return has_digit(pattern.substr(0, 1)); }

    // Actions that the catalogue does not have are asked about by their exact names, on `*`.
    void add_actions(const Json& statement) {
        const auto resources = strings_of(statement["Resource"]);
        const bool everywhere = resources.size() == 1 && resources[0] == "*";
        for (const std::string& pattern : strings_of(statement["Action"]))
            if (pattern != "*" && (has_wildcard(pattern) || !everywhere) && policy::actions_matching(pattern).empty())
                out_.open = "the action " + pattern + ", which is not one that is known here";
    }

    const DocumentKind kind_;
    Worlds& out_;
};

}  // namespace

void add_accounts(std::string_view text, std::set<std::string>& accounts) {
    for (size_t at = 0; at < text.size();) {
        size_t end = at;
        while (end < text.size() && is_digit(text[end])) ++end;
        if (end - at == account_digits) accounts.emplace(text.substr(at, account_digits));
        at = end + 1;
    }
}

std::string unnamed_account(const std::set<std::string>& named) {
    for (int number = 999'999'999;; --number)
        if (std::string out = "999" + std::to_string(number); !named.contains(out)) return out;
}

Worlds worlds_of(std::span<const GrantDocument* const> documents, DocumentKind kind, std::span<const std::string> actions,
                 std::span<const std::string> resources) {
    Worlds out;
    Reader reader(kind, out);
    for (const std::string& pattern : resources) {
        add_accounts(pattern, out.accounts);
        reader.add_resource(pattern);
    }
    for (const GrantDocument* document : documents) reader.add(*document);
    for (const std::string& pattern : actions)
        if (pattern != "*" && has_wildcard(pattern) && policy::actions_matching(pattern).empty())
            out.open = "the action " + pattern + ", which is not one that is known here";
    std::set<std::string> accounts = kind == DocumentKind::identity ? out.accounts : reader.of_resources;
    accounts.insert(unnamed_account(out.accounts));
    std::vector<policy::PolicyPtr> policies;
    for (const GrantDocument* document : documents) policies.push_back(document->policy);
    const RegionsToAsk regions = regions_to_ask(policies, resources, std::string(default_region));
    if (!regions.complete) out.open = "more regions than are asked about";
    for (const std::string& account : accounts)
        for (const std::string& asking : accounts)
            if (asking == account || (reader.tells_owners && kind == DocumentKind::identity))
                for (const std::string& region : regions.regions) out.all.push_back({account, region, asking});
    return out;
}

}  // namespace proof
