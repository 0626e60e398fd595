#include "lint/checks.hpp"

#include "base/strings.hpp"

namespace lint {

std::span<const Check> checks() { return detail::checks; }

std::string learn_more(const Check& check) {
    std::string name = base::lower(check.code);
    for (char& c : name)
        if (c == '_') c = '-';
    if (check.is_ours()) return "docs/lint.md#" + name;
    constexpr std::string_view page =
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
        "access-analyzer-reference-policy-checks.html#access-analyzer-reference-policy-checks-";
    std::string out(page);
    switch (check.kind) {
        case Finding::Kind::error:
            return out + "error-" + name;
        case Finding::Kind::security_warning:
            return out + "security-warning-" + name;
        case Finding::Kind::warning:
            return out + "general-warning-" + name;
        case Finding::Kind::suggestion:
            return out + "suggestion-" + name;
    }
    return out;
}

std::string_view name_of(Finding::Kind kind) {
    switch (kind) {
        case Finding::Kind::error:
            return "ERROR";
        case Finding::Kind::security_warning:
            return "SECURITY_WARNING";
        case Finding::Kind::warning:
            return "WARNING";
        case Finding::Kind::suggestion:
            return "SUGGESTION";
    }
    return "";
}

}  // namespace lint
