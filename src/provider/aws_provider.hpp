// The `aws` provider with its connections handed in; make_aws_provider (provider.hpp) hands in wire::Client. For tests.
#pragma once

#include <memory>

#include "provider/aws.hpp"
#include "provider/provider.hpp"

namespace provider {

[[nodiscard]] std::unique_ptr<Provider> make_aws_provider(AwsOptions options, Connect connect, Sleep sleep);

}  // namespace provider
