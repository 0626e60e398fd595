// Which condition keys a policy document asks about: those that its Condition elements name, and those that its policy
// variables stand for. For iam:GetContextKeysFor…Policy and the simulator's MissingContextValues.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace policy {

// As written, every spelling once, in the order of the document. Variables count where they are variables: in Version
// 2012-10-17, in Resource after the fifth colon and in string, ARN and Bool conditions (R64, R65). What is not JSON names none.
[[nodiscard]] std::vector<std::string> context_keys(std::string_view document);

}  // namespace policy
