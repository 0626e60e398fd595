// What AWS's Service Authorization Reference says beside the names of actions (catalogue.hpp), for questions about requests that
// nobody has made. Generated at build time by tools/action_reference.py.
#pragma once

#include <string_view>

namespace policy {

// The ARN format of the resource that an action works on: `arn:${Partition}:s3:::${BucketName}`. `*` for actions without one and
// for those that the reference does not have. Any case.
[[nodiscard]] std::string_view arn_format(std::string_view action);

// Does this condition key hold a list of values (aws:TagKeys), even where a request brings one? Any case.
[[nodiscard]] bool key_holds_list(std::string_view key);

}  // namespace policy
