// The functions of `aws:*` that programs invoke: a table of tokens and arguments.
#pragma once

#include <string_view>
#include <vector>

#include "provider/aws.hpp"

namespace provider {

struct Function {
    const char* token;
    std::vector<std::string_view> arguments;
    std::vector<std::string_view> required;
    base::Result<Property> (*run)(Aws& aws, const Property& arguments);
};

// All of them, in the order of the files that declare them.
[[nodiscard]] const std::vector<Function>& functions();
[[nodiscard]] std::vector<Function> s3_functions();

// Error `unsupported` names the function or argument.
[[nodiscard]] base::Result<Property> invoke_function(Aws& aws, std::string_view token, const Property& arguments);

// getPolicyDocument: statements, sources and overrides to JSON, as Terraform's aws_iam_policy_document does.
[[nodiscard]] base::Result<Property> policy_document(const Property& arguments);

}  // namespace provider
