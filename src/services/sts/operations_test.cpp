// STS's operations: what AssumeRole needs, and the sessions that are given, by requests through the gate.
#include "services/sts/operations.hpp"

#include <doctest/doctest.h>

#include "crypto/digest.hpp"
#include "gate/records_for_tests.hpp"
#include "identity/iam_for_tests.hpp"
#include "text/time.hpp"
#include "wire/sigv4.hpp"

namespace {

// What IAM says of its roles: this room knows no other service's.
class Roles final : public gate::Resources {
public:
    explicit Roles(identity::IamFixture& iam) : iam_(iam) {}
    base::Result<gate::ResourcePage> each_resource(const gate::ResourceQuery&) const override { return gate::ResourcePage{}; }
    uint64_t version() const override { return 1; }
    base::Result<gate::Description> describe(const gate::Subject& subject) const override {
        gate::Description out{.arn = std::string(subject.text), .owner = iam_.account};
        out.existence = gate::Existence::absent;
        static const policy::PolicyPtr trusts_no_one = policy::Policy::parse_stored(
            R"({"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"sts:NoSuchRole"}]})",
            policy::PolicyKind::trust);
        auto trust = iam_.directory->trust_policy(std::string(subject.text));
        if (trust) out.existence = gate::Existence::there;
        out.policy =
            trust ? std::move(*trust) : policy::AttachedPolicy{trusts_no_one, "trust policy of " + std::string(subject.text)};
        return out;
    }

private:
    identity::IamFixture& iam_;
};

struct StsFixture : identity::IamFixture {
    gate::MemoryLog log;
    gate::Registry registry;
    std::unique_ptr<gate::Gate> the_gate;

    StsFixture() {
        registry.describer().add("iam", std::make_unique<Roles>(*this));
        services::sts::add_operations(registry, *directory);
        the_gate = std::make_unique<gate::Gate>(gate::GateDependencies{
            .registry = &registry, .directory = directory.get(), .audit = &log, .clock = &clock, .random = &random});
    }
    std::string role_arn(const std::string& name) const { return "arn:aws:iam::" + account + ":role/" + name; }
    // Trusts every principal of the account that its own policies allow it.
    std::string trust() const {
        return R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::)" + account +
               R"(:root"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}})";
    }
    identity::Credentials user_with_key(const std::string& name) {
        make_user(name);
        const auto key = iam().create_access_key(account, name);
        REQUIRE_MESSAGE(key.has_value(), key.error().describe());
        return {.access_key_id = (*key)->id, .secret_access_key = (*key)->secret};
    }
    // The status and the answer to a form.
    std::pair<int, std::string> send(const std::string& form, const identity::Credentials& credentials) {
        const std::string body = "Version=2011-06-15&" + form;
        http::RequestHead head{.method = "POST", .path = "/"};
        head.headers.add("Host", "127.0.0.1:4566");
        head.headers.add("Content-Type", "application/x-www-form-urlencoded");
        if (!credentials.session_token.empty()) head.headers.add("X-Amz-Security-Token", credentials.session_token);
        wire::sign(head, {credentials.access_key_id, credentials.secret_access_key, credentials.session_token}, "us-east-1",
                   "sts", clock.now(), crypto::hex(crypto::sha256(body)));
        http::StringBody reader(body);
        http::Request request{.head = std::move(head), .body = &reader, .peer_address = "127.0.0.1"};
        const auto response = the_gate->serve(request);
        return {response.status, std::get<std::string>(response.body)};
    }
    // Which actions AssumeRole needs with this input, and the value of a key of the first.
    std::vector<std::string> needed(const std::string& input, const identity::Caller& caller) {
        const auto accesses = registry.find("sts", "AssumeRole")->begin()->supposed_accesses(caller, "us-east-1", input);
        if (!accesses) return {accesses.error().describe()};
        std::vector<std::string> actions;
        for (const auto& access : *accesses) {
            CHECK(access.resource == role_arn("trainer"));
            actions.push_back(access.action);
        }
        return actions;
    }
};

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::string between(const std::string& text, const std::string& element) {
    const size_t start = text.find("<" + element + ">") + element.size() + 2;
    return text.substr(start, text.find("</" + element + ">") - start);
}

}  // namespace

TEST_CASE("AssumeRole needs an action for tags, and one for a source identity that is set or carried") {
    StsFixture f;
    f.make_role("trainer", f.trust());
    const identity::Caller root = (*f.directory->authenticate(f.root.access_key_id, ""))->caller;
    const std::string base = R"("RoleArn":")" + f.role_arn("trainer") + R"(","RoleSessionName":"run")";
    using Actions = std::vector<std::string>;
    CHECK(f.needed("{" + base + "}", root) == Actions{"sts:AssumeRole"});
    CHECK(f.needed("{" + base + R"(,"Tags":[{"Key":"team","Value":"vision"}]})", root) ==
          Actions{"sts:AssumeRole", "sts:TagSession"});
    CHECK(f.needed("{" + base + R"(,"SourceIdentity":"ada"})", root) == Actions{"sts:AssumeRole", "sts:SetSourceIdentity"});
    identity::Caller carries = root;
    carries.source_identity = "ada";
    CHECK(f.needed("{" + base + "}", carries) == Actions{"sts:AssumeRole", "sts:SetSourceIdentity"});
    CHECK(holds(f.needed("{" + base + R"(,"SourceIdentity":"bob"})", carries).front(), "SourceIdentity cannot be changed"));
    CHECK(holds(f.needed(R"({"RoleArn":"arn:aws:s3:::not-a-role","RoleSessionName":"run"})", root).front(), "is invalid"));
    CHECK(holds(f.needed("{" + base + R"(,"SerialNumber":"arn:aws:iam::111122223333:mfa/ada"})", root).front(), "not supported"));
}

TEST_CASE("a role that does not trust the caller and one that is not there are refused in the same words") {
    StsFixture f;
    f.make_role("trusts-sagemaker");
    const identity::Credentials ada = f.user_with_key("ada");
    const auto refused = [&](const std::string& role) {
        auto [status, answer] = f.send("Action=AssumeRole&RoleSessionName=run&RoleArn=" + f.role_arn(role), ada);
        CHECK(status == 403);
        CHECK(holds(answer, "<Code>AccessDenied</Code>"));
        std::string message = between(answer, "Message");
        message.replace(message.find(role), role.size(), "ROLE");
        return message;
    };
    CHECK(refused("trusts-sagemaker") == refused("missing"));
}

TEST_CASE("sessions: an hour for a role by default and at most by chaining; a root user's token is shortened to an hour") {
    StsFixture f;
    f.make_role("trainer", f.trust());
    const auto token = f.send("Action=GetSessionToken&DurationSeconds=7200", f.root);
    REQUIRE(token.first == 200);
    const auto hour = text::iso8601(f.clock.now() + std::chrono::hours(1));
    CHECK(between(token.second, "Expiration") == hour);

    const identity::Credentials ada = f.user_with_key("ada");
    const std::string allow = R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:*","Resource":"*"}})";
    REQUIRE(f.iam().put_inline_policy(f.user("ada"), "all", allow));
    const std::string assume = "Action=AssumeRole&RoleSessionName=run&RoleArn=" + f.role_arn("trainer");
    const auto assumed = f.send(assume, ada);
    REQUIRE_MESSAGE(assumed.first == 200, assumed.second);
    CHECK(between(assumed.second, "Expiration") == hour);
    CHECK(holds(between(assumed.second, "Arn"), ":assumed-role/trainer/run"));

    REQUIRE(f.iam().put_inline_policy(f.role("trainer"), "all", allow));
    const identity::Credentials session{.access_key_id = between(assumed.second, "AccessKeyId"),
                                        .secret_access_key = between(assumed.second, "SecretAccessKey"),
                                        .session_token = between(assumed.second, "SessionToken")};
    CHECK(f.send(assume, session).first == 200);
    const auto longer = f.send(assume + "&DurationSeconds=3601", session);
    CHECK(longer.first == 400);
    CHECK(holds(longer.second, "1 hour session limit for roles assumed by role chaining"));
}
