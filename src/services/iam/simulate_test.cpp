// The simulator's parts by themselves: whom an ARN means, what is left out, what is asked. What it answers is in
// tests/conformance/test_simulate.py.
#include <doctest/doctest.h>

#include "model/json.hpp"
#include "services/iam/operations.hpp"
#include "services/iam/simulated_policies.hpp"
#include "services/iam/simulation_input.hpp"
#include "store/key_value_store.hpp"

using identity::HolderKind;
using namespace services::iam;

namespace {

using Request = model::iam::SimulatePrincipalPolicyRequest;

// With these members beside those that it must have.
Request request(const std::string& more, const std::string& actions = R"(["s3:GetObject"])") {
    const auto document = text::parse_json(R"({"PolicySourceArn":"arn:aws:iam::111122223333:user/ada","ActionNames":)" + actions +
                                           (more.empty() ? "" : "," + more) + "}");
    REQUIRE(document);
    Request out;
    const auto read = model::read_document(model::iam::SimulatePrincipalPolicy::operation, *document, &out);
    REQUIRE_MESSAGE(read, (read ? "" : read.error().message));
    return out;
}

base::Result<SimulationInput> question(const std::string& more, const std::string& actions = R"(["s3:GetObject"])") {
    const Request in = request(more, actions);
    return read_simulation(SimulationRequest(in));
}

base::Result<Exclusions> exclusions(const std::string& list) {
    const Request in = request(R"("PolicyExclusionList":)" + list);
    return Exclusions::read(model::items(in.policy_exclusion_list));
}

SimulatedPolicy inline_policy(HolderKind kind, const std::string& holder, const std::string& name) {
    SimulatedPolicy out;
    out.attached.name = "inline policy " + name;
    out.holder = kind;
    out.holder_name = holder;
    out.inline_name = name;
    return out;
}

SimulatedPolicy managed(const std::string& arn) {
    SimulatedPolicy out;
    out.attached.name = arn;
    return out;
}

}  // namespace

TEST_CASE("users, groups and roles are the only sources and callers") {
    const auto user = parse_entity_arn("arn:aws:iam::111122223333:user/team/ada");
    REQUIRE(user);
    CHECK(user->kind == HolderKind::user);
    CHECK(user->account == "111122223333");
    CHECK(user->name == "ada");
    const auto group = parse_entity_arn("arn:aws:iam::111122223333:group/g");
    REQUIRE(group);
    CHECK(group->kind == HolderKind::group);
    const auto role = parse_entity_arn("arn:aws:iam::111122223333:role/r");
    REQUIRE(role);
    CHECK(role->kind == HolderKind::role);
    for (const char* arn :
         {"arn:aws-cn:iam::111122223333:role/r", "arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:user",
          "arn:aws:iam::111122223333:user/", "arn:aws:iam::111122223333:users/ada", "arn:aws:iam::aws:policy/P",
          "arn:aws:iam::1:user/ada", "arn:aws:sts::111122223333:assumed-role/r/s", "arn:aws:iam:us-east-1:111122223333:user/ada",
          "ada", ""})
        CHECK_MESSAGE(!parse_entity_arn(arn), arn);
}

TEST_CASE("policies are left out by type, by ARN and by the name of an inline policy") {
    const auto leaves_out = [](const std::string& list, const SimulatedPolicy& policy) {
        return exclusions(list).value().leaves_out(policy);
    };
    const auto mine = inline_policy(HolderKind::user, "ada", "Reads");
    const auto own = managed("arn:aws:iam::111122223333:policy/limits/NoDeletes");
    const auto aws = managed("arn:aws:iam::aws:policy/ReadOnlyAccess");
    CHECK(leaves_out(R"([{"PolicyType":"inline"}])", mine));
    CHECK_FALSE(leaves_out(R"([{"PolicyType":"inline"}])", own));
    CHECK(leaves_out(R"([{"PolicyType":"user-managed"}])", own));
    CHECK_FALSE(leaves_out(R"([{"PolicyType":"user-managed"}])", aws));
    CHECK(leaves_out(R"([{"PolicyType":"aws-managed"}])", aws));
    CHECK_FALSE(leaves_out(R"([{"PolicyType":"permission-boundary"},{"PolicyType":"scp"},{"PolicyType":"rcp"}])", own));
    CHECK(exclusions(R"([{"PolicyType":"permission-boundary"}])")->leaves_out_boundary());
    CHECK(exclusions(R"([{"PolicyType":"scp"}])")->leaves_out_service_control());
    for (const char* pattern : {"NoDeletes", "No*", "*Deletes", "N*s", "N?Deletes", "?*s"})
        CHECK_MESSAGE(
            leaves_out(R"([{"PolicyArn":"arn:aws:iam::111122223333:policy/limits/)" + std::string(pattern) + "\"}]", own),
            pattern);
    for (const char* pattern : {"NoDelete", "Yes*", "N??Deletes", "NoDeletes?", "NoDeletes*s"})
        CHECK_MESSAGE(
            !leaves_out(R"([{"PolicyArn":"arn:aws:iam::111122223333:policy/limits/)" + std::string(pattern) + "\"}]", own),
            pattern);
    const auto by_name = [](const std::string& type, const std::string& holder) {
        return R"([{"InlinePolicyIdentifier":{"PolicyName":"Reads","AttachmentType":")" + type + R"(","AttachmentName":")" +
               holder + "\"}}]";
    };
    CHECK(leaves_out(by_name("user", "a?a"), mine));
    CHECK_FALSE(leaves_out(by_name("role", "ada"), mine));
    CHECK_FALSE(leaves_out(by_name("user", "b*"), mine));
    for (const char* bad :
         {R"([{}])", R"([{"PolicyType":"inline","PolicyArn":"arn:aws:iam::111122223333:policy/P"}])",
          R"([{"PolicyArn":"arn:aws:iam::1111*:policy/NoDeletes"}])", R"([{"PolicyArn":"arn:aws:iam::1:policy/*a*"}])",
          R"([{"PolicyArn":"arn:aws:iam::1:policy/*"}])", R"([{"PolicyArn":"arn:aws:iam::1:user/x-long-enough"}])"}) {
        const auto read = exclusions(bad);
        REQUIRE_MESSAGE(!read, bad);
        CHECK(read.error().code == "InvalidInput");
    }
}

TEST_CASE("a question is read with everything that was said") {
    const auto plain = question("").value();
    CHECK(plain.any_resource());
    CHECK(plain.most == 100);
    const auto full = question(
        R"("ResourceArns":["arn:aws:s3:::b/k","arn:aws:s3:::b/l"],"ResourceOwner":"arn:aws:iam::111122223333:root","MaxItems":7,)"
        R"("ContextEntries":[{},{"ContextKeyName":"aws:TagKeys","ContextKeyType":"stringList","ContextKeyValues":["a"]},)"
        R"({"ContextKeyName":"s3:max-keys","ContextKeyType":"numeric","ContextKeyValues":["+1.5e3"]}])");
    REQUIRE(full);
    CHECK_FALSE(full->any_resource());
    CHECK(full->owner == "111122223333");
    CHECK(full->most == 7);
    REQUIRE(full->context.find("aws:TagKeys") != nullptr);
    CHECK(full->context.find("aws:TagKeys")->multivalued);
    CHECK_FALSE(full->context.find("s3:max-keys")->multivalued);
}

TEST_CASE("a resource policy is read as what its question makes it: a trust policy for sts: actions on roles") {
    const std::string trust =
        R"("ResourcePolicy":"{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"sts:AssumeRole\"}}")";
    const auto role = question(R"("ResourceArns":["arn:aws:iam::111122223333:role/r"],)" + trust, R"(["sts:AssumeRole"])");
    REQUIRE(role);
    CHECK(role->trust_policy);
    CHECK_FALSE(role->resource_policy);
    // It has no Resource, so it is not a bucket policy.
    const auto both =
        question(R"("ResourceArns":["arn:aws:iam::111122223333:role/r"],)" + trust, R"(["sts:AssumeRole","s3:GetObject"])");
    REQUIRE_FALSE(both);
    CHECK(both.error().message == "Resource policy has invalid content");
    REQUIRE(both.error().notes.size() >= 1);  // why
    CHECK(is_about_trust("STS:TagSession", "arn:aws:iam::111122223333:role/r"));
    CHECK_FALSE(is_about_trust("iam:GetRole", "arn:aws:iam::111122223333:role/r"));
    CHECK_FALSE(is_about_trust("sts:GetSessionToken", "*"));
}

TEST_CASE("a marker leads to the next action, and nothing else is one") {
    const auto next = question("\"Marker\":\"" + marker_of(1) + "\"");
    REQUIRE(next);
    CHECK(next->first == 1);
    CHECK(question("\"Marker\":\"" + marker_of(999) + "\"")->first == 1);  // fewer actions than before
    for (const char* bad : {"nonsense", "YWN0aW9uIA==", "YWN0aW9uIC0x", "MQ=="}) {
        const auto read = question(R"("Marker":")" + std::string(bad) + "\"");
        REQUIRE_MESSAGE(!read, bad);
        CHECK(read.error().message == "Invalid marker for pagination.");
    }
}

TEST_CASE("asking about an entity needs permission on what it really is called, with its tags") {
    auto keys = store::make_memory_store();
    base::SystemClock clock;
    crypto::SystemRandom random;
    auto directory = std::move(*identity::Directory::open({keys.get(), &clock, &random, std::string(32, 'k')}));
    const auto first = directory->bootstrap();
    const auto root = (*directory->authenticate((*first)->root.access_key_id, ""))->caller;
    gate::Registry registry;
    add_operations(registry, *directory, {});
    identity::CreateUser user;
    user.account = root.principal.account;
    user.name = "Ada";
    user.path = "/team/";
    user.tags = {{"team", "vision"}};
    REQUIRE(directory->iam().create_user(user));
    const auto accesses = [&](const std::string& operation, const std::string& input) {
        return registry.find("iam", operation)->begin()->supposed_accesses(root, "us-east-1", input).value();
    };
    const auto asked = [&](const std::string& operation, const std::string& arn) {
        const std::string more = operation == "SimulatePrincipalPolicy" ? R"(,"ActionNames":["s3:GetObject"])" : "";
        return accesses(operation, R"({"PolicySourceArn":")" + arn + "\"" + more + "}").front();
    };
    const std::string prefix = "arn:aws:iam::" + root.principal.account + ":user/";
    for (const char* operation : {"SimulatePrincipalPolicy", "GetContextKeysForPrincipalPolicy"}) {
        for (const char* name : {"team/Ada", "elsewhere/Ada", "ada"}) {
            const auto access = asked(operation, prefix + name);
            CHECK(access.action == "iam:" + std::string(operation));
            CHECK(access.resource == prefix + "team/Ada");
            REQUIRE(access.context.find("aws:ResourceTag/team") != nullptr);
            CHECK(access.context.find("aws:ResourceTag/team")->values.front() == "vision");
        }
        CHECK(asked(operation, prefix + "nobody").resource == prefix + "nobody");
        CHECK(asked(operation, "arn:aws:iam::999999999999:user/team/Ada").resource == "arn:aws:iam::999999999999:user/team/Ada");
    }
    CHECK(accesses("SimulateCustomPolicy", R"({"PolicyInputList":["{}"],"ActionNames":["s3:GetObject"]})").front().resource ==
          "*");
}
