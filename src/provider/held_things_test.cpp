// What resources hold in the world: the same text for the same thing, whoever declares it and however it is called.
#include <doctest/doctest.h>

#include <algorithm>

#include "provider/schema.hpp"
#include "provider/scripted_aws.hpp"

using provider::Property;
using provider::ScriptedAws;
using Object = Property::Object;
using Array = Property::Array;

namespace {

constexpr const char* local = "http://127.0.0.1:4566";
constexpr const char* read_only = "arn:aws:iam::aws:policy/ReadOnlyAccess";

struct Held {
    ScriptedAws aws;
    std::unique_ptr<provider::Provider> provider;
    explicit Held(const std::string& account = "123456789012", const std::string& endpoint = local) {
        aws.answer("GetCallerIdentity", R"({"Account":")" + account + "\"}");
        provider = aws.provider(endpoint);
    }
    std::vector<std::string> by(const char* type, const std::string& id, Property properties) {
        auto things = provider->holds(type, id, properties);
        REQUIRE(things);
        return *things;
    }
};

}  // namespace

TEST_CASE("every type says what it holds, by its properties and not by its id") {
    Held held;
    for (const auto& type : provider::resource_types()) {
        CAPTURE(type.tokens.front());
        Property properties(Object{{"bucket", "b"},
                                   {"key", "k"},
                                   {"role", "r"},
                                   {"user", "u"},
                                   {"name", "n"},
                                   {"policyArn", "p"},
                                   {"arn", "a"},
                                   {"accountId", "1"}});
        const auto things = held.by(type.tokens.front().c_str(), "an-id", properties);
        REQUIRE(things.size() == 1);
        if (type.id != nullptr) CHECK(held.by(type.tokens.front().c_str(), "another-id", properties) == things);
        CHECK(held.by(type.tokens.back().c_str(), "an-id", properties) == things);  // its other names
        CHECK(held.by(type.tokens.front().c_str(), "", Object{}).empty());
    }
}

TEST_CASE("an attachment is its role and its policy, whatever number Pulumi gave it") {
    Held held;
    constexpr const char* type = "aws:iam/rolePolicyAttachment:RolePolicyAttachment";
    const Property properties(Object{{"role", "r"}, {"policyArn", read_only}});
    CHECK(held.by(type, "r-20260110090002345600000001", properties) == held.by(type, std::string("r/") + read_only, Object{}));
    CHECK(held.by(type, "x", Object{{"role", "other"}, {"policyArn", read_only}}) != held.by(type, "x", properties));
    // Not known yet: nothing is claimed.
    CHECK(held.by(type, "", Object{{"role", Property::unknown()}, {"policyArn", read_only}}).empty());
}

TEST_CASE("a policy that its bearer declares is the policy that stands alone") {
    Held held;
    const auto role = held.by("aws:iam/role:Role", "r",
                              Object{{"name", "r"},
                                     {"managedPolicyArns", Array{read_only}},
                                     {"inlinePolicies", Array{Object{{"name", "p"}, {"policy", "{}"}}}}});
    REQUIRE(role.size() == 3);
    CHECK(role[1] ==
          held.by("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "", Object{{"role", "r"}, {"policyArn", read_only}})[0]);
    CHECK(role[2] == held.by("aws:iam/rolePolicy:RolePolicy", "", Object{{"role", "r"}, {"name", "p"}})[0]);
    const auto bucket = held.by("aws:s3/bucket:Bucket", "b",
                                Object{{"bucket", "b"}, {"policy", "{}"}, {"versioning", Object{{"enabled", true}}}});
    REQUIRE(bucket.size() == 3);
    CHECK(bucket[1] == held.by("aws:s3/bucketPolicy:BucketPolicy", "b", Object{{"bucket", "b"}})[0]);
    CHECK(bucket[2] == held.by("aws:s3/bucketVersioningV2:BucketVersioningV2", "b", Object{{"bucket", "b"}})[0]);
    CHECK(held.by("aws:s3/bucket:Bucket", "b", Object{{"bucket", "b"}, {"policy", ""}}).size() == 1);
}

TEST_CASE("another account or endpoint is another world") {
    const Property user(Object{{"name", "u"}});
    Held one, same, other("210987654321"), elsewhere("123456789012", "http://127.0.0.1:9999");
    const auto things = [&](Held& held) { return held.by("aws:iam/user:User", "u", user); };
    CHECK(things(one) == things(same));
    CHECK(things(one) != things(other));
    CHECK(things(one) != things(elsewhere));
    // Who cannot say whose he is, is at least himself.
    ScriptedAws aws;
    aws.refuse("GetCallerIdentity", "NotImplemented");
    const auto provider = aws.provider(local);
    CHECK(provider->holds("aws:iam/user:User", "u", user)->size() == 1);
}
