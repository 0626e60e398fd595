#include "objects/cors.hpp"

#include <algorithm>
#include <array>

#include "base/error_codes.hpp"
#include "base/strings.hpp"

namespace objects {
namespace {

constexpr auto methods_known = std::to_array<std::string_view>({"GET", "PUT", "HEAD", "POST", "DELETE"});

std::unexpected<base::Error> invalid(std::string message) { return base::fail(base::code::InvalidRequest, std::move(message)); }

bool has_control_characters(std::string_view text) {
    return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

base::Result<void> check_wildcards(const char* what, const std::vector<std::string>& values) {
    for (const auto& value : values) {
        const std::string quoted = std::string(what) + " \"" + value + "\" ";
        if (std::ranges::count(value, '*') > 1) return invalid(quoted + "can not have more than one wildcard.");
        if (value.empty() || has_control_characters(value)) return invalid(quoted + "is not valid.");
    }
    return {};
}

// What stands before the `*` and behind it, each its own part of the text.
bool matches(std::string_view pattern, std::string_view text) {
    const size_t star = pattern.find('*');
    if (star == std::string_view::npos) return pattern == text;
    return text.size() + 1 >= pattern.size() && text.starts_with(pattern.substr(0, star)) &&
           text.ends_with(pattern.substr(star + 1));
}

bool allows_headers(const CorsRule& rule, std::string_view headers) {
    return std::ranges::all_of(base::split(headers, ','), [&](std::string_view raw) {
        const std::string name = base::lower(base::trim(raw));
        return name.empty() ||
               std::ranges::any_of(rule.headers, [&](const auto& allowed) { return matches(base::lower(allowed), name); });
    });
}

}  // namespace

base::Result<void> check_cors(std::span<const CorsRule> rules) {
    if (rules.empty())
        return base::fail(base::code::MalformedXML,
                          "The XML you provided was not well-formed or did not validate against our published schema");
    if (rules.size() > cors_rules_max) return invalid("The number of CORS rules should not exceed allowed limit of 100 rules.");
    for (const auto& rule : rules) {
        if (rule.origins.empty() || rule.methods.empty())
            return base::fail(base::code::MalformedXML,
                              "The XML you provided was not well-formed or did not validate against our published schema");
        if (rule.id.size() > cors_id_bytes_max) return invalid("The ID of a CORS rule should not be longer than 255 characters.");
        for (const auto& method : rule.methods)
            if (std::ranges::find(methods_known, method) == methods_known.end())
                return invalid("Found unsupported HTTP method in CORS config. Unsupported method is " + method);
        TRY(check_wildcards("AllowedOrigin", rule.origins));
        TRY(check_wildcards("AllowedHeader", rule.headers));
        TRY(check_wildcards("ExposeHeader", rule.exposed));
        for (const auto& header : rule.exposed)
            if (header.contains('*'))
                return invalid("ExposeHeader \"" + header +
                               "\" contains wildcard. We currently do not support wildcard for ExposeHeader.");
    }
    return {};
}

const CorsRule* find_cors_rule(std::span<const CorsRule> rules, std::string_view origin, std::string_view method,
                               std::string_view headers) {
    const auto found = std::ranges::find_if(rules, [&](const CorsRule& rule) {
        return std::ranges::find(rule.methods, method) != rule.methods.end() &&
               std::ranges::any_of(rule.origins, [&](const auto& allowed) { return matches(allowed, origin); }) &&
               allows_headers(rule, headers);
    });
    return found == rules.end() ? nullptr : &*found;
}

base::Error no_cors_rule(std::span<const CorsRule> rules) {
    if (rules.empty()) return {base::code::AccessForbidden, "CORSResponse: CORS is not enabled for this bucket."};
    return {base::code::AccessForbidden,
            "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / "
            "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."};
}

bool is_for_all_origins(const CorsRule& rule) { return std::ranges::find(rule.origins, "*") != rule.origins.end(); }

}  // namespace objects
