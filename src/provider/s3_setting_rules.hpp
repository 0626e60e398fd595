// Rules that a setting of a bucket and the bucket's own, older shape of it share.
#pragma once

#include <string>
#include <vector>

#include "provider/schema.hpp"

namespace provider {

[[nodiscard]] std::vector<std::string> canned_acls();
[[nodiscard]] std::vector<Rule> public_access_rules();
[[nodiscard]] std::vector<Rule> encryption_default_rules();  // of ApplyServerSideEncryptionByDefault
[[nodiscard]] std::vector<Rule> cors_rules();                // of a CORSRule
[[nodiscard]] std::vector<Rule> retention_rules();           // of a DefaultRetention
[[nodiscard]] std::vector<Rule> grantee_rules();
[[nodiscard]] std::vector<Rule> expiration_rules();  // of an Expiration
[[nodiscard]] std::vector<Rule> transition_rules();  // of a Transition
[[nodiscard]] std::vector<Rule> lifecycle_rules();   // of a Rule of BucketLifecycleConfiguration

}  // namespace provider
