#include "provider/schema.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "provider/automatic_name.hpp"

using provider::check_inputs;
using provider::compare_inputs;
using provider::Property;
using Object = Property::Object;
using Array = Property::Array;

namespace {

const provider::ResourceType& type_of(std::string_view token) {
    for (const auto& type : provider::resource_types())
        if (std::ranges::find(type.tokens, token) != type.tokens.end()) return type;
    FAIL("no such type");
    return provider::resource_types().front();
}

constexpr const char* role = "aws:iam/role:Role";
constexpr const char* bucket = "aws:s3/bucket:Bucket";
constexpr const char* trust = R"({"Version":"2012-10-17","Statement":[]})";

provider::Checked check(const char* token, const Property& news, const Property& olds = {}) {
    return check_inputs(type_of(token), token, "ml_data_bucket", olds, news, "1a2b3c4", {.judge_policies = false});
}

std::string first_failure(const provider::Checked& checked) {
    return checked.failures.empty() ? "" : checked.failures.front().property + ": " + checked.failures.front().reason;
}

}  // namespace

TEST_CASE("every type is whole: a program can make, read and remove it, and change it or replace it") {
    for (const auto& type : provider::resource_types()) {
        CAPTURE(type.tokens.front());
        CHECK(static_cast<bool>(type.create));
        CHECK(static_cast<bool>(type.read));
        CHECK(static_cast<bool>(type.remove));
        const bool changes_in_place =
            std::ranges::any_of(type.rules, [](const auto& rule) { return !rule.replaces && !rule.local; });
        CHECK((type.update || type.renew || !changes_in_place));
        if (type.name) CHECK(std::ranges::any_of(type.rules, [&](const auto& rule) { return rule.name == type.name->property; }));
    }
}

TEST_CASE("automatic names") {
    using Style = provider::NameRule::Style;
    struct Case {
        const char *logical, *prefix, *name;
        Style style;
        size_t longest;
        bool strict;
    };
    const Case cases[] = {
        {"sagemaker_role", "", "sagemaker_role-1a2b3c4", Style::iam, 64, false},
        {"ml_data_bucket", "", "ml-data-bucket-1a2b3c4", Style::bucket, 63, false},
        {"Ml_Data_Bucket", "", "ml_data_bucket-1a2b3c4", Style::bucket, 63, true},
        {"_logs", "", "logs-1a2b3c4", Style::bucket, 63, false},
        {"my role", "", "my-role-1a2b3c4", Style::iam, 64, false},
        {"x", "team-", "team-1a2b3c4", Style::iam, 64, false},
        {"abcdefghijklmnop", "", "abcd-1a2b3c4", Style::iam, 12, false},
        {"data/a b.csv", "", "data/a b.csv", Style::exact, 1024, false},
    };
    for (const Case& item : cases) {
        CAPTURE(item.logical);
        const provider::NameRule rule{"name", "namePrefix", item.longest, item.style};
        CHECK(provider::automatic_name(rule, item.logical, item.prefix, "1a2b3c4", item.strict) == item.name);
    }
}

TEST_CASE("names that AWS would refuse are refused before anything is touched") {
    for (const char* name : {"ml_data_bucket", "ab", "-ab", "a..b", "10.0.0.1", "UPPER"}) {
        CAPTURE(name);
        CHECK(first_failure(check(bucket, Object{{"bucket", name}})).starts_with("bucket: "));
    }
    CHECK(check(bucket, Object{{"bucket", "ml-data.bucket"}}).failures.empty());
    CHECK(first_failure(check(role, Object{{"assumeRolePolicy", trust}, {"name", "a role"}})).starts_with("name: "));
}

TEST_CASE("inputs are completed and the completion is recorded") {
    const auto checked = check(role, Object{{"assumeRolePolicy", trust}});
    CHECK(checked.failures.empty());
    CHECK(checked.inputs["name"] == Property("ml_data_bucket-1a2b3c4"));
    CHECK(checked.inputs["path"] == Property("/"));
    CHECK(checked.inputs["maxSessionDuration"] == Property(3600));
    CHECK(checked.inputs["__defaults"] == Property(Array{"forceDetachPolicies", "maxSessionDuration", "name", "path"}));
}

TEST_CASE("an automatic name stays as long as the program gives none") {
    const auto first = check(role, Object{{"assumeRolePolicy", trust}}).inputs;
    const auto again = check_inputs(type_of(role), role, "ml_data_bucket", first, Object{{"assumeRolePolicy", trust}}, "fffffff",
                                    {.judge_policies = false});
    CHECK(again.inputs["name"] == first["name"]);
    const auto named = check_inputs(type_of(role), role, "x", first, Object{{"assumeRolePolicy", trust}, {"name", "given"}},
                                    "fffffff", {.judge_policies = false});
    CHECK(named.inputs["name"] == Property("given"));
    const auto unnamed = check_inputs(type_of(role), role, "x", named.inputs, Object{{"assumeRolePolicy", trust}}, "fffffff",
                                      {.judge_policies = false});
    CHECK(unnamed.inputs["name"] == Property("x-fffffff"));
    const auto prefixed = check_inputs(type_of(role), role, "x", first, Object{{"assumeRolePolicy", trust}, {"namePrefix", "p-"}},
                                       "fffffff", {.judge_policies = false});
    CHECK(prefixed.inputs["name"] == Property("p-fffffff"));
}

TEST_CASE("what is wrong is said, with the property") {
    struct Case {
        const char* token;
        Property inputs;
        const char* failure;
    };
    const Case cases[] = {
        {role, Object{}, "assumeRolePolicy: missing required property"},
        {role, Object{{"assumeRolePolicy", "{"}}, "assumeRolePolicy: the policy document is not JSON"},
        {role, Object{{"assumeRolePolicy", "[]"}}, "assumeRolePolicy: the policy document is not a JSON object"},
        {role, Object{{"assumeRolePolicy", trust}, {"colour", "red"}},
         "colour: unsupported: aws:iam/role:Role takes no property `colour`"},
        {role, Object{{"assumeRolePolicy", trust}, {"maxSessionDuration", "soon"}}, "maxSessionDuration: expected a number"},
        {role, Object{{"assumeRolePolicy", trust}, {"maxSessionDuration", 5}}, "maxSessionDuration: expected 3600"},
        {role, Object{{"assumeRolePolicy", trust}, {"tags", "red"}}, "tags: expected a map"},
        {bucket, Object{{"websites", Array{}}}, "websites: unsupported"},
        {bucket, Object{{"versioning", Object{{"mfaDelete", true}}}}, "versioning.mfaDelete: unsupported"},
        {"aws:s3/bucketVersioning:BucketVersioning",
         Object{{"bucket", "b"}, {"versioningConfiguration", Object{{"status", "On"}}}},
         "versioningConfiguration.status: `On` is none of Enabled, Suspended, Disabled"},
        {"aws:s3/bucketObject:BucketObject", Object{{"bucket", "b"}, {"content", "a"}, {"contentBase64", "YQ=="}},
         "source: only one of"},
    };
    for (const Case& item : cases) {
        CAPTURE(item.failure);
        CHECK(first_failure(check(item.token, item.inputs)).starts_with(item.failure));
    }
}

TEST_CASE("a policy that the server would refuse is refused before anything is touched, with the place") {
    const Property inputs(
        Object{{"assumeRolePolicy",
                R"({"Version":"2012-10-17","Statement":[{"Effect":"Maybe","Action":"sts:AssumeRole","Principal":"*"}]})"}});
    const auto checked = check_inputs(type_of(role), role, "r", {}, inputs, "1a2b3c4", {});
    REQUIRE(checked.failures.size() == 1);
    CHECK(checked.failures.front().property == "assumeRolePolicy");
    CHECK(checked.failures.front().reason.find("MalformedPolicyDocument") != std::string::npos);
    CHECK(checked.failures.front().reason.find("Effect") != std::string::npos);
    const Property right(
        Object{{"assumeRolePolicy",
                R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*"}]})"}});
    CHECK(check_inputs(type_of(role), role, "r", {}, right, "1a2b3c4", {}).failures.empty());
}

TEST_CASE("values are taken in the shapes that programs send") {
    const Property document(Object{{"Version", "2012-10-17"}, {"Statement", Array{}}});
    CHECK(check(role, Object{{"assumeRolePolicy", document}}).inputs["assumeRolePolicy"] ==
          Property(R"({"Statement":[],"Version":"2012-10-17"})"));
    CHECK(check(role, Object{{"assumeRolePolicy", Object{{"Id", Property::unknown()}}}}).inputs["assumeRolePolicy"] ==
          Property::unknown());
    CHECK(check(role, Object{{"assumeRolePolicy", Property::secret(document)}})
              .inputs["assumeRolePolicy"]
              .is(Property::Kind::secret));
    CHECK(check(role, Object{{"assumeRolePolicy", trust}, {"maxSessionDuration", "7200"}}).inputs["maxSessionDuration"] ==
          Property(7200));
    const auto attached =
        check("aws:iam/rolePolicyAttachment:RolePolicyAttachment",
              Object{{"role", Property::reference("urn:pulumi:dev::p::aws:iam/role:Role::r", "r-1")}, {"policyArn", "arn:x"}});
    CHECK(attached.inputs["role"] == Property("r-1"));
    CHECK(check(bucket, Object{{"tags", Property()}}).failures.empty());
}

TEST_CASE("only real changes are differences") {
    const Property old_inputs = check(role, Object{{"assumeRolePolicy", trust}, {"tags", Object{{"a", "1"}}}}).inputs;
    const auto changed = [&](Object news) {
        news.emplace("assumeRolePolicy", trust);
        const auto checked = check(role, news, old_inputs);
        REQUIRE(checked.failures.empty());
        return compare_inputs(type_of(role), old_inputs, checked.inputs);
    };
    CHECK_FALSE(changed({{"tags", Object{{"a", "1"}, {"__defaults", Array{}}}}}).any());
    CHECK_FALSE(
        changed({{"tags", Object{{"a", "1"}}}, {"description", ""}, {"path", "/"}, {"forceDetachPolicies", false}}).any());
    CHECK(changed({{"tags", Object{{"a", "2"}}}}).changed == std::vector<std::string>{"tags"});
    CHECK(changed({}).changed == std::vector<std::string>{"tags"});
    const auto moved = changed({{"tags", Object{{"a", "1"}}}, {"path", "/team/"}});
    CHECK(moved.replace == std::vector<std::string>{"path"});
    CHECK_FALSE(moved.delete_before_replace);  // the successor gets a name of its own
}

TEST_CASE("a given name that stays forces the old resource out first; a new name does not") {
    const auto named = [](const char* name, const char* path) {
        return check(role, Object{{"assumeRolePolicy", trust}, {"name", name}, {"path", path}}).inputs;
    };
    CHECK(compare_inputs(type_of(role), named("a", "/"), named("a", "/b/")).delete_before_replace);
    CHECK_FALSE(compare_inputs(type_of(role), named("a", "/"), named("b", "/")).delete_before_replace);
    CHECK(compare_inputs(type_of(role), named("a", "/"), named("b", "/")).replace == std::vector<std::string>{"name"});
}

TEST_CASE("an unknown value counts as a change") {
    const auto& type = type_of("aws:iam/rolePolicyAttachment:RolePolicyAttachment");
    const Property olds(Object{{"role", "r"}, {"policyArn", "arn:x"}});
    const auto difference = compare_inputs(type, olds, Object{{"role", Property::unknown()}, {"policyArn", "arn:x"}});
    CHECK(difference.replace == std::vector<std::string>{"role"});
    CHECK(difference.delete_before_replace);
}

TEST_CASE("inputs are won back from outputs") {
    const Property outputs(Object{{"assumeRolePolicy", trust},
                                  {"description", ""},
                                  {"maxSessionDuration", 3600},
                                  {"name", "r"},
                                  {"path", "/"},
                                  {"permissionsBoundary", ""},
                                  {"tags", Object{}},
                                  {"arn", "arn:x"}});
    const Property imported = provider::inputs_from_outputs(type_of(role), {}, outputs);
    CHECK(imported["name"] == Property("r"));
    CHECK(imported["path"] == Property("/"));
    CHECK_FALSE(imported.contains("description"));
    CHECK_FALSE(imported.contains("arn"));
    CHECK(imported["__defaults"] == Property(Array{"forceDetachPolicies", "maxSessionDuration", "path"}));

    Property drifted = outputs;
    drifted.set("description", "by hand");
    const Property olds = check(role, Object{{"assumeRolePolicy", trust}}).inputs;
    CHECK(provider::inputs_from_outputs(type_of(role), olds, drifted)["description"] == Property("by hand"));
    CHECK(provider::inputs_from_outputs(type_of(role), olds, outputs)["__defaults"] == olds["__defaults"]);
}

TEST_CASE("a state that does not say what was automatic keeps what there is") {
    // Explicitly automatic, explicitly not, and nobody knows.
    CHECK(check(bucket, Object{}, Object{{"bucket", "b-old"}, {"__defaults", Array{"bucket"}}}).inputs["bucket"] ==
          Property("b-old"));
    CHECK(check(bucket, Object{}, Object{{"bucket", "b-old"}, {"__defaults", Array{}}}).inputs["bucket"] != Property("b-old"));
    CHECK(check(bucket, Object{}, Object{{"bucket", "b-old"}}).inputs["bucket"] == Property("b-old"));
    CHECK(check(bucket, Object{}, Object{}).inputs["bucket"] == Property("ml-data-bucket-1a2b3c4"));
    CHECK(check(bucket, Object{}, Object{{"bucket", "b-old"}, {"bucketPrefix", ""}}).inputs["bucket"] == Property("b-old"));
    CHECK(check(bucket, Object{{"bucketPrefix", "p-"}}, Object{{"bucket", "b-old"}, {"bucketPrefix", ""}}).inputs["bucket"] !=
          Property("b-old"));
    // What the program says goes first.
    CHECK(check(bucket, Object{{"bucket", "b-new"}}, Object{{"bucket", "b-old"}}).inputs["bucket"] == Property("b-new"));

    const auto& type = type_of(role);
    const Property outputs(Object{{"name", "r-1"}, {"path", "/p/"}, {"arn", "arn"}});
    const Property news(Object{{"name", "r-1"}, {"path", "/p/"}});
    CHECK(provider::inputs_in_full(type, Object{{"path", "/p/"}}, outputs, news) ==
          Property(Object{{"name", "r-1"}, {"path", "/p/"}}));
    CHECK(provider::inputs_in_full(type, Object{{"__defaults", Array{}}}, outputs, news) ==
          Property(Object{{"__defaults", Array{}}}));
    // Reading it anew does not make up an empty list, which would say that the name was the program's wish.
    CHECK_FALSE(provider::inputs_from_outputs(type, Object{{"name", "r-1"}}, outputs).contains("__defaults"));
    CHECK(provider::inputs_from_outputs(type, Object{{"__defaults", Array{"name"}}, {"name", "r-1"}}, outputs)["__defaults"] ==
          Property(Array{"name"}));
}

TEST_CASE("whether the old one must go first does not depend on why it is replaced") {
    const auto& type = type_of(bucket);
    const Property named(Object{{"__defaults", Array{}}, {"bucket", "b"}});
    const Property automatic(Object{{"__defaults", Array{"bucket"}}, {"bucket", "b"}});
    CHECK(compare_inputs(type, named, named).delete_before_replace);
    CHECK_FALSE(compare_inputs(type, automatic, automatic).delete_before_replace);
    CHECK(compare_inputs(type_of("aws:iam/rolePolicyAttachment:RolePolicyAttachment"), {}, {}).delete_before_replace);
}
