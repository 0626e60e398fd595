// The table of aws:s3 settings of a bucket. Properties after @pulumi/aws 6 (the tokens in V2) and 7, documents after the Amazon S3 API
// Reference. What each field means: bucket_setting.hpp, schema.hpp; paths: s3_document.hpp.

#include "provider/bucket_setting.hpp"
#include "provider/s3.hpp"
#include "provider/s3_setting_rules.hpp"

namespace provider {

using base::fail;
using base::Result;

namespace {

const std::string& status_of(const Property& properties) { return properties["versioningConfiguration"]["status"].as_string(); }

// `Disabled` is the state of a bucket that never had versions: S3 has no call for it, and no way back to it.
Result<void> versioning_may_change(const Property& olds, const Property& news) {
    if (status_of(news) != "Disabled" || status_of(olds) == "Disabled") return {};
    return fail(about_property(
        {"IllegalVersioningConfigurationException", "a bucket that had versions can be `Suspended`, but never `Disabled` again"},
        "versioningConfiguration.status"));
}

// What S3 answers to a filter with two predicates side by side is a malformed document; here it is said which.
void check_lifecycle(const Property& inputs, std::vector<CheckFailure>& failures) {
    const auto& rules = inputs["rules"].items();
    for (size_t i = 0; i < rules.size(); ++i) {
        const std::string at = "rules[" + std::to_string(i) + "].";
        if (rules[i].contains("filter") && rules[i].contains("prefix"))
            failures.push_back({at + "prefix", "only one of filter, prefix can be given"});
    }
}

BucketSetting policy() {
    return {.tokens = {"aws:s3/bucketPolicy:BucketPolicy"},
            .noun = "BucketPolicy",
            .query = "policy",
            .root = {},
            .absent = "NoSuchBucketPolicy",
            .rules = {{.name = "policy", .shape = Shape::document, .required = true, .policy = policy::PolicyKind::resource}},
            .subject = "policy",
            .tells_owner = false};
}

BucketSetting public_access_block() {
    std::vector<Rule> rules = public_access_rules();
    rules.push_back({.name = "skipDestroy", .shape = Shape::flag, .local = true, .fallback = false});
    return {.tokens = {"aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"},
            .noun = "PublicAccessBlock",
            .query = "publicAccessBlock",
            .root = "PublicAccessBlockConfiguration",
            .absent = "NoSuchPublicAccessBlockConfiguration",
            .rules = std::move(rules),
            .tells_owner = false,
            .left_alone = [](const Property& olds) { return olds["skipDestroy"].as_bool(); }};
}

BucketSetting account_public_access_block() {
    return {.tokens = {"aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock"},
            .noun = "PublicAccessBlock",
            .query = "publicAccessBlock",
            .root = "PublicAccessBlockConfiguration",
            .absent = "NoSuchPublicAccessBlockConfiguration",
            .rules = public_access_rules(),
            .tells_owner = false,
            .of_account = true};
}

BucketSetting versioning() {
    return {
        .tokens = {"aws:s3/bucketVersioning:BucketVersioning", "aws:s3/bucketVersioningV2:BucketVersioningV2"},
        .noun = "BucketVersioning",
        .query = "versioning",
        .root = "VersioningConfiguration",
        .absent = {},
        .rules = {{.name = "versioningConfiguration",
                   .shape = Shape::block,
                   .required = true,
                   .members = {{.name = "mfaDelete", .computed = true, .choices = {"Enabled", "Disabled"}, .member = "MfaDelete"},
                               {.name = "status",
                                .required = true,
                                .fallback = "Disabled",
                                .choices = {"Enabled", "Suspended", "Disabled"},
                                .member = "Status"}},
                   .member = "."},
                  {.name = "mfa", .local = true, .header = "x-amz-mfa"}},
        .subject = "versioningConfiguration",
        .removal = Removal::rests,
        .rest = Property::Object{{"versioningConfiguration", Property::Object{{"status", "Suspended"}}}},
        .unsent = [](const Property& inputs) { return status_of(inputs) == "Disabled"; },
        .left_alone = [](const Property& olds) { return status_of(olds) != "Enabled"; },
        .may_change = versioning_may_change};
}

BucketSetting ownership_controls() {
    return {.tokens = {"aws:s3/bucketOwnershipControls:BucketOwnershipControls"},
            .noun = "BucketOwnershipControls",
            .query = "ownershipControls",
            .root = "OwnershipControls",
            .absent = "OwnershipControlsNotFoundError",
            .rules = {{.name = "rule",
                       .shape = Shape::block,
                       .required = true,
                       .members = {{.name = "objectOwnership",
                                    .required = true,
                                    .choices = {"BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced"},
                                    .member = "ObjectOwnership"}},
                       .member = "Rule"}},
            .subject = "rule",
            .tells_owner = false};
}

BucketSetting encryption() {
    return {.tokens = {"aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
                       "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2"},
            .noun = "BucketEncryption",
            .query = "encryption",
            .root = "ServerSideEncryptionConfiguration",
            .absent = "ServerSideEncryptionConfigurationNotFoundError",
            .rules = {{.name = "rules",
                       .shape = Shape::blocks,
                       .required = true,
                       .members = {{.name = "applyServerSideEncryptionByDefault",
                                    .shape = Shape::block,
                                    .members = encryption_default_rules(),
                                    .member = "ApplyServerSideEncryptionByDefault"},
                                   // S3 chooses for a bucket that does not say.
                                   {.name = "blockedEncryptionTypes",
                                    .shape = Shape::texts,
                                    .computed = true,
                                    .member = "BlockedEncryptionTypes/EncryptionType"},
                                   {.name = "bucketKeyEnabled", .shape = Shape::flag, .member = "BucketKeyEnabled"}},
                       .member = "Rule"}},
            .subject = "rules"};
}

BucketSetting lifecycle() {
    const std::vector<Rule> timeouts = {{.name = "create"}, {.name = "update"}};
    return {.tokens = {"aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
                       "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2"},
            .noun = "BucketLifecycleConfiguration",
            .query = "lifecycle",
            .root = "LifecycleConfiguration",
            .absent = "NoSuchLifecycleConfiguration",
            .rules = {{.name = "rules",
                       .shape = Shape::blocks,
                       .required = true,
                       .members = lifecycle_rules(),
                       .member = "Rule",
                       .unordered = true},
                      {.name = "timeouts", .shape = Shape::block, .local = true, .members = timeouts},
                      {.name = "transitionDefaultMinimumObjectSize",
                       .computed = true,
                       .choices = {"all_storage_classes_128K", "varies_by_storage_class"},
                       .header = "x-amz-transition-default-minimum-object-size"}},
            .subject = "rules",
            .deletion = "DeleteBucketLifecycle",
            .check = check_lifecycle};
}

BucketSetting cors() {
    return {
        .tokens = {"aws:s3/bucketCorsConfiguration:BucketCorsConfiguration",
                   "aws:s3/bucketCorsConfigurationV2:BucketCorsConfigurationV2"},
        .noun = "BucketCors",
        .query = "cors",
        .root = "CORSConfiguration",
        .absent = "NoSuchCORSConfiguration",
        .rules = {{.name = "corsRules", .shape = Shape::blocks, .required = true, .members = cors_rules(), .member = "CORSRule"}},
        .subject = "corsRules"};
}

BucketSetting object_lock() {
    return {.tokens = {"aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
                       "aws:s3/bucketObjectLockConfigurationV2:BucketObjectLockConfigurationV2"},
            .noun = "ObjectLockConfiguration",
            .query = "object-lock",
            .root = "ObjectLockConfiguration",
            .absent = "ObjectLockConfigurationNotFoundError",
            .rules = {{.name = "objectLockEnabled",
                       .replaces = true,
                       .fallback = "Enabled",
                       .choices = {"Enabled"},
                       .member = "ObjectLockEnabled"},
                      {.name = "rule",
                       .shape = Shape::block,
                       .members = {{.name = "defaultRetention",
                                    .shape = Shape::block,
                                    .required = true,
                                    .members = retention_rules(),
                                    .member = "DefaultRetention",
                                    .at_most_one = {"days", "years"}}},
                       .member = "Rule"},
                      {.name = "token", .local = true, .header = "x-amz-bucket-object-lock-token"}},
            .subject = "rule",
            .removal = Removal::rests,  // a bucket with object lock keeps it; its default retention goes
            .rest = Property::Object{{"objectLockEnabled", "Enabled"}}};
}

BucketSetting acl() {
    const std::vector<Rule> grants = {{.name = "grantee", .shape = Shape::block, .members = grantee_rules(), .member = "Grantee"},
                                      {.name = "permission",
                                       .required = true,
                                       .choices = {"FULL_CONTROL", "WRITE", "WRITE_ACP", "READ", "READ_ACP"},
                                       .member = "Permission"}};
    const std::vector<Rule> owner = {{.name = "displayName", .computed = true, .member = "DisplayName"},
                                     {.name = "id", .required = true, .member = "ID"}};
    return {
        .tokens = {"aws:s3/bucketAcl:BucketAcl", "aws:s3/bucketAclV2:BucketAclV2"},
        .noun = "BucketAcl",
        .query = "acl",
        .root = "AccessControlPolicy",
        .absent = {},
        .rules = {{.name = "accessControlPolicy",
                   .shape = Shape::block,
                   .computed = true,
                   .members = {{.name = "owner", .shape = Shape::block, .required = true, .members = owner, .member = "Owner"},
                               {.name = "grants",
                                .shape = Shape::blocks,
                                .members = grants,
                                .member = "AccessControlList/Grant",
                                .unordered = true}},
                   .member = "."},
                  {.name = "acl", .local = true, .choices = canned_acls(), .header = "x-amz-acl"}},
        .subject = "acl",
        .removal = Removal::stays,
        .instead = "acl",
        .one_of = {"accessControlPolicy", "acl"}};
}

BucketSetting notification() {
    const auto targets = [](const char* name, const char* element, const char* property, const char* arn, bool required = true) {
        return Rule{.name = name,
                    .shape = Shape::blocks,
                    .members = {{.name = "events", .shape = Shape::texts, .required = true, .member = "Event"},
                                {.name = "filterPrefix", .member = "Filter/S3Key/FilterRule[Name=prefix]/Value"},
                                {.name = "filterSuffix", .member = "Filter/S3Key/FilterRule[Name=suffix]/Value"},
                                {.name = "id", .computed = true, .member = "Id"},
                                {.name = property, .required = required, .member = arn}},
                    .member = element,
                    .unordered = true};
    };
    return {.tokens = {"aws:s3/bucketNotification:BucketNotification"},
            .noun = "BucketNotificationConfiguration",
            .query = "notification",
            .root = "NotificationConfiguration",
            .absent = {},
            .rules = {targets("topics", "TopicConfiguration", "topicArn", "Topic"),
                      targets("queues", "QueueConfiguration", "queueArn", "Queue"),
                      targets("lambdaFunctions", "CloudFunctionConfiguration", "lambdaFunctionArn", "CloudFunction", false),
                      {.name = "eventbridge",
                       .shape = Shape::flag,
                       .fallback = false,
                       .member = "EventBridgeConfiguration",
                       .presence = true}},
            .none = "*",
            .removal = Removal::rests,
            .rest = Property::Object{},
            .tells_owner = false};
}

BucketSetting logging() {
    const std::vector<Rule> grants = {
        {.name = "grantee", .shape = Shape::block, .required = true, .members = grantee_rules(), .member = "Grantee"},
        {.name = "permission", .required = true, .choices = {"FULL_CONTROL", "READ", "WRITE"}, .member = "Permission"}};
    const std::vector<Rule> format = {{.name = "partitionedPrefix",
                                       .shape = Shape::block,
                                       .members = {{.name = "partitionDateSource",
                                                    .required = true,
                                                    .choices = {"EventTime", "DeliveryTime"},
                                                    .member = "PartitionDateSource"}},
                                       .member = "PartitionedPrefix"},
                                      {.name = "simplePrefix", .shape = Shape::block, .member = "SimplePrefix"}};
    return {.tokens = {"aws:s3/bucketLogging:BucketLogging", "aws:s3/bucketLoggingV2:BucketLoggingV2"},
            .noun = "BucketLogging",
            .query = "logging",
            .root = "BucketLoggingStatus",
            .absent = {},
            .rules = {{.name = "targetBucket", .required = true, .member = "LoggingEnabled/TargetBucket"},
                      {.name = "targetGrants",
                       .shape = Shape::blocks,
                       .members = grants,
                       .member = "LoggingEnabled/TargetGrants/Grant",
                       .unordered = true},
                      {.name = "targetObjectKeyFormat",
                       .shape = Shape::block,
                       .computed = true,
                       .members = format,
                       .member = "LoggingEnabled/TargetObjectKeyFormat",
                       .at_most_one = {"partitionedPrefix", "simplePrefix"}},
                      {.name = "targetPrefix", .required = true, .member = "LoggingEnabled/TargetPrefix"}},
            .subject = "targetBucket",
            .none = "LoggingEnabled",
            .removal = Removal::rests,
            .rest = Property::Object{}};
}

BucketSetting request_payment() {
    return {.tokens = {"aws:s3/bucketRequestPaymentConfiguration:BucketRequestPaymentConfiguration",
                       "aws:s3/bucketRequestPaymentConfigurationV2:BucketRequestPaymentConfigurationV2"},
            .noun = "BucketRequestPayment",
            .query = "requestPayment",
            .root = "RequestPaymentConfiguration",
            .absent = {},
            .rules = {{.name = "payer", .required = true, .choices = {"BucketOwner", "Requester"}, .member = "Payer"}},
            .subject = "payer",
            .removal = Removal::rests,
            .rest = Property::Object{{"payer", "BucketOwner"}}};
}

BucketSetting inventory() {
    const std::vector<Rule> encryption = {{.name = "sseKms",
                                           .shape = Shape::block,
                                           .members = {{.name = "keyId", .required = true, .member = "KeyId"}},
                                           .member = "SSE-KMS"},
                                          {.name = "sseS3", .shape = Shape::block, .member = "SSE-S3"}};
    const std::vector<Rule> bucket = {
        {.name = "accountId", .member = "AccountId"},
        {.name = "bucketArn", .required = true, .member = "Bucket"},
        {.name = "format", .required = true, .choices = {"CSV", "ORC", "Parquet"}, .member = "Format"},
        {.name = "prefix", .member = "Prefix"},
        {.name = "encryption",
         .shape = Shape::block,
         .members = encryption,
         .member = "Encryption",
         .at_most_one = {"sseKms", "sseS3"}}};
    return {
        .tokens = {"aws:s3/inventory:Inventory"},
        .noun = "BucketInventoryConfiguration",
        .query = "inventory",
        .root = "InventoryConfiguration",
        .absent = "NoSuchConfiguration",
        .rules = {{.name = "destination",
                   .shape = Shape::block,
                   .required = true,
                   .members = {{.name = "bucket",
                                .shape = Shape::block,
                                .required = true,
                                .members = bucket,
                                .member = "S3BucketDestination"}},
                   .member = "Destination"},
                  {.name = "enabled", .shape = Shape::flag, .fallback = true, .member = "IsEnabled"},
                  {.name = "filter",
                   .shape = Shape::block,
                   .members = {{.name = "prefix", .fallback = "", .member = "Prefix"}},
                   .member = "Filter"},
                  {.name = "name", .replaces = true, .member = "Id"},
                  {.name = "includedObjectVersions",
                   .required = true,
                   .choices = {"All", "Current"},
                   .member = "IncludedObjectVersions"},
                  {.name = "optionalFields", .shape = Shape::texts, .member = "OptionalFields/Field"},
                  {.name = "schedule",
                   .shape = Shape::block,
                   .required = true,
                   .members = {{.name = "frequency", .required = true, .choices = {"Daily", "Weekly"}, .member = "Frequency"}},
                   .member = "Schedule"}},
        .tells_owner = false,
        .name = NameRule{"name", "", 64, NameRule::Style::iam}};
}

}  // namespace

std::vector<ResourceType> s3_bucket_settings_types() {
    std::vector<ResourceType> types;
    for (auto* setting : {policy, public_access_block, account_public_access_block, versioning, ownership_controls, encryption,
                          lifecycle, cors, object_lock, acl, notification, logging, request_payment, inventory})
        types.push_back(bucket_setting_type(setting()));
    return types;
}

}  // namespace provider
