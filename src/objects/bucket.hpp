// A bucket and its configuration, as it is kept and as deciding needs it. Immutable once made: readers share it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "objects/cors.hpp"
#include "objects/lock.hpp"
#include "policy/attached.hpp"
#include "policy/policy.hpp"
#include "policy/request.hpp"

namespace objects {

using Tags = std::vector<std::pair<std::string, std::string>>;

constexpr size_t bucket_tags_max = 50;
constexpr size_t object_tags_max = 10;
constexpr std::string_view versioning_enabled = "Enabled", versioning_suspended = "Suspended";
constexpr size_t bucket_policy_bytes_max = 20 * 1024;

struct PublicAccessBlock {
    bool block_public_acls = false;
    bool ignore_public_acls = false;
    bool block_public_policy = false;
    bool restrict_public_buckets = false;
};

// What is asked for those objects whose writers say nothing of it.
struct BucketEncryption {
    std::string algorithm = "AES256";  // or aws:kms
    std::string key_id;                // as it was said; empty: aws/s3
    bool bucket_key_enabled = false;
    bool blocks_customer_keys = false, says_blocked = false;  // BlockedEncryptionTypes: SSE-C or NONE
};

struct BucketConfiguration {
    std::string policy;  // the document as given; empty: none
    // The unique id behind every user, role or role session that the policy names (R32): deciding goes by these.
    std::map<std::string, std::string> policy_principals;
    std::optional<PublicAccessBlock> public_access_block;  // absent: nothing is blocked
    std::string object_ownership;                          // BucketOwnerEnforced; empty: no ownership controls
    std::optional<BucketEncryption> encryption;            // absent: never configured
    std::string versioning;                                // empty: never set; Enabled, Suspended
    bool object_lock = false;                              // once and for ever; versioning is Enabled then
    std::optional<DefaultRetention> default_retention;
    std::vector<CorsRule> cors;
    Tags tags;
};

struct Bucket {
    std::string name;
    std::string account;  // of the owner
    std::string region;
    base::Time created;
    BucketConfiguration configuration;
    std::optional<PublicAccessBlock> account_block;  // of the owner, for all of its buckets; absent: nothing is blocked
    // Follow from the configuration.
    policy::PolicyPtr policy;  // null: none
    bool policy_is_public = false;
    // The same as requests about it have it: `bucket policy of NAME`, and the condition keys that are known of it and its objects.
    policy::SharedAttachedPolicy attached_policy;
    policy::Context keys;
    // Internal to the room: the stored records that writers of objects expect to find unchanged.
    std::string record;
    std::optional<std::string> configuration_record;  // absent: nothing is stored
    bool being_deleted = false;
    // Another one of each that was made, and each that was configured otherwise: what decisions about it were made on. Of one that is being
    // deleted, still what it was. Starts anew with the server.
    uint64_t version = 0;

    // Whether it has or had versions: every object may have more of them than one.
    [[nodiscard]] bool is_versioned() const { return !configuration.versioning.empty(); }
    [[nodiscard]] std::string arn() const { return "arn:aws:s3:::" + name; }
    // What the bucket or its account blocks is blocked.
    [[nodiscard]] bool restricts_public() const { return blocks(&PublicAccessBlock::restrict_public_buckets); }
    [[nodiscard]] bool blocks_public_policy() const { return blocks(&PublicAccessBlock::block_public_policy); }

private:
    [[nodiscard]] bool blocks(bool PublicAccessBlock::* setting) const {
        const auto& own = configuration.public_access_block;
        return (own && *own.*setting) || (account_block && *account_block.*setting);
    }
};

[[nodiscard]] base::Error no_such_bucket(std::string_view name);

// S3 User Guide, "General purpose bucket naming rules". Error `InvalidBucketName`.
[[nodiscard]] base::Result<void> check_bucket_name(std::string_view name);

// Errors `InvalidTag` (lengths, duplicates, the reserved prefix `aws:`) and `BadRequest` (too many).
[[nodiscard]] base::Result<void> check_tags(const Tags& tags, size_t most);

[[nodiscard]] std::string account_block_record(const PublicAccessBlock& block);
[[nodiscard]] base::Result<PublicAccessBlock> read_account_block(const std::string& account, std::string_view record);
// The stored forms (JSON): who owns the bucket, and how it is configured. `read_bucket` fails with `InternalError` on what it did
// not write.
[[nodiscard]] std::string bucket_record(const Bucket& bucket);
[[nodiscard]] std::string configuration_record(const BucketConfiguration& configuration);
[[nodiscard]] base::Result<Bucket> read_bucket(std::string name, std::string_view record,
                                               std::optional<std::string> configuration);

}  // namespace objects
