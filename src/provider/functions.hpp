// The functions of `aws:*` that programs invoke: getCallerIdentity, getRegion, getPartition, iam getPolicyDocument.
#pragma once

#include <string_view>

#include "provider/aws.hpp"

namespace provider {

// Error `unsupported` names the function or argument.
[[nodiscard]] base::Result<Property> invoke_function(Aws& aws, std::string_view token, const Property& arguments);

// getPolicyDocument: statements, sources and overrides to JSON, as Terraform's aws_iam_policy_document does.
[[nodiscard]] base::Result<Property> policy_document(const Property& arguments);

}  // namespace provider
