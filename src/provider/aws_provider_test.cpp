#include "provider/aws_provider.hpp"

#include <doctest/doctest.h>

#include "provider/scripted_aws.hpp"

using provider::Property;
using provider::ScriptedAws;
using Object = Property::Object;
using Array = Property::Array;

namespace {

constexpr const char* local = "http://127.0.0.1:4566";
constexpr const char* role = "aws:iam/role:Role";
constexpr const char* bucket = "aws:s3/bucket:Bucket";
constexpr const char* bucket_policy = "aws:s3/bucketPolicy:BucketPolicy";
constexpr const char* trust = R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]})";
// The same trust as AWS gives it back: encoded, in another order, lists for strings.
constexpr const char* live_role =
    R"({"Role":{"RoleName":"r-1","RoleId":"AROA1","Arn":"arn:aws:iam::1:role/r-1","Path":"/","CreateDate":"2026-01-31T12:00:00Z",)"
    R"("AssumeRolePolicyDocument":"%7B%22Statement%22%3A%5B%7B%22Action%22%3A%5B%22sts%3AAssumeRole%22%5D%2C)"
    R"(%22Effect%22%3A%22Allow%22%7D%5D%2C%22Version%22%3A%222012-10-17%22%7D"}})";

Property role_inputs() {
    return Object{{"assumeRolePolicy", trust}, {"name", "r-1"}, {"path", "/"}, {"maxSessionDuration", 3600}};
}

}  // namespace

TEST_CASE("a role is made, and what AWS holds comes back in the program's words") {
    ScriptedAws aws;
    aws.answer("CreateRole", live_role);
    aws.answer("GetRole", live_role);
    const auto provider = aws.provider(local);
    const auto made = provider->create(role, role_inputs(), false);
    REQUIRE(made.has_value());
    CHECK(made->id == "r-1");
    CHECK(made->outputs["arn"] == Property("arn:aws:iam::1:role/r-1"));
    CHECK(made->outputs["assumeRolePolicy"] == Property(trust));
    CHECK(aws.inputs.front()["AssumeRolePolicyDocument"].as_string() == trust);

    const auto read = provider->read(role, "r-1", role_inputs(), made->outputs);
    REQUIRE(read.has_value());
    REQUIRE(read->has_value());
    CHECK((*read)->outputs == made->outputs);
    CHECK((*read)->inputs["assumeRolePolicy"] == Property(trust));
}

TEST_CASE("a preview touches nothing and foresees what follows from names") {
    ScriptedAws aws;
    aws.answer("GetCallerIdentity", R"({"Account":"123456789012"})");
    const auto provider = aws.provider(local);
    const auto seen = provider->create(role, role_inputs(), true);
    REQUIRE(seen.has_value());
    CHECK(seen->id == "r-1");  // where a deployment that crashed looks for what it may have made
    CHECK(seen->outputs["arn"] == Property("arn:aws:iam::123456789012:role/r-1"));
    CHECK(seen->outputs["uniqueId"] == Property::unknown());
    const auto seen_bucket = provider->create(bucket, Object{{"bucket", "b-1"}}, true);
    REQUIRE(seen_bucket.has_value());
    CHECK(seen_bucket->outputs["arn"] == Property("arn:aws:s3:::b-1"));
    CHECK(provider->create(bucket, Object{{"bucket", Property::unknown()}}, true)->outputs["arn"] == Property::unknown());
    CHECK(aws.asked == std::vector<std::string>{"GetCallerIdentity"});
}

TEST_CASE("what only AWS decides is unknown in a preview") {
    ScriptedAws aws;
    const auto key = aws.provider(local)->create("aws:iam/accessKey:AccessKey", Object{{"user", "u"}}, true);
    REQUIRE(key.has_value());
    CHECK(key->id.empty());
    CHECK(key->outputs["secret"] == Property::secret(Property::unknown()));
    CHECK(aws.provider(local)->create(bucket_policy, Object{{"bucket", "b"}, {"policy", Property::unknown()}}, true)->id.empty());
    CHECK(aws.asked.empty());
}

TEST_CASE("without credentials a preview still works, with the ARN unknown") {
    ScriptedAws aws;
    aws.refuse("GetCallerIdentity", "InvalidClientTokenId");
    CHECK(aws.provider(local)->create(role, role_inputs(), true)->outputs["arn"] == Property::unknown());
}

TEST_CASE("a role that cannot be completed is taken away again") {
    ScriptedAws aws;
    aws.answer("CreateRole", live_role);
    aws.refuse("AttachRolePolicy", "NoSuchEntity", "Policy arn:x does not exist or is not attachable.");
    aws.answer("DetachRolePolicy", "{}");
    aws.answer("DeleteRole", "{}");
    Property inputs = role_inputs();
    inputs.set("managedPolicyArns", Array{"arn:x"});
    const auto made = aws.provider(local)->create(role, inputs, false);
    REQUIRE_FALSE(made.has_value());
    CHECK(made.error().code == "NoSuchEntity");
    CHECK(made.error().notes == std::vector<std::string>{"property `managedPolicyArns`"});
    CHECK(aws.was_asked("DeleteRole"));
}

TEST_CASE("only what changed is sent") {
    ScriptedAws aws;
    aws.answer("GetRole", live_role);
    aws.answer("UpdateRole", "{}");
    aws.answer("UntagRole", "{}");
    aws.answer("TagRole", "{}");
    Property olds = role_inputs();
    olds.set("tags", Object{{"a", "1"}, {"b", "2"}});
    Property news = role_inputs();
    news.set("description", "new");
    news.set("tags", Object{{"a", "1"}, {"c", "3"}});
    REQUIRE(aws.provider(local)->update(role, "r-1", olds, news, false).has_value());
    CHECK(aws.asked == std::vector<std::string>{"UpdateRole", "UntagRole", "TagRole", "GetRole"});
    CHECK(aws.inputs[1]["TagKeys"].canonical() == R"(["b"])");
}

TEST_CASE("what is gone is gone") {
    ScriptedAws aws;
    aws.refuse("GetRole", "NoSuchEntity");
    aws.refuse("DeleteRole", "NoSuchEntity");
    aws.refuse_s3("HEAD b", "NoSuchBucket");
    aws.refuse_s3("DELETE b?policy", "NoSuchBucket");
    const auto provider = aws.provider(local);
    CHECK_FALSE(provider->read(role, "r-1", role_inputs(), {})->has_value());
    CHECK_FALSE(provider->read(bucket, "b", {}, {})->has_value());
    CHECK(provider->remove(role, "r-1", role_inputs()).has_value());
    CHECK(provider->remove(bucket_policy, "b", Object{{"bucket", "b"}}).has_value());
    CHECK(aws.slept.count() == 0);
}

TEST_CASE("a role in use says what to do; told so, it lets go first") {
    ScriptedAws aws;
    for (int i = 0; i < 3; ++i) aws.refuse("DeleteRole", "DeleteConflict");
    aws.answer("DeleteRole", "{}");
    aws.refuse("ListInstanceProfilesForRole", "InvalidAction");
    aws.answer("ListAttachedRolePolicies", R"({"AttachedPolicies":[{"PolicyArn":"arn:x"}],"IsTruncated":false})");
    aws.answer("ListRolePolicies", R"({"PolicyNames":["p"],"IsTruncated":false})");
    aws.answer("DetachRolePolicy", "{}");
    aws.answer("DeleteRolePolicy", "{}");
    const auto provider = aws.provider(local);
    const auto refused = provider->remove(role, "r-1", role_inputs());
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().notes.front().find("forceDetachPolicies") != std::string::npos);
    Property forced = role_inputs();
    forced.set("forceDetachPolicies", true);
    CHECK(provider->remove(role, "r-1", forced).has_value());
    CHECK(aws.was_asked("DetachRolePolicy"));
    CHECK(aws.was_asked("DeleteRolePolicy"));
}

TEST_CASE("AWS needs a while to know a new principal; a server that is consistent is believed at once") {
    const Property role_made = role_inputs();
    const Property policy(Object{{"bucket", "b"}, {"policy", R"({"Principal":{"AWS":"arn:aws:iam::1:role/r-1"}})"}});
    for (const bool aws_itself : {true, false}) {
        CAPTURE(aws_itself);
        ScriptedAws aws;
        aws.answer("CreateRole", live_role);
        aws.answer("GetRole", live_role);
        for (int i = 0; i < 3; ++i)
            aws.requests["PUT b?policy"].emplace_back(base::fail("MalformedPolicy", "Invalid principal in policy"));
        aws.answer_s3("PUT b?policy");
        aws.answer_s3("GET b?policy", R"({"Principal":{"AWS":"arn:aws:iam::1:role/r-1"}})");
        const auto provider = aws.provider(aws_itself ? "" : local);
        REQUIRE(provider->create(role, role_made, false).has_value());
        const auto put = provider->create(bucket_policy, policy, false);
        CHECK(put.has_value() == aws_itself);
        CHECK((aws.slept.count() > 0) == aws_itself);
        if (!aws_itself) CHECK(put.error().notes == std::vector<std::string>{"property `policy`"});
    }
}

TEST_CASE("a principal that never comes to be is waited for, not for ever") {
    ScriptedAws aws;
    aws.requests["PUT b?policy"].emplace_back(base::fail("MalformedPolicy", "Invalid principal in policy"));
    CHECK(aws.provider("")->create(bucket_policy, Object{{"bucket", "b"}, {"policy", "{}"}}, false).error().code ==
          "MalformedPolicy");
    CHECK(aws.slept < std::chrono::seconds(30));
}

TEST_CASE("settings that race are tried again") {
    ScriptedAws aws;
    aws.refuse_s3("PUT b?policy", "OperationAborted");
    aws.answer_s3("PUT b?policy");
    aws.answer_s3("GET b?policy", "{}");
    CHECK(aws.provider(local)->create(bucket_policy, Object{{"bucket", "b"}, {"policy", "{}"}}, false).has_value());
    CHECK(aws.slept.count() > 0);
}

TEST_CASE("a bucket that somebody has is not taken over") {
    ScriptedAws aws;
    aws.answer_s3("HEAD b");
    const auto made = aws.provider(local)->create(bucket, Object{{"bucket", "b"}}, false);
    REQUIRE_FALSE(made.has_value());
    CHECK(made.error().code == "BucketAlreadyOwnedByYou");
    CHECK(aws.asked == std::vector<std::string>{"HEAD b"});
}

TEST_CASE("a full bucket is emptied only when the program says so") {
    ScriptedAws aws;
    aws.refuse_s3("DELETE b", "BucketNotEmpty");
    aws.refuse_s3("DELETE b", "BucketNotEmpty");
    aws.answer_s3("DELETE b");
    aws.refuse_s3("GET b?versions&max-keys=1000&encoding-type=url", "NotImplemented");
    aws.answer_s3("GET b?encoding-type=url&list-type=2&max-keys=1000",
                  "<ListBucketResult><Contents><Key>a%2Fb+c</Key></Contents></ListBucketResult>");
    aws.answer_s3("GET b?encoding-type=url&list-type=2&max-keys=1000", "<ListBucketResult></ListBucketResult>");
    aws.answer_s3("POST b?delete", "<DeleteResult/>");
    const auto provider = aws.provider(local);
    const auto refused = provider->remove(bucket, "b", Object{{"bucket", "b"}});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().notes.front().find("forceDestroy") != std::string::npos);
    CHECK(provider->remove(bucket, "b", Object{{"bucket", "b"}, {"forceDestroy", true}}).has_value());
    const auto deletion = std::ranges::find(aws.s3_calls, "POST", &wire::S3Call::method);
    REQUIRE(deletion != aws.s3_calls.end());
    CHECK(deletion->body.find("<Key>a/b c</Key>") != std::string::npos);
}

TEST_CASE("the secret of a key is kept, as a secret") {
    ScriptedAws aws;
    aws.answer("CreateAccessKey", R"({"AccessKey":{"AccessKeyId":"AKIA1","SecretAccessKey":"hush","UserName":"u"}})");
    aws.answer("ListAccessKeys", R"({"AccessKeyMetadata":[{"AccessKeyId":"AKIA1","UserName":"u","Status":"Active"}]})");
    const auto provider = aws.provider(local);
    const auto made = provider->create("aws:iam/accessKey:AccessKey", Object{{"user", "u"}, {"status", "Active"}}, false);
    REQUIRE(made.has_value());
    CHECK(made->outputs["secret"] == Property::secret("hush"));
    const auto read = provider->read("aws:iam/accessKey:AccessKey", "AKIA1", Object{{"user", "u"}, {"status", "Active"}},
                                     made->outputs.without_secrets());
    REQUIRE(read.has_value());
    CHECK((*read)->outputs["secret"] == Property::secret("hush"));
}

TEST_CASE("what came in secret goes out secret") {
    ScriptedAws aws;
    aws.answer_s3("PUT b?policy");
    aws.answer_s3("GET b?policy", "{}");
    const auto made =
        aws.provider(local)->create(bucket_policy, Object{{"bucket", "b"}, {"policy", Property::secret("{}")}}, false);
    REQUIRE(made.has_value());
    CHECK(made->outputs["policy"] == Property::secret("{}"));
    CHECK(aws.s3_calls.front().body == "{}");
}

TEST_CASE("types that do not exist are refused by name") {
    ScriptedAws aws;
    const auto provider = aws.provider(local);
    CHECK_FALSE(provider->knows("aws:ec2/vpc:Vpc"));
    CHECK(provider->check("aws:ec2/vpc:Vpc", "v", {}, {}, "1a2b3c4").error().message.find("aws:ec2/vpc:Vpc") !=
          std::string::npos);
}

TEST_CASE("what cannot be deployed to is found out first, in words that say what to correct") {
    struct Case {
        const char *code, *hint, *words = "in AWS's words";
    };
    constexpr const char* no_match =
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and "
        "signing method. Consult the service documentation for details.";
    // One code, several mistakes: nothing goes by AWS's words, which stand before what there is to check.
    for (const Case& one :
         {Case{"InvalidClientTokenId", "does not know the access key"},
          {"SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY", no_match},
          {"SignatureDoesNotMatch", "AWS_REGION", "Credential should be scoped to a valid region, not 'ap-south-1'."},
          {"SignatureDoesNotMatch", "the clock of this machine", "Signature expired: 20260110T090000Z is now earlier than"},
          {"SignatureDoesNotMatch", "the clock of this machine", "Signature not yet current: 20260110T090000Z is still later"},
          {"SignatureDoesNotMatch", "check what requests are signed with",
           "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."},
          {"ExpiredToken", "has ended"},
          {"ConnectionError", "AWS_ENDPOINT_URL"}}) {
        CAPTURE(one.code);
        CAPTURE(one.words);
        ScriptedAws aws;
        aws.refuse("GetCallerIdentity", one.code, one.words);
        const auto ready = aws.provider(local)->ready();
        REQUIRE_FALSE(ready);
        CHECK(ready.error().code == one.code);
        CHECK(ready.error().message == std::string("cannot deploy to ") + local + ": " + one.words);
        REQUIRE(ready.error().notes.size() == 1);
        CHECK(ready.error().notes[0].contains(one.hint));
    }
    ScriptedAws aws;
    aws.answer("GetCallerIdentity", R"({"Account":"123456789012"})");
    CHECK(aws.provider(local)->ready());
    // Told not to ask, it does not.
    ScriptedAws silent;
    CHECK(make_aws_provider({.endpoint = local, .skip_validation = true}, silent.connect(), silent.sleep())->ready());
    CHECK(silent.asked.empty());
}

TEST_CASE("a provider of another region moves what has a region, and nothing else") {
    ScriptedAws aws;
    const auto provider = aws.provider(local);  // us-east-1
    const Property inputs(Object{{"__defaults", Array{"bucket"}}, {"bucket", "b-1"}});
    const auto compare = [&](const char* type, const Property& news, const char* lies_in) {
        const auto difference = provider->diff(type, "b-1", inputs, Object{{"bucket", "b-1"}, {"region", lies_in}}, news);
        REQUIRE(difference);
        return *difference;
    };
    CHECK(compare(bucket, inputs, "eu-west-1").replace == std::vector<std::string>{"region"});
    CHECK_FALSE(compare(bucket, inputs, "eu-west-1").delete_before_replace);
    CHECK_FALSE(compare(bucket, inputs, "us-east-1").any());
    CHECK_FALSE(compare(bucket, inputs, "").any());  // a state that does not say
    // A name that the program insists on must be free first.
    CHECK(compare(bucket, Object{{"__defaults", Array{}}, {"bucket", "b-1"}}, "eu-west-1").delete_before_replace);
    // A resource's own region goes before the provider's.
    CHECK_FALSE(provider
                    ->diff(bucket, "b-1", Object{{"bucket", "b-1"}, {"region", "eu-west-1"}}, Object{{"region", "eu-west-1"}},
                           Object{{"bucket", "b-1"}, {"region", "eu-west-1"}})
                    ->any());
    CHECK(compare(bucket_policy, Object{{"bucket", "b-1"}}, "eu-west-1").replace == std::vector<std::string>{"region"});
    CHECK_FALSE(provider->diff(role, "r-1", role_inputs(), Object{{"region", "eu-west-1"}}, role_inputs())->any());
}
