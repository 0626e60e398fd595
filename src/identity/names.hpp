// What IAM lets things be called, and the identifiers it gives them.
// Source: IAM User Guide, "IAM and AWS STS quotas" and "IAM identifiers".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "crypto/random.hpp"
#include "identity/model.hpp"

namespace identity {

// Names compare ignoring case: this is what they are kept under.
[[nodiscard]] std::string key_of(std::string_view name);

// `field` is the member name that IAM's message shows: roleName, userName, policyName, groupName.
[[nodiscard]] base::Result<void> check_name(std::string_view name, std::string_view field, size_t length_max);
[[nodiscard]] base::Result<void> check_path(std::string_view path);
// An ARN of a managed policy, as a parameter: "ARN X is not valid." (`InvalidInput`), "Invalid ARN partition"
// (`ValidationError`).
[[nodiscard]] base::Result<void> check_policy_arn(const std::string& arn);
// Lengths, characters, the reserved prefix `aws:`, duplicates ignoring case.
[[nodiscard]] base::Result<void> check_tags(const Tags& tags);
constexpr size_t tags_max = 50;

// New tags over old ones: a key that is there (ignoring case) takes the new spelling and value.
[[nodiscard]] Tags merge_tags(Tags old_tags, const Tags& new_tags);
[[nodiscard]] Tags without_tags(Tags tags, const std::vector<std::string>& keys);

// `AROA` + 17 characters.
[[nodiscard]] std::string make_unique_id(crypto::Random& random, std::string_view prefix);
// `AKIA` (long-term) or `ASIA` (session) + 16 characters of base32 that hold the account id, as AWS's keys do: any tool that
// knows the trick reads the account from the key.
[[nodiscard]] std::string make_access_key_id(crypto::Random& random, std::string_view prefix, std::string_view account);
// 40 characters of base64's alphabet.
[[nodiscard]] std::string make_secret(crypto::Random& random);
// Characters, not bytes.
[[nodiscard]] size_t characters(std::string_view text);
// Characters that are not white space: how IAM measures a policy.
[[nodiscard]] size_t measure(std::string_view document);

}  // namespace identity
