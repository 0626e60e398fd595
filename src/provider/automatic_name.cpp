#include "provider/automatic_name.hpp"

#include <algorithm>

#include "base/strings.hpp"

namespace provider {

namespace {

using Style = NameRule::Style;

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// IAM User Guide, "Name requirements for IAM": alphanumeric and + = , . @ _ -
bool is_iam_name_character(char c) {
    return is_lower_or_digit(base::lower(c)) || std::string_view("+=,.@_-").find(c) != std::string_view::npos;
}

// S3 User Guide, "General purpose bucket naming rules".
std::string_view fault_of_bucket_name(std::string_view name) {
    if (name.size() < 3 || name.size() > 63) return "a bucket name has 3 to 63 characters";
    if (!std::ranges::all_of(name, [](char c) { return is_lower_or_digit(c) || c == '-' || c == '.'; }))
        return "a bucket name has lower-case letters, digits, `-` and `.` only";
    if (!is_lower_or_digit(name.front()) || !is_lower_or_digit(name.back()))
        return "a bucket name starts and ends with a letter or digit";
    if (name.find("..") != std::string_view::npos) return "a bucket name has no two dots in a row";
    const bool digits_and_dots = std::ranges::all_of(name, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
    if (digits_and_dots && std::ranges::count(name, '.') == 3) return "a bucket name must not be an IP address";
    return {};
}

std::string fit(std::string text, Style style, bool strict_names) {
    for (char& c : text) {
        if (style == Style::bucket) {
            c = base::lower(c);
            if (!strict_names && !is_lower_or_digit(c) && c != '.') c = '-';
        } else if (!is_iam_name_character(c)) {
            c = '-';
        }
    }
    if (style != Style::bucket || strict_names) return text;
    // No dash or dot at the start, and no two dots: S3 refuses them.
    const size_t start = text.find_first_not_of("-.");
    text.erase(0, std::min(start, text.size()));
    for (size_t at = text.find(".."); at != std::string::npos; at = text.find("..")) text.erase(at, 1);
    return text;
}

}  // namespace

std::string automatic_name(const NameRule& rule, std::string_view logical_name, std::string_view prefix,
                           std::string_view random_hex, bool strict_names) {
    if (rule.style == Style::exact) return std::string(logical_name);
    std::string stem = prefix.empty() ? std::string(logical_name) + '-' : std::string(prefix);
    stem = fit(std::move(stem), rule.style, strict_names);
    const size_t room = rule.longest > random_hex.size() ? rule.longest - random_hex.size() : 0;
    if (stem.size() > room) {
        stem.resize(room);
        if (prefix.empty() && !stem.empty()) stem.back() = '-';
    }
    return stem + std::string(random_hex);
}

void check_given_name(const NameRule& rule, const Property& name, std::vector<CheckFailure>& failures) {
    if (!name.is(Property::Kind::string) || rule.style == Style::exact) return;
    const std::string& text = name.as_string();
    if (rule.style == Style::bucket) {
        if (const auto fault = fault_of_bucket_name(text); !fault.empty())
            failures.push_back({rule.property, "`" + text + "` is not a bucket name: " + std::string(fault)});
        return;
    }
    if (text.empty() || text.size() > rule.longest)
        failures.push_back({rule.property, "`" + text + "` has " + std::to_string(text.size()) + " characters; 1 to " +
                                               std::to_string(rule.longest) + " are allowed"});
    else if (!std::ranges::all_of(text, is_iam_name_character))
        failures.push_back({rule.property, "`" + text + "` is not an IAM name: letters, digits and + = , . @ _ - only"});
}

}  // namespace provider
