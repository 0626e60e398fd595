#include "provider/s3_setting_rules.hpp"

namespace provider {

std::vector<std::string> canned_acls() {
    return {"private",
            "public-read",
            "public-read-write",
            "aws-exec-read",
            "authenticated-read",
            "bucket-owner-read",
            "bucket-owner-full-control",
            "log-delivery-write"};
}

std::vector<Rule> public_access_rules() {
    return {{.name = "blockPublicAcls", .shape = Shape::flag, .fallback = false, .member = "BlockPublicAcls"},
            {.name = "ignorePublicAcls", .shape = Shape::flag, .fallback = false, .member = "IgnorePublicAcls"},
            {.name = "blockPublicPolicy", .shape = Shape::flag, .fallback = false, .member = "BlockPublicPolicy"},
            {.name = "restrictPublicBuckets", .shape = Shape::flag, .fallback = false, .member = "RestrictPublicBuckets"}};
}

std::vector<Rule> encryption_default_rules() {
    return {{.name = "kmsMasterKeyId", .member = "KMSMasterKeyID"},
            {.name = "sseAlgorithm",
             .required = true,
             .choices = {"AES256", "aws:kms", "aws:kms:dsse", "aws:fsx"},
             .member = "SSEAlgorithm"}};
}

std::vector<Rule> cors_rules() {
    return {{.name = "allowedHeaders", .shape = Shape::texts, .member = "AllowedHeader"},
            {.name = "allowedMethods", .shape = Shape::texts, .required = true, .member = "AllowedMethod"},
            {.name = "allowedOrigins", .shape = Shape::texts, .required = true, .member = "AllowedOrigin"},
            {.name = "exposeHeaders", .shape = Shape::texts, .member = "ExposeHeader"},
            {.name = "id", .member = "ID"},
            {.name = "maxAgeSeconds", .shape = Shape::number, .member = "MaxAgeSeconds"}};
}

std::vector<Rule> retention_rules() {
    return {{.name = "mode", .choices = {"GOVERNANCE", "COMPLIANCE"}, .member = "Mode"},
            {.name = "days", .shape = Shape::number, .member = "Days"},
            {.name = "years", .shape = Shape::number, .member = "Years"}};
}

std::vector<Rule> grantee_rules() {
    return {{.name = "type", .required = true, .choices = {"CanonicalUser", "AmazonCustomerByEmail", "Group"}, .member = "@type"},
            {.name = "displayName", .computed = true, .member = "DisplayName"},
            {.name = "emailAddress", .member = "EmailAddress"},
            {.name = "id", .member = "ID"},
            {.name = "uri", .member = "URI"}};
}

std::vector<Rule> expiration_rules() {
    return {{.name = "date", .member = "Date", .moment = true},
            {.name = "days", .shape = Shape::number, .member = "Days"},
            {.name = "expiredObjectDeleteMarker", .shape = Shape::flag, .member = "ExpiredObjectDeleteMarker"}};
}

std::vector<Rule> transition_rules() {
    return {{.name = "date", .member = "Date", .moment = true},
            {.name = "days", .shape = Shape::number, .member = "Days"},
            {.name = "storageClass", .required = true, .member = "StorageClass"}};
}

std::vector<Rule> lifecycle_rules() {
    const std::vector<Rule> both = {{.name = "prefix", .member = "Prefix"},
                                    {.name = "tags", .shape = Shape::labels, .member = "Tag"},
                                    {.name = "objectSizeGreaterThan", .shape = Shape::number, .member = "ObjectSizeGreaterThan"},
                                    {.name = "objectSizeLessThan", .shape = Shape::number, .member = "ObjectSizeLessThan"}};
    const std::vector<Rule> tag = {{.name = "key", .required = true, .member = "Key"},
                                   {.name = "value", .required = true, .member = "Value"}};
    const std::vector<Rule> filter = {
        {.name = "prefix", .fallback = "", .member = "Prefix"},
        {.name = "tag", .shape = Shape::block, .members = tag, .member = "Tag"},
        {.name = "objectSizeGreaterThan", .shape = Shape::number, .member = "ObjectSizeGreaterThan"},
        {.name = "objectSizeLessThan", .shape = Shape::number, .member = "ObjectSizeLessThan"},
        {.name = "and", .shape = Shape::block, .members = both, .member = "And"}};
    const std::vector<Rule> noncurrent = {
        {.name = "noncurrentDays", .shape = Shape::number, .required = true, .member = "NoncurrentDays"},
        {.name = "newerNoncurrentVersions", .shape = Shape::number, .member = "NewerNoncurrentVersions"}};
    std::vector<Rule> noncurrent_transition = noncurrent;
    noncurrent_transition.push_back({.name = "storageClass", .required = true, .member = "StorageClass"});
    return {
        {.name = "expiration",
         .shape = Shape::block,
         .members = expiration_rules(),
         .member = "Expiration",
         .at_most_one = {"date", "days"}},
        {.name = "id", .required = true, .member = "ID"},
        {.name = "prefix", .fallback = "", .member = "Prefix"},
        // A rule has a filter, if an empty one: S3 refuses one with neither filter nor prefix.
        {.name = "filter",
         .shape = Shape::block,
         .fallback = Property::Object{{"prefix", ""}},
         .members = filter,
         .member = "Filter",
         .unless = "prefix",
         .at_most_one = {"and", "objectSizeGreaterThan", "objectSizeLessThan", "prefix", "tag"}},
        {.name = "status", .required = true, .choices = {"Enabled", "Disabled"}, .member = "Status"},
        {.name = "transitions", .shape = Shape::blocks, .members = transition_rules(), .member = "Transition", .unordered = true},
        {.name = "noncurrentVersionTransitions",
         .shape = Shape::blocks,
         .members = noncurrent_transition,
         .member = "NoncurrentVersionTransition",
         .unordered = true},
        {.name = "noncurrentVersionExpiration",
         .shape = Shape::block,
         .members = noncurrent,
         .member = "NoncurrentVersionExpiration"},
        {.name = "abortIncompleteMultipartUpload",
         .shape = Shape::block,
         .members = {{.name = "daysAfterInitiation", .shape = Shape::number, .member = "DaysAfterInitiation"}},
         .member = "AbortIncompleteMultipartUpload"}};
}

}  // namespace provider
