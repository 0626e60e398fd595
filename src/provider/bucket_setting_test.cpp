// The table of settings against AWS's documented wire: what is sent, what comes back, and that nothing looks changed that is not.
#include "provider/bucket_setting.hpp"

#include <doctest/doctest.h>

#include "provider/s3_document.hpp"
#include "provider/scripted_aws.hpp"

using provider::Property;
using provider::ScriptedAws;
using Object = Property::Object;
using Array = Property::Array;

namespace {

constexpr const char* local = "http://127.0.0.1:4566";
constexpr const char* declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

// One setting: its inputs, the body that AWS's API Reference has for them, and what AWS answers later, with its own choices.
struct Case {
    const char* token;
    const char* query;
    Property inputs;
    std::string body;
    std::string answer = {};  // empty: the body itself
};

std::string named(std::string_view root, std::string_view inside) {
    const std::string name(root);
    return "<" + name + " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" + std::string(inside) + "</" + name + ">";
}

std::vector<Case> cases() {
    return {
        {"aws:s3/bucketCorsConfigurationV2:BucketCorsConfigurationV2", "cors",
         Object{{"corsRules", Array{Object{{"allowedMethods", Array{"PUT", "GET"}},
                                           {"allowedOrigins", Array{"https://a.example"}},
                                           {"maxAgeSeconds", 3000}}}}},
         named("CORSConfiguration",
               "<CORSRule><AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET</AllowedMethod>"
               "<AllowedOrigin>https://a.example</AllowedOrigin><MaxAgeSeconds>3000</MaxAgeSeconds></CORSRule>"),
         named("CORSConfiguration",
               "<CORSRule><AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod>"
               "<AllowedOrigin>https://a.example</AllowedOrigin><MaxAgeSeconds>3000</MaxAgeSeconds></CORSRule>")},
        {"aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", "encryption",
         Object{{"rules", Array{Object{{"applyServerSideEncryptionByDefault",
                                        Object{{"sseAlgorithm", "aws:kms"}, {"kmsMasterKeyId", "k"}}},
                                       {"bucketKeyEnabled", true}}}}},
         named("ServerSideEncryptionConfiguration",
               "<Rule><ApplyServerSideEncryptionByDefault><KMSMasterKeyID>k</KMSMasterKeyID><SSEAlgorithm>aws:kms</SSEAlgorithm>"
               "</ApplyServerSideEncryptionByDefault><BucketKeyEnabled>true</BucketKeyEnabled></Rule>"),
         named("ServerSideEncryptionConfiguration",
               "<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>k</KMSMasterKeyID>"
               "</ApplyServerSideEncryptionByDefault><BucketKeyEnabled>true</BucketKeyEnabled><BlockedEncryptionTypes>"
               "<EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes></Rule>")},
        {"aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", "lifecycle",
         Object{{"rules", Array{Object{{"id", "a"}, {"status", "Enabled"}, {"expiration", Object{{"date", "2027-01-01"}}}},
                                Object{{"id", "b"},
                                       {"status", "Disabled"},
                                       {"filter", Object{{"and", Object{{"prefix", "p/"}, {"tags", Object{{"t", "1"}}}}}}},
                                       {"noncurrentVersionExpiration", Object{{"noncurrentDays", 5}}}}}}},
         named("LifecycleConfiguration",
               "<Rule><Expiration><Date>2027-01-01</Date></Expiration><ID>a</ID><Filter><Prefix></Prefix></Filter>"
               "<Status>Enabled</Status></Rule><Rule><ID>b</ID><Filter><And><Prefix>p/</Prefix><Tag><Key>t</Key><Value>1</"
               "Value></Tag>"
               "</And></Filter><Status>Disabled</Status><NoncurrentVersionExpiration><NoncurrentDays>5</NoncurrentDays>"
               "</NoncurrentVersionExpiration></Rule>"),
         // In another order, with the moment of the date, and an empty marker.
         named("LifecycleConfiguration",
               "<Rule><ID>b</ID><Filter><And><Prefix>p/</Prefix><Tag><Key>t</Key><Value>1</Value></Tag></And></Filter>"
               "<Status>Disabled</Status><NoncurrentVersionExpiration><NoncurrentDays>5</NoncurrentDays>"
               "</NoncurrentVersionExpiration></Rule><Rule><ID>a</ID><Filter/><Status>Enabled</Status><Expiration>"
               "<Date>2027-01-01T00:00:00.000Z</Date><ExpiredObjectDeleteMarker>false</ExpiredObjectDeleteMarker></Expiration></"
               "Rule>")},
        {"aws:s3/bucketObjectLockConfigurationV2:BucketObjectLockConfigurationV2", "object-lock",
         Object{{"objectLockEnabled", "Enabled"},
                {"rule", Object{{"defaultRetention", Object{{"mode", "GOVERNANCE"}, {"days", 7}}}}}},
         named("ObjectLockConfiguration",
               "<ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>GOVERNANCE</Mode>"
               "<Days>7</Days></DefaultRetention></Rule>")},
        {"aws:s3/bucketOwnershipControls:BucketOwnershipControls", "ownershipControls",
         Object{{"rule", Object{{"objectOwnership", "ObjectWriter"}}}},
         named("OwnershipControls", "<Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule>")},
        {"aws:s3/bucketAcl:BucketAcl", "acl",
         Object{
             {"accessControlPolicy",
              Object{{"owner", Object{{"id", "o"}}},
                     {"grants", Array{Object{{"grantee", Object{{"type", "Group"}, {"uri", "http://u"}}}, {"permission", "READ"}},
                                      Object{{"grantee", Object{{"type", "CanonicalUser"}, {"id", "o"}}},
                                             {"permission", "FULL_CONTROL"}}}}}}},
         named(
             "AccessControlPolicy",
             R"(<Owner><ID>o</ID></Owner><AccessControlList><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance")"
             R"( xsi:type="Group"><URI>http://u</URI></Grantee><Permission>READ</Permission></Grant><Grant>)"
             R"(<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>o</ID></Grantee>)"
             "<Permission>FULL_CONTROL</Permission></Grant></AccessControlList>"),
         named("AccessControlPolicy",
               "<Owner><ID>o</ID><DisplayName>me</DisplayName></Owner><AccessControlList><Grant>"
               R"(<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>o</ID>)"
               "<DisplayName>me</DisplayName></Grantee><Permission>FULL_CONTROL</Permission></Grant><Grant>"
               R"(<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"><URI>http://u</URI></Grantee>)"
               "<Permission>READ</Permission></Grant></AccessControlList>")},
        {"aws:s3/bucketNotification:BucketNotification", "notification",
         Object{
             {"eventbridge", true},
             {"queues", Array{Object{{"queueArn", "arn:q"}, {"events", Array{"s3:ObjectCreated:*"}}, {"filterSuffix", ".csv"}}}}},
         named("NotificationConfiguration",
               "<QueueConfiguration><Event>s3:ObjectCreated:*</Event><Filter><S3Key><FilterRule><Name>suffix</Name><Value>.csv</"
               "Value>"
               "</FilterRule></S3Key></Filter><Queue>arn:q</Queue></QueueConfiguration><EventBridgeConfiguration>"
               "</EventBridgeConfiguration>"),
         named("NotificationConfiguration",
               "<QueueConfiguration><Id>made-by-s3</Id><Queue>arn:q</Queue><Event>s3:ObjectCreated:*</"
               "Event><Filter><S3Key><FilterRule>"
               "<Name>Suffix</Name><Value>.csv</Value></FilterRule></S3Key></Filter></QueueConfiguration>"
               "<EventBridgeConfiguration/>")},
        {"aws:s3/bucketLoggingV2:BucketLoggingV2", "logging", Object{{"targetBucket", "logs"}, {"targetPrefix", ""}},
         named("BucketLoggingStatus",
               "<LoggingEnabled><TargetBucket>logs</TargetBucket><TargetPrefix></TargetPrefix></LoggingEnabled>"),
         named("BucketLoggingStatus",
               "<LoggingEnabled><TargetBucket>logs</TargetBucket><TargetPrefix/><TargetObjectKeyFormat>"
               "<SimplePrefix/></TargetObjectKeyFormat></LoggingEnabled>")},
        {"aws:s3/bucketRequestPaymentConfiguration:BucketRequestPaymentConfiguration", "requestPayment",
         Object{{"payer", "Requester"}}, named("RequestPaymentConfiguration", "<Payer>Requester</Payer>")},
        {"aws:s3/bucketVersioning:BucketVersioning", "versioning",
         Object{{"versioningConfiguration", Object{{"status", "Enabled"}}}},
         named("VersioningConfiguration", "<Status>Enabled</Status>"),
         named("VersioningConfiguration", "<Status>Enabled</Status><MfaDelete>Disabled</MfaDelete>")},
    };
}

const provider::ResourceType& type_of(std::string_view token) {
    for (const auto& type : provider::resource_types())
        if (std::ranges::find(type.tokens, token) != type.tokens.end()) return type;
    FAIL("no such type");
    return provider::resource_types().front();
}

}  // namespace

TEST_CASE("each setting is sent as AWS documents it, and what AWS chose is no difference") {
    for (const Case& one : cases()) {
        CAPTURE(one.token);
        ScriptedAws aws;
        const std::string request = std::string(" b?") + one.query;
        aws.answer_s3("PUT" + request);
        aws.answer_s3("GET" + request, one.answer.empty() ? one.body : one.answer);
        const auto provider = aws.provider(local);
        Property news = one.inputs;
        news.set("bucket", "b");
        const auto checked = provider->check(one.token, "x", {}, news, "1a2b3c4");
        REQUIRE(checked);
        CHECK_MESSAGE(checked->failures.empty(), (checked->failures.empty() ? "" : checked->failures.front().reason));
        const auto made = provider->create(one.token, checked->inputs, false);
        REQUIRE_MESSAGE(made, made.error().describe());
        CHECK(made->id == "b");
        CHECK(aws.s3_calls.front().body == std::string(declaration) + one.body);
        CHECK(aws.s3_calls.front().headers.get("Content-MD5") != "");
        for (const auto& [name, value] : one.inputs.members()) {
            CAPTURE(name);
            CHECK(made->outputs.contains(name));
        }
        // A refresh finds the program's own words, and nothing to do.
        const auto read = provider->read(one.token, "b", checked->inputs, made->outputs);
        REQUIRE(read);
        REQUIRE(*read);
        for (const auto& [name, value] : one.inputs.members()) CHECK((*read)->inputs[name] == value);
        const auto difference = provider->diff(one.token, "b", (*read)->inputs, (*read)->outputs, checked->inputs);
        REQUIRE(difference);
        CHECK_FALSE(difference->any());
        // An import has the id alone.
        const auto imported = provider->read(one.token, "b", {}, {});
        REQUIRE(imported);
        REQUIRE(*imported);
        CHECK((*imported)->inputs["bucket"] == Property("b"));
    }
}

TEST_CASE("what AWS chose stands in the outputs beside the program's words") {
    ScriptedAws aws;
    const auto all = cases();
    const auto one =
        std::ranges::find(all, std::string_view("notification"), [](const Case& item) { return std::string_view(item.query); });
    aws.answer_s3("PUT b?notification");
    aws.answer_s3("GET b?notification", one->answer);
    Property inputs = one->inputs;
    inputs.set("bucket", "b");
    const auto made = aws.provider(local)->create(one->token, inputs, false);
    REQUIRE(made);
    CHECK(made->outputs["queues"].items().front()["id"] == Property("made-by-s3"));
    CHECK(made->outputs["queues"].items().front()["filterSuffix"] == Property(".csv"));
}

TEST_CASE("a real change is a difference, in its property") {
    for (const Case& one : cases()) {
        CAPTURE(one.token);
        const auto& type = type_of(one.token);
        for (const auto& [name, value] : one.inputs.members()) {
            CAPTURE(name);
            Property without = one.inputs;
            without.members().erase(name);
            const auto* rule = &*std::ranges::find(type.rules, name, &provider::Rule::name);
            const bool is_default = provider::same_value(*rule, value, {});
            if (rule->computed || is_default) continue;
            CHECK(provider::compare_inputs(type, one.inputs, without).changed == std::vector<std::string>{name});
        }
    }
    const auto& lifecycle = type_of("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration");
    const auto rules = [](const char* date) {
        return Property(
            Object{{"rules", Array{Object{{"id", "a"}, {"status", "Enabled"}, {"expiration", Object{{"date", date}}}}}}});
    };
    CHECK(provider::compare_inputs(lifecycle, rules("2027-01-01"), rules("2027-01-02")).any());
    CHECK_FALSE(provider::compare_inputs(lifecycle, rules("2027-01-01"), rules("2027-01-01T00:00:00Z")).any());
}

TEST_CASE("each setting is gone by its own error, and taken away by its own call") {
    struct Gone {
        const char *token, *query, *code, *removal, *body;
    };
    const std::string rest_logging = named("BucketLoggingStatus", "");
    const std::string rest_payer = named("RequestPaymentConfiguration", "<Payer>BucketOwner</Payer>");
    const std::string rest_lock = named("ObjectLockConfiguration", "<ObjectLockEnabled>Enabled</ObjectLockEnabled>");
    const std::string rest_notification = named("NotificationConfiguration", "");
    for (const Gone& one :
         {Gone{"aws:s3/bucketCorsConfiguration:BucketCorsConfiguration", "cors", "NoSuchCORSConfiguration", "DELETE", ""},
          {"aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2", "encryption",
           "ServerSideEncryptionConfigurationNotFoundError", "DELETE", ""},
          {"aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2", "lifecycle", "NoSuchLifecycleConfiguration",
           "DELETE", ""},
          {"aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "publicAccessBlock", "NoSuchPublicAccessBlockConfiguration",
           "DELETE", ""},
          {"aws:s3/bucketOwnershipControls:BucketOwnershipControls", "ownershipControls", "OwnershipControlsNotFoundError",
           "DELETE", ""},
          {"aws:s3/bucketPolicy:BucketPolicy", "policy", "NoSuchBucketPolicy", "DELETE", ""},
          {"aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration", "object-lock",
           "ObjectLockConfigurationNotFoundError", "PUT", rest_lock.c_str()},
          {"aws:s3/bucketLogging:BucketLogging", "logging", "", "PUT", rest_logging.c_str()},
          {"aws:s3/bucketNotification:BucketNotification", "notification", "", "PUT", rest_notification.c_str()},
          {"aws:s3/bucketRequestPaymentConfigurationV2:BucketRequestPaymentConfigurationV2", "requestPayment", "", "PUT",
           rest_payer.c_str()}}) {
        CAPTURE(one.token);
        ScriptedAws aws;
        const std::string request = std::string(" b?") + one.query;
        if (*one.code != 0) {
            aws.refuse_s3("GET" + request, one.code);
            CHECK_FALSE(aws.provider(local)->read(one.token, "b", Object{{"bucket", "b"}}, {})->has_value());
        }
        aws.answer_s3(one.removal + request);
        CHECK(aws.provider(local)->remove(one.token, "b", Object{{"bucket", "b"}}));
        CHECK(aws.s3_calls.back().method == one.removal);
        CHECK(aws.s3_calls.back().body == (*one.body == 0 ? "" : std::string(declaration) + one.body));
    }
    ScriptedAws aws;
    aws.answer_s3("GET b?logging", named("BucketLoggingStatus", ""));
    aws.answer_s3("GET b?notification", named("NotificationConfiguration", ""));
    const auto provider = aws.provider(local);
    CHECK_FALSE(provider->read("aws:s3/bucketLogging:BucketLogging", "b", {}, {})->has_value());
    constexpr const char* notification = "aws:s3/bucketNotification:BucketNotification";
    const Property says_something(Object{{"bucket", "b"}, {"eventbridge", true}});
    CHECK_FALSE(provider->read(notification, "b", says_something, {})->has_value());
    // A notification that declares nothing is there all the same.
    CHECK(provider->read(notification, "b", Object{{"bucket", "b"}}, {})->has_value());
    // An ACL cannot be taken away.
    aws.asked.clear();
    CHECK(provider->remove("aws:s3/bucketAcl:BucketAcl", "b", Object{{"bucket", "b"}, {"acl", "private"}}));
    CHECK(aws.asked.empty());
}

TEST_CASE("a canned ACL is a header, and the grants that it made are no difference") {
    ScriptedAws aws;
    aws.answer_s3("PUT b?acl");
    aws.answer_s3("GET b?acl", named("AccessControlPolicy", "<Owner><ID>o</ID></Owner><AccessControlList></AccessControlList>"));
    const auto provider = aws.provider(local);
    constexpr const char* token = "aws:s3/bucketAclV2:BucketAclV2";
    const Property inputs(Object{{"bucket", "b"}, {"acl", "public-read"}, {"expectedBucketOwner", "111122223333"}});
    const auto made = provider->create(token, inputs, false);
    REQUIRE(made);
    CHECK(aws.s3_calls.front().headers.get("x-amz-acl") == "public-read");
    CHECK(aws.s3_calls.front().body.empty());
    CHECK(aws.s3_calls.back().headers.get("x-amz-expected-bucket-owner") == "111122223333");
    CHECK(aws.s3_calls.back().headers.get("x-amz-acl") == "");
    CHECK(made->outputs["acl"] == Property("public-read"));
    CHECK(made->outputs["accessControlPolicy"]["owner"]["id"] == Property("o"));
    const auto imported = provider->read(token, "b,111122223333,public-read", {}, {});
    REQUIRE(imported);
    CHECK((*imported)->outputs["acl"] == Property("public-read"));
    CHECK((*imported)->outputs["expectedBucketOwner"] == Property("111122223333"));
    const auto both = provider->check(token, "x", {}, Object{{"bucket", "b"}}, "1a2b3c4");
    CHECK(both->failures.front().reason == "exactly one of accessControlPolicy, acl must be given");
}

TEST_CASE("the block of an account goes to S3 Control") {
    ScriptedAws aws;
    aws.answer("GetCallerIdentity", R"({"Account":"111122223333"})");
    aws.answer_s3("PUT /v20180820/configuration/publicAccessBlock");
    aws.answer_s3("GET /v20180820/configuration/publicAccessBlock",
                  "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>");
    const auto provider = aws.provider(local);
    constexpr const char* token = "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock";
    const auto checked = provider->check(token, "x", {}, Object{{"blockPublicAcls", true}}, "1a2b3c4");
    const auto seen = provider->create(token, checked->inputs, true);
    CHECK(seen->outputs["accountId"] == Property("111122223333"));
    const auto made = provider->create(token, checked->inputs, false);
    REQUIRE_MESSAGE(made, made.error().describe());
    CHECK(made->id == "111122223333");
    CHECK(aws.s3_calls.front().headers.get("x-amz-account-id") == "111122223333");
    CHECK(aws.s3_calls.front().body.find("http://awss3control.amazonaws.com/doc/2018-08-20/") != std::string::npos);
    CHECK(made->outputs["blockPublicAcls"] == Property(true));
    CHECK(made->outputs["restrictPublicBuckets"] == Property(false));
    CHECK(provider->read(token, "111122223333", {}, {})->has_value());
}

TEST_CASE("an inventory is one of several of its bucket") {
    ScriptedAws aws;
    const std::string body = named(
        "InventoryConfiguration",
        "<Destination><S3BucketDestination><Bucket>arn:aws:s3:::reports</Bucket><Format>CSV</Format><Encryption><SSE-S3></SSE-S3>"
        "</Encryption></S3BucketDestination></Destination><IsEnabled>true</IsEnabled><Id>all</Id>"
        "<IncludedObjectVersions>Current</IncludedObjectVersions><OptionalFields><Field>Size</Field></OptionalFields>"
        "<Schedule><Frequency>Daily</Frequency></Schedule>");
    aws.answer_s3("PUT b?inventory&id=all");
    aws.answer_s3("GET b?inventory&id=all", body);
    const auto provider = aws.provider(local);
    constexpr const char* token = "aws:s3/inventory:Inventory";
    const Property destination(
        Object{{"bucket",
                Object{{"bucketArn", "arn:aws:s3:::reports"}, {"format", "CSV"}, {"encryption", Object{{"sseS3", Object{}}}}}}});
    const auto checked = provider->check(token, "all", {},
                                         Object{{"bucket", "b"},
                                                {"name", "all"},
                                                {"destination", destination},
                                                {"includedObjectVersions", "Current"},
                                                {"optionalFields", Array{"Size"}},
                                                {"schedule", Object{{"frequency", "Daily"}}}},
                                         "1a2b3c4");
    REQUIRE(checked->failures.empty());
    const auto made = provider->create(token, checked->inputs, false);
    REQUIRE_MESSAGE(made, made.error().describe());
    CHECK(made->id == "b:all");
    CHECK(aws.s3_calls.front().body == std::string(declaration) + body);
    CHECK(made->outputs["destination"] == destination);
    const auto imported = provider->read(token, "b:all", {}, {});
    REQUIRE(imported->has_value());
    CHECK((*imported)->inputs["destination"] == destination);
    // An empty block is a statement: without it the reports are written otherwise.
    Property plain = checked->inputs;
    plain.set("destination", Object{{"bucket", Object{{"bucketArn", "arn:aws:s3:::reports"}, {"format", "CSV"}}}});
    CHECK(provider->diff(token, "b:all", checked->inputs, made->outputs, plain)->changed ==
          std::vector<std::string>{"destination"});
}

TEST_CASE("an operation that a server does not have: which resource needs it, and what to do") {
    ScriptedAws aws;
    aws.refuse_s3("PUT b?cors", "NotImplemented");
    const auto made = aws.provider(local)->create(
        "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration",
        Object{{"bucket", "b"}, {"corsRules", Array{Object{{"allowedMethods", Array{"GET"}}, {"allowedOrigins", Array{"*"}}}}}},
        false);
    REQUIRE_FALSE(made);
    REQUIRE(made.error().notes.size() == 2);
    CHECK(made.error().notes[0] ==
          "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration of bucket `b` needs PutBucketCors, which "
          "http://127.0.0.1:4566 does not serve");
    CHECK(made.error().notes[1].starts_with("leave the resource out"));
}

TEST_CASE("a bucket's own settings go where the resources of their own go, in the shapes of both versions") {
    const Property old_shape(Object{{"enabled", true}});
    struct Inline {
        const char *property, *query;
        Property value;
        std::string body;
    };
    const std::string encryption = named("ServerSideEncryptionConfiguration",
                                         "<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>"
                                         "</ApplyServerSideEncryptionByDefault></Rule>");
    const Property by_default(Object{{"sseAlgorithm", "AES256"}});
    const Inline all[] = {
        {"versioning", "versioning", old_shape, named("VersioningConfiguration", "<Status>Enabled</Status>")},
        {"versionings", "versioning", Array{old_shape}, named("VersioningConfiguration", "<Status>Enabled</Status>")},
        {"serverSideEncryptionConfiguration", "encryption",
         Object{{"rule", Object{{"applyServerSideEncryptionByDefault", by_default}}}}, encryption},
        {"serverSideEncryptionConfigurations", "encryption",
         Array{Object{{"rules", Array{Object{{"applyServerSideEncryptionByDefaults", Array{by_default}}}}}}}, encryption},
        {"lifecycleRules", "lifecycle", Array{Object{{"enabled", true}, {"id", "r"}, {"expiration", Object{{"days", 30}}}}},
         named("LifecycleConfiguration",
               "<Rule><Status>Enabled</Status><Expiration><Days>30</Days></Expiration><ID>r</ID><Prefix></Prefix></Rule>")},
        {"lifecycleRules", "lifecycle",
         Array{Object{{"enabled", false}, {"id", "r"}, {"expirations", Array{Object{{"days", 30}}}}}},
         named("LifecycleConfiguration",
               "<Rule><Status>Disabled</Status><Expiration><Days>30</Days></Expiration><ID>r</ID><Prefix></Prefix></Rule>")},
        {"loggings", "logging", Array{Object{{"targetBucket", "logs"}}},
         named("BucketLoggingStatus",
               "<LoggingEnabled><TargetBucket>logs</TargetBucket><TargetPrefix></TargetPrefix></LoggingEnabled>")},
        {"requestPayer", "requestPayment", "Requester", named("RequestPaymentConfiguration", "<Payer>Requester</Payer>")},
        {"corsRules", "cors", Array{Object{{"allowedMethods", Array{"GET"}}, {"allowedOrigins", Array{"*"}}}},
         named("CORSConfiguration", "<CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule>")}};
    constexpr const char* token = "aws:s3/bucketV2:BucketV2";
    for (const Inline& one : all) {
        CAPTURE(one.property);
        ScriptedAws aws;
        const std::string request = std::string(" bkt?") + one.query;
        aws.refuse_s3("HEAD bkt", "NoSuchBucket");
        aws.answer_s3("HEAD bkt");
        aws.answer_s3("PUT bkt");
        aws.answer_s3("PUT" + request);
        aws.answer_s3("GET" + request, one.body);
        aws.refuse_s3("GET bkt?tagging", "NoSuchTagSet");
        const auto provider = aws.provider(local);
        const auto checked = provider->check(token, "b", {}, Object{{"bucket", "bkt"}, {one.property, one.value}}, "1a2b3c4");
        REQUIRE(checked);
        CHECK_MESSAGE(checked->failures.empty(), (checked->failures.empty() ? "" : checked->failures.front().reason));
        const auto made = provider->create(token, checked->inputs, false);
        REQUIRE_MESSAGE(made, made.error().describe());
        const auto sent = std::ranges::find_if(
            aws.s3_calls, [&](const wire::S3Call& call) { return call.method == "PUT" && call.query == one.query; });
        REQUIRE(sent != aws.s3_calls.end());
        CHECK(sent->body == std::string(declaration) + one.body);
        CHECK(made->outputs[one.property] == one.value);
        const auto read = provider->read(token, "bkt", checked->inputs, made->outputs);
        REQUIRE(read->has_value());
        CHECK_FALSE(provider->diff(token, "bkt", (*read)->inputs, (*read)->outputs, checked->inputs)->any());
    }
}

TEST_CASE("what a bucket refuses to state says what to use instead") {
    ScriptedAws aws;
    const auto provider = aws.provider(local);
    const auto reason = [&](const char* property, const Property& value) {
        const auto checked =
            provider->check("aws:s3/bucket:Bucket", "b", {}, Object{{"bucket", "b-1"}, {property, value}}, "1a2b3c4");
        return checked->failures.empty() ? std::string() : checked->failures.front().reason;
    };
    CHECK(reason("grants", Array{}) == "unsupported: grants of a bucket: use aws.s3.BucketAcl with accessControlPolicy");
    CHECK(reason("website", Object{}).starts_with("unsupported: website hosting"));
    CHECK(reason("lifecycleRules", Array{Object{{"enabled", true}, {"tags", Object{{"a", "b"}}}}})
              .starts_with("unsupported: lifecycle rules of a bucket by tags: use aws.s3.BucketLifecycleConfiguration"));
    CHECK(reason("objectLockConfiguration", Object{{"rule", Object{{"defaultRetention", Object{{"days", 1}, {"years", 1}}}}}}) ==
          "only one of days, years can be given");
}

TEST_CASE("a setting in a state that the server does not have is left as the state says") {
    ScriptedAws aws;
    aws.answer_s3("HEAD bkt");
    aws.refuse_s3("GET bkt?tagging", "NoSuchTagSet");
    aws.refuse_s3("GET bkt?requestPayment", "NotImplemented");
    aws.refuse_s3("GET bkt?lifecycle", "NoSuchLifecycleConfiguration");
    const Property outputs(Object{{"bucket", "bkt"}, {"requestPayer", "BucketOwner"}, {"lifecycleRules", Array{}}});
    const auto read = aws.provider(local)->read("aws:s3/bucketV2:BucketV2", "bkt", Object{{"bucket", "bkt"}}, outputs);
    REQUIRE_MESSAGE(read, read.error().describe());
    REQUIRE(read->has_value());
    CHECK((*read)->outputs["requestPayer"] == Property("BucketOwner"));
    CHECK_FALSE((*read)->inputs.contains("requestPayer"));
    CHECK_FALSE((*read)->inputs.contains("lifecycleRules"));
}
