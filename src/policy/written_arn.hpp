// What IAM says of a resource ARN in an identity, session or service control policy that is being written: one that no resource
// can have would be stored and do nothing.
#pragma once

#include <string_view>

#include "policy/sentences.hpp"

namespace policy {

// nullptr if there is nothing wrong; the sentence takes the ARN. Not for `*`, nor for what R42 refuses.
//
// Fewer than six segments may be meant (R43), and a `*` that ends its segment runs past the colon (R41): what stands behind one
// may be any segment.
[[nodiscard]] const Sentence* wrong_resource(std::string_view arn);

}  // namespace policy
