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

// One of AWS's global condition keys, which any request may have? Any case.
[[nodiscard]] bool is_global_key(std::string_view key);

// A condition key of S3's own, and one that requests for this action have? Any case.
[[nodiscard]] bool is_s3_key(std::string_view key);
[[nodiscard]] bool is_key_of_s3_action(std::string_view key, std::string_view action);

// A condition key with another service's name that requests to this service have (iam:ResourceTag/… of sts)? Both in lower case.
[[nodiscard]] bool is_key_of_other_in(std::string_view lower_key, std::string_view lower_service);

// Do requests for this action never have aws:ResourceTag/…, by the reference? No for those that make something, and for unknown ones. Any case.
[[nodiscard]] bool lacks_resource_tags(std::string_view action);

}  // namespace policy
