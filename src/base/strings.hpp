// The few string questions that every room asks. ASCII only: AWS's names, headers and actions are ASCII,
// and locale-dependent case folding has no place in a security decision.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace base {

[[nodiscard]] constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
[[nodiscard]] std::string lower(std::string_view text);
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b);
// Without leading and trailing spaces, tabs, CR and LF.
[[nodiscard]] std::string_view trim(std::string_view text);
// Every part, empty ones included: split("a,,b", ',') is {"a","","b"}; split("", ',') is {""}.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);
[[nodiscard]] std::string join(const std::vector<std::string>& parts, std::string_view separator);

}  // namespace base
