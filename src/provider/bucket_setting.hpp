// Settings of a bucket (or of an account) that are resources of their own, as a table: which operations, which document, which property is
// which member. One engine makes a ResourceType of each entry (bucket_setting.cpp); the entries are s3_bucket_settings.cpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "provider/schema.hpp"

namespace provider {

enum class Removal : uint8_t {
    deletes,  // by a DELETE
    rests,    // S3 has no DELETE of it: the document of `rest` is put instead
    stays,    // nothing takes it away: it is no longer looked after, as with Pulumi
};

struct BucketSetting {
    std::vector<std::string> tokens;
    std::string noun;    // of its operations: `BucketCors` of PutBucketCors, GetBucketCors and DeleteBucketCors
    std::string query;   // the sub-resource: `cors`
    std::string root;    // the element that its document is; empty: the document is the text of `subject`
    std::string absent;  // what Get answers where there is none: `NoSuchCORSConfiguration`
    std::vector<Rule> rules;
    std::string subject = {};  // the property that its errors are about
    std::string none = {};     // Get answers a document without this element where there is none; `*`: without any element
    Removal removal = Removal::deletes;
    std::string deletion = {};  // the operation, where it is not `Delete` and the noun
    Property rest = {};
    bool tells_owner = true;                 // takes `expectedBucketOwner`
    bool of_account = false;                 // of an account, by S3 Control
    std::string instead = {};                // a property that goes as a header in the document's place
    std::vector<std::string> computed = {};  // outputs that are no inputs
    std::vector<std::string> one_of = {};
    std::optional<NameRule> name = {};  // a bucket has several, told apart by `id=`

    // Code, where one needs it.
    void (*check)(const Property& inputs, std::vector<CheckFailure>& failures) = nullptr;
    // This state has no call that makes it: it is what a bucket is before (versioning `Disabled`).
    bool (*unsent)(const Property& inputs) = nullptr;
    // There is nothing to take away.
    bool (*left_alone)(const Property& olds) = nullptr;
    base::Result<void> (*may_change)(const Property& olds, const Property& news) = nullptr;
};

[[nodiscard]] ResourceType bucket_setting_type(BucketSetting setting);

// The same for a setting that its bucket states itself. `properties` name the bucket, its region, and the setting.
[[nodiscard]] base::Result<void> put_setting(Aws& aws, const BucketSetting& setting, const Property& properties);
[[nodiscard]] base::Result<std::optional<Property>> read_setting(Aws& aws, const BucketSetting& setting, const std::string& id,
                                                                 const Property& known);
[[nodiscard]] base::Result<void> remove_setting(Aws& aws, const BucketSetting& setting, const std::string& id,
                                                const Property& olds);

}  // namespace provider
