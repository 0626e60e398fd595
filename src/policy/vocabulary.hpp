// Words that AWS knows, so that a question in words that it does not know can be refused: what values a condition key has, and
// what ARNs an action works on. From the Service Authorization Reference and the list of global condition keys; generated at build
// time by tools/vocabulary.py.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace policy {

enum class KeyType { text, number, date, epoch, boolean, address, arn };

struct KnownKey {
    std::string name;  // as AWS writes it: aws:PrincipalTag/team
    KeyType type = KeyType::text;
};

// nullopt for a key that no service has. Any case. A tag's key must follow where one belongs. Keys of identity providers
// (`accounts.google.com:aud`) are text.
[[nodiscard]] std::optional<KnownKey> find_key(std::string_view key);

// Keys of the same service, for suggestions.
[[nodiscard]] std::vector<std::string> keys_beside(std::string_view key);

// Can a request bring such a value for a key of this type?
[[nodiscard]] bool has_type(std::string_view value, KeyType type);
// "a number, for example 3600"
[[nodiscard]] std::string_view describe(KeyType type);

// The ARN formats of all that an action may work on, the shortest first: `arn:${Partition}:s3:::${BucketName}/${ObjectName}`.
// Empty for actions without resources and for those that AWS does not have. Any case.
[[nodiscard]] std::vector<std::string_view> resource_formats(std::string_view action);

// Has the ARN this format? Names of buckets hold no slash; other variable parts hold anything, but something.
[[nodiscard]] bool has_format(std::string_view arn, std::string_view format);

}  // namespace policy
