// A value as a program in YAML has it (`${bucket.arn}/x`, `fn::toJSON`), as code of a program in Python or TypeScript. Pure.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "text/json.hpp"

namespace cli {

enum class Language : uint8_t { python, typescript };

// Lines after the first begin with `indent` spaces. Members that are null are left out. `${name.attribute}` is an attribute of the variable that
// `variable_of` gives to the resource; what it refers to is added to `resources`.
[[nodiscard]] std::string code_of(const text::Json& value, Language language, size_t indent, std::set<std::string>& resources);

// The resource's name as a variable: `ml-data` is ml_data.
[[nodiscard]] std::string variable_of(const std::string& resource);

// An argument: `managedPolicyArns` is managed_policy_arns in Python.
[[nodiscard]] std::string argument_of(const std::string& property, Language language);

// A string of the language.
[[nodiscard]] std::string quoted(const std::string& text);

}  // namespace cli
