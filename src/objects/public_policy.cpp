#include "objects/public_policy.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "base/strings.hpp"
#include "policy/arn.hpp"
#include "policy/value.hpp"
#include "text/json.hpp"

namespace objects {
namespace {

bool is_account(std::string_view text) {
    return text.size() == 12 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_prefixed(std::string_view text, std::string_view prefix) {
    return text.starts_with(prefix) && text.size() > prefix.size();
}

bool is_principal_arn(std::string_view text) {
    const auto arn = policy::parse_arn(text);
    return arn && (arn->service == "iam" || arn->service == "sts") && is_account(arn->account) && !arn->resource.empty();
}

// Of a resource that acts: a bucket's ARN has no account, other services' do.
bool is_source_arn(std::string_view text) {
    const auto arn = policy::parse_arn(text);
    return arn && !arn->resource.empty() && !arn->service.empty() && (arn->service == "s3" || is_account(arn->account));
}

bool is_access_point_arn(std::string_view text) {
    const auto arn = policy::parse_arn(text);
    return arn && arn->service == "s3" && is_account(arn->account) && is_prefixed(arn->resource, "accesspoint/");
}

// A user's or a role session's id, a root user's or a federated user's, which begin with the account. `anonymous` is none.
bool is_user_id(std::string_view text) {
    return is_prefixed(text, "AIDA") || is_prefixed(text, "AROA") || is_account(text.substr(0, text.find(':')));
}

struct FixingKey {
    std::string_view name;  // lower case
    bool (*names_principal)(std::string_view value);
};
constexpr auto fixing_keys = std::to_array<FixingKey>({
    {"aws:principalaccount", is_account},
    {"aws:principalarn", is_principal_arn},
    {"aws:principalorgid", [](std::string_view text) { return is_prefixed(text, "o-"); }},
    {"aws:principalorgpaths", [](std::string_view text) { return is_prefixed(text, "o-"); }},
    {"aws:sourceaccount", is_account},
    {"aws:sourcearn", is_source_arn},
    {"aws:sourceorgid", [](std::string_view text) { return is_prefixed(text, "o-"); }},
    {"aws:sourceowner", is_account},
    {"aws:sourcevpc", [](std::string_view text) { return is_prefixed(text, "vpc-"); }},
    {"aws:sourcevpce", [](std::string_view text) { return is_prefixed(text, "vpce-"); }},
    {"aws:userid", is_user_id},
    {"s3:dataaccesspointaccount", is_account},
    {"s3:dataaccesspointarn", is_access_point_arn},
});

constexpr auto matching_operators = std::to_array<std::string_view>({
    "stringequals",
    "stringequalsignorecase",
    "stringlike",
    "arnequals",
    "arnlike",
    "ipaddress",
});

// One value or a list of them, as policies write both.
bool all_of(const text::Json& value, auto&& test) {
    if (value.is_array()) return value.size() > 0 && std::ranges::all_of(value.items(), test);
    return test(value);
}

bool is_fixed(const text::Json& value) {
    return value.is_string() && value.as_string().find_first_of("*?") == std::string::npos &&
           value.as_string().find("${") == std::string::npos;
}

// How many addresses some networks hold together, each address counted once.
class Width {
public:
    // False for what is not a network, or one that is public alone: wider than /8, or /32 of version 6.
    bool add(const text::Json& value) {
        const auto network = is_fixed(value) ? policy::Network::parse(value.as_string()) : std::nullopt;
        if (!network) return false;
        constexpr std::array<uint8_t, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};  // version 4 written as version 6
        const bool is_mapped =
            network->v6() && network->prefix() >= 96 && std::equal(mapped.begin(), mapped.end(), network->bytes().begin());
        const int prefix = network->prefix() - (is_mapped ? 96 : 0);
        const bool v6 = network->v6() && !is_mapped;
        const int widest = v6 ? 32 : 8;
        if (prefix < widest) return false;
        // Networks hold one another or have no address in common.
        if (std::ranges::any_of(counted_, [&](const Counted& other) { return other.network.contains(*network); })) return true;
        std::erase_if(counted_, [&](const Counted& other) { return network->contains(other.network); });
        counted_.push_back({*network, v6, std::ldexp(1.0, widest - prefix)});
        return true;
    }
    bool add_all(const text::Json& values) {
        return all_of(values, [this](const text::Json& value) { return add(value); });
    }
    // Sixteen of the widest are a sixteenth of the version 4 Internet: networks of everyone, however they are split.
    [[nodiscard]] bool narrow() const {
        double v4 = 0, v6 = 0;
        for (const Counted& each : counted_) (each.v6 ? v6 : v4) += each.width;
        return v4 <= widest_max && v6 <= widest_max;
    }

private:
    static constexpr double widest_max = 16;
    struct Counted {
        policy::Network network;
        bool v6;
        double width;  // 1 is one of the widest
    };
    std::vector<Counted> counted_;
};

bool are_narrow(const text::Json& values) {
    Width width;
    return width.add_all(values) && width.narrow();
}

// `aws:userid` of every session of a role (`AROA…:*`) is as fixed as the role is.
bool is_role_session_id(const text::Json& value) {
    const auto& text = value.as_string();
    return text.starts_with("AROA") && text.size() > 6 && text.ends_with(":*") && text.find_first_of("*?$:") == text.size() - 2;
}

struct Fixed {
    bool to_principal = false;
    const text::Json* to_networks = nullptr;  // narrow ones
};

Fixed read_conditions(const text::Json& conditions) {
    Fixed fixed;
    for (const auto& [operator_name, tests] : conditions.members()) {
        auto name = base::lower(operator_name);
        // ForAllValues and …IfExists hold when the key is absent, which any caller can arrange.
        if (name.starts_with("foranyvalue:")) name = name.substr(std::string_view("foranyvalue:").size());
        if (std::ranges::find(matching_operators, name) == matching_operators.end()) continue;
        for (const auto& [key, values] : tests.members()) {
            const auto condition_key = base::lower(key);
            if (condition_key == "aws:sourceip") {
                if (name == "ipaddress" && are_narrow(values)) fixed.to_networks = &values;
                continue;
            }
            const auto* const fixing = std::ranges::find(fixing_keys, condition_key, &FixingKey::name);
            if (fixing == fixing_keys.end() || name == "ipaddress") continue;
            const bool user_id = condition_key == "aws:userid";
            const auto names_principal = [&](const text::Json& value) {
                if (is_fixed(value)) return fixing->names_principal(value.as_string());
                return user_id && is_role_session_id(value);
            };
            if (all_of(values, names_principal)) fixed.to_principal = true;
        }
    }
    return fixed;
}

bool names_everyone(const text::Json& principal) {
    if (principal.is_string()) return true;  // only `*` is a string
    for (const auto& [kind, values] : principal.members()) {
        if (!all_of(values, is_fixed)) return true;
    }
    return !principal.is_object() || principal.size() == 0;
}

// `networks`: those from which the policy lets everyone in. Counted over all of its statements, whatever each of them grants,
// for one grant can be written in many ways.
bool is_public_statement(const text::Json& statement, Width& networks) {
    if (statement["Effect"].as_string() == "Deny") return false;
    const auto* principal = statement.find("Principal");
    if (principal != nullptr && !names_everyone(*principal)) return false;
    const Fixed fixed = read_conditions(statement["Condition"]);
    if (fixed.to_principal) return false;
    return fixed.to_networks == nullptr || !networks.add_all(*fixed.to_networks);
}

}  // namespace

bool is_public_policy(std::string_view policy_document) {
    const auto policy = text::parse_json(policy_document);
    if (!policy || !policy->is_object()) return true;
    const auto& statements = (*policy)["Statement"];
    Width networks;
    const auto is_public = [&](const text::Json& statement) { return is_public_statement(statement, networks); };
    if (statements.is_array() ? std::ranges::any_of(statements.items(), is_public) : is_public(statements)) return true;
    return !networks.narrow();
}

}  // namespace objects
