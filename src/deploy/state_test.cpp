// States go to Pulumi's format and come back, secrets sealed; broken ones are refused.
#include "deploy/state.hpp"

#include <doctest/doctest.h>

#include "deploy/testing.hpp"
#include "deploy/urn.hpp"

using deploy::Resource;
using deploy::Secrets;
using deploy::Snapshot;
using provider::Property;

namespace {

deploy::testing::FixedRandom fixed_random;
const base::Time now{std::chrono::milliseconds(1'700'000'000'000)};

Secrets secrets_of(const std::string& salt, const std::string& passphrase) {
    return {salt, [passphrase] { return base::Result<std::string>(passphrase); }, fixed_random};
}

std::shared_ptr<Resource> resource(const std::string& name, const std::string& type = "aws:s3/bucket:Bucket") {
    auto result = std::make_shared<Resource>();
    result->urn = deploy::make_urn("dev", "proj", "", type, name);
    result->type = type;
    result->custom = true;
    result->id = name + "-id";
    result->inputs = result->outputs = Property(Property::Object{});
    return result;
}

}  // namespace

TEST_CASE("urns join parents' types, and names may hold colons") {
    const std::string stack = deploy::make_urn("dev", "proj", "", "pulumi:pulumi:Stack", "proj-dev");
    const std::string group = deploy::make_urn("dev", "proj", stack, "my:index:Group", "g");
    const std::string child = deploy::make_urn("dev", "proj", group, "aws:s3/bucket:Bucket", "a::b");
    CHECK(child == "urn:pulumi:dev::proj::my:index:Group$aws:s3/bucket:Bucket::a::b");
    CHECK(deploy::urn_type(child) == "aws:s3/bucket:Bucket");
    CHECK(deploy::urn_name(child) == "a::b");
    CHECK(deploy::urn_type("nonsense").empty());
    CHECK(deploy::package_of("pulumi:providers:aws") == "aws");
    CHECK(deploy::package_of("aws:s3/bucket:Bucket") == "aws");
}

TEST_CASE("a snapshot survives the file, every field of it") {
    auto provider = resource("default_7_0_0", "pulumi:providers:aws");
    auto bucket = resource("bucket");
    bucket->provider = provider->urn + "::" + provider->id;
    bucket->inputs =
        Property(Property::Object{{"number", Property(3)},
                                  {"secret", Property::secret(Property("word"))},
                                  {"asset", Property::asset({{"text", Property("x")}, {"hash", Property("00")}})},
                                  {"reference", Property::reference("urn:pulumi:dev::proj::a:b:C::d", Property("i"))}});
    bucket->outputs = Property(
        Property::Object{{"arn", Property("arn:aws:s3:::b")}, {"list", Property(Property::Array{Property(true), Property()})}});
    bucket->protect = bucket->retain_on_delete = true;
    bucket->property_dependencies["number"] = {provider->urn};
    bucket->additional_secret_outputs = {"arn"};
    bucket->created = bucket->modified = "2024-01-01T00:00:00Z";
    bucket->source_position = "__main__.py:3";
    bucket->others.set("hideDiff", text::Json::array({text::Json("x")}));
    auto old = std::make_shared<Resource>(*bucket);
    old->doomed = true;
    old->id = "other";
    Snapshot snapshot{{provider, bucket, old}, {{"creating", *resource("new")}}};
    Secrets secrets = secrets_of("", "pass");
    auto written = deploy::write_deployment(snapshot, secrets, now);
    REQUIRE(written);
    CHECK_FALSE(written->dump().contains("\"word\""));
    CHECK((*written)["secrets_providers"]["type"].as_string() == "passphrase");
    CHECK((*written)["resources"].items()[1]["inputs"]["secret"]["4dabf18193072939515e22adb298388d"].as_string() ==
          "1b47061264138c4ac30d75fd1eb44270");
    CHECK((*written)["resources"].items()[1]["inputs"]["secret"]["ciphertext"].as_string().starts_with("v1:"));

    auto parsed = text::parse_json(written->pretty());
    REQUIRE(parsed);
    Secrets again = secrets_of(deploy::read_salt_state(*parsed), "pass");
    auto read = deploy::read_deployment(*parsed, again);
    REQUIRE(read);
    REQUIRE(read->resources.size() == 3);
    const Resource& back = *read->resources[1];
    CHECK(back.inputs == bucket->inputs);
    CHECK(back.outputs == bucket->outputs);
    CHECK(back.provider == bucket->provider);
    CHECK(back.protect);
    CHECK(back.retain_on_delete);
    CHECK(back.property_dependencies == bucket->property_dependencies);
    CHECK(back.additional_secret_outputs == bucket->additional_secret_outputs);
    CHECK(back.source_position == bucket->source_position);
    CHECK(back.others == bucket->others);
    CHECK(read->resources[2]->doomed);
    REQUIRE(read->pending.size() == 1);
    CHECK(read->pending[0].kind == "creating");
    // Written again without a change it is the same file: unchanged secrets keep their ciphertext.
    auto rewritten = deploy::write_deployment(*read, again, now);
    REQUIRE(rewritten);
    CHECK(*rewritten == *parsed);

    Secrets wrong = secrets_of(deploy::read_salt_state(*parsed), "another");
    auto refused = deploy::read_deployment(*parsed, wrong);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == "IncorrectPassphrase");
}

TEST_CASE("secrets are sealed as Pulumi seals them: a state of its own opens with its passphrase alone") {
    // PBKDF2-HMAC-SHA256 with a million rounds and AES-256-GCM, computed with another library.
    const std::string salt = "v1:AAECAwQFBgc=:v1:AAECAwQFBgcICQoL:Lsv0Mq4P43OA9/CWlvPiZJXoK3BhFA==";
    const std::string sealed = "v1:DA0ODxAREhMUFRYX:zOpyfJK7/vWStOtuHjYSAEc4L5LZ25WNFDwZzA==";
    Secrets secrets = secrets_of(salt, "correct horse");
    const auto opened = secrets.decrypt(sealed);
    REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error().message));
    CHECK(*opened == "\"the secret\"");
    Secrets wrong = secrets_of(salt, "correct horse ");
    const auto refused = wrong.decrypt(sealed);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == "IncorrectPassphrase");
    // Two stacks of one passphrase have no key in common.
    Secrets one = secrets_of("", "pass"), other = secrets_of("", "pass");
    REQUIRE(one.require().has_value());
    REQUIRE(other.require().has_value());
    CHECK(one.salt_state().substr(0, 16) != other.salt_state().substr(0, 16));
    CHECK_FALSE(other.decrypt(one.encrypt("text").value()).has_value());
}

TEST_CASE("a stack without secrets never asks for a passphrase") {
    bool asked = false;
    Secrets secrets(
        "",
        [&]() -> base::Result<std::string> {
            asked = true;
            return std::string();
        },
        fixed_random);
    auto written = deploy::write_deployment(Snapshot{{resource("a")}, {}}, secrets, now);
    REQUIRE(written);
    CHECK_FALSE(written->contains("secrets_providers"));
    CHECK(deploy::read_deployment(*written, secrets));
    CHECK_FALSE(asked);
}

TEST_CASE("snapshots that break their invariants are refused by name") {
    auto a = resource("a");
    auto b = resource("b");
    b->dependencies = {a->urn};
    CHECK(deploy::verify(Snapshot{{a, b}, {}}));
    CHECK_FALSE(deploy::verify(Snapshot{{b, a}, {}}));
    CHECK_FALSE(deploy::verify(Snapshot{{a, a}, {}}));
    auto component = resource("c");
    component->custom = false;
    CHECK_FALSE(deploy::verify(Snapshot{{component}, {}}));
    auto doomed = std::make_shared<Resource>(*a);
    doomed->doomed = true;
    CHECK(deploy::verify(Snapshot{{a, doomed}, {}}));
}

TEST_CASE("plain JSON masks what is secret and what is unknown") {
    const Property value(
        Property::Object{{"a", Property::secret(Property("word"))}, {"b", Property::unknown()}, {"c", Property(1)}});
    CHECK(deploy::to_plain_json(value, false).dump() == R"({"a":"[secret]","b":"[unknown]","c":1})");
    CHECK(deploy::to_plain_json(value, true)["a"].as_string() == "word");
}

TEST_CASE("a state of a format or with a feature that is not known is not read") {
    const auto code = [](const char* document) {
        const auto checked = deploy::check_format(*text::parse_json(document), "the state");
        return checked ? "" : checked.error().code;
    };
    CHECK(code(R"({"version":3})").empty());
    CHECK(code(R"({"version":4,"features":["refreshBeforeUpdate"]})").empty());
    for (const char* document : {"{}", R"({"version":2})", R"({"version":5})", R"({"version":4,"features":["later"]})"})
        CHECK(code(document) == "NotSupported");
}
