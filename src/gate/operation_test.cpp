// Rows of typed handlers, sent requests through the gate. Of STS's operations, because they take few and simple members.
#include "gate/operation.hpp"

#include <doctest/doctest.h>

#include <array>
#include <utility>

#include "base/outdated.hpp"
#include "crypto/digest.hpp"
#include "gate/records_for_tests.hpp"
#include "identity/directory.hpp"
#include "model/sts/operations.hpp"
#include "model/sts/service.hpp"
#include "store/key_value_store.hpp"
#include "wire/sigv4.hpp"

namespace {

namespace m = model::sts;
using base::Result;
using gate::Permit;
using gate::RequestOrigin;
using gate::RequiredAccesses;

struct Calls {
    int needed = 0, handled = 0;
    std::string region, account;
    bool asks_for_nothing = false, allows = true;
    int outdated = 0;  // how often what was decided on is not there any more
};
struct Fake {
    Calls& calls;
};
struct Found {
    std::string account;
};

Result<RequiredAccesses<Found>> role_needs(const Fake& fake, const RequestOrigin& asking, const m::AssumeRoleRequest& in) {
    ++fake.calls.needed;
    fake.calls.region = asking.region;
    if (in.role_session_name == "absent") return base::fail("ValidationError", "no such key");
    RequiredAccesses<Found> needs({.account = "found " + in.role_session_name});
    if (!fake.calls.asks_for_nothing)
        needs.add(m::Action::sts_GetAccessKeyInfo,  // one that no trust policy decides
                  gate::Description{.arn = in.role_arn, .owner = fake.calls.allows ? "" : "999988887777"});
    return needs;
}

Result<m::AssumeRoleResponse> role(Fake& fake, const Permit&, const m::AssumeRoleRequest&, Found&& found) {
    ++fake.calls.handled;
    const std::string account = std::exchange(found.account, "");  // taken, whatever comes of it
    if (fake.calls.outdated-- > 0) return base::fail(std::string(base::decision_outdated), "");
    fake.calls.account = account;
    return m::AssumeRoleResponse{.source_identity = account};
}

Result<m::GetAccessKeyInfoResponse> info(Fake& fake, const Permit& permit, const m::GetAccessKeyInfoRequest&) {
    ++fake.calls.handled;
    return m::GetAccessKeyInfoResponse{.account = permit.region()};
}

Result<m::GetCallerIdentityResponse> identity_of(Fake& fake, const Permit& permit, const m::GetCallerIdentityRequest&) {
    ++fake.calls.handled;
    return m::GetCallerIdentityResponse{.arn = permit.caller().principal.arn};
}

Result<m::GetSessionTokenResponse> token(Fake&, const Permit&, const m::GetSessionTokenRequest&) {
    return base::fail("ValidationError", "the handler's own error");
}

// What is not the operation's does not compile, nor do accesses that are said twice, or by nobody.
Result<m::GetSessionTokenResponse> wrong_output(Fake&, const Permit&, const m::AssumeRoleRequest&, Found&&) { return {}; }
Result<m::AssumeRoleResponse> wrong_input(Fake&, const Permit&, const m::GetSessionTokenRequest&, Found&&) { return {}; }
Result<m::AssumeRoleResponse> without_permit(Fake&, const m::AssumeRoleRequest&, Found&&) { return {}; }
Result<m::AssumeRoleResponse> without_found(Fake&, const Permit&, const m::AssumeRoleRequest&) { return {}; }
Result<RequiredAccesses<>> info_needs(const Fake&, const RequestOrigin&, const m::GetAccessKeyInfoRequest&) {
    return RequiredAccesses<>();
}

template <auto handle>
constexpr bool is_row = requires { gate::operation<m::AssumeRole, handle, role_needs>(); };
static_assert(is_row<role>);
static_assert(!is_row<wrong_output>);
static_assert(!is_row<wrong_input>);
static_assert(!is_row<without_permit>);
static_assert(!is_row<without_found>);
template <class Operation, auto handle, auto needs>
constexpr bool is_row_of = requires { gate::operation<Operation, handle, needs>(); };
static_assert(is_row_of<m::GetAccessKeyInfo, info, gate::declared>);
static_assert(!is_row_of<m::GetAccessKeyInfo, info, info_needs>);
static_assert(!is_row_of<m::AssumeRole, role, gate::declared>);

constexpr auto rows = std::to_array<gate::OperationDeclaration<Fake>>({
    gate::operation<m::AssumeRole, role, role_needs>(),
    gate::operation<m::GetAccessKeyInfo, info>(),
    gate::operation<m::GetCallerIdentity, identity_of>(),
    gate::operation<m::GetSessionToken, token>(),
});

struct Fixture {
    base::ManualClock clock{base::Time(std::chrono::milliseconds(1'790'000'000'000))};
    crypto::SystemRandom random;
    std::unique_ptr<store::KeyValueStore> keys = store::make_memory_store();
    std::unique_ptr<identity::Directory> directory =
        std::move(identity::Directory::open({keys.get(), &clock, &random, std::string(32, 'k')}).value());
    identity::Directory::FirstAccount first = directory->bootstrap().value().value();
    gate::MemoryLog log;
    gate::Registry registry;
    Calls calls;
    std::unique_ptr<gate::Gate> the_gate;

    Fixture() {
        gate::add_operations<Fake>(registry, Fake{calls}, rows);
        the_gate = std::make_unique<gate::Gate>(gate::GateDependencies{&registry, directory.get(), &log, &clock, &random});
    }

    // The status and the answer to a form of the root user's.
    std::pair<int, std::string> send(const std::string& form) {
        const std::string body = "Version=2011-06-15&" + form;
        http::RequestHead head{.method = "POST", .path = "/"};
        head.headers.add("Host", "127.0.0.1:4566");
        head.headers.add("Content-Type", "application/x-www-form-urlencoded");
        wire::sign(head, {first.root.access_key_id, first.root.secret_access_key, ""}, "us-east-1", "sts", clock.now(),
                   crypto::hex(crypto::sha256(body)));
        http::StringBody reader(body);
        http::Request request{.head = std::move(head), .body = &reader, .peer_address = "127.0.0.1"};
        const auto response = the_gate->serve(request);
        return {response.status, std::get<std::string>(response.body)};
    }
};

std::string assume(const std::string& session) {
    return "Action=AssumeRole&RoleArn=arn:aws:iam::111122223333:role/r&RoleSessionName=" + session;
}

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("what `needs` found is handed to the handler, and its output is the answer") {
    Fixture f;
    const auto [status, answer] = f.send(assume("ada"));
    CHECK(status == 200);
    CHECK(holds(answer, "<AssumeRoleResult><SourceIdentity>found ada</SourceIdentity></AssumeRoleResult>"));
    CHECK(f.calls.needed == 1);
    CHECK(f.calls.handled == 1);
    CHECK(f.calls.region == "us-east-1");
    REQUIRE(f.log.records.size() == 1);
    REQUIRE(f.log.records[0].accesses.size() == 1);
    CHECK(f.log.records[0].accesses[0].request.action == "sts:GetAccessKeyInfo");
}

TEST_CASE("no handler runs after a refusal, an error of `needs`, an invalid request, or needs without accesses") {
    Fixture f;
    CHECK(f.send(assume("absent")).first == 400);
    CHECK(f.calls.needed == 1);
    CHECK(f.send(assume("x")).first == 400);
    CHECK(f.calls.needed == 1);
    f.calls.allows = false;
    CHECK(f.send(assume("ada")).first == 403);
    f.calls.asks_for_nothing = true;
    CHECK(f.send(assume("ada")).first == 403);
    CHECK(f.calls.handled == 0);
}

TEST_CASE("an operation that needs no permission is handled; a handler's error is the answer") {
    Fixture f;
    const auto [status, answer] = f.send("Action=GetCallerIdentity");
    CHECK(status == 200);
    CHECK(holds(answer, ":root</Arn>"));
    CHECK_FALSE(holds(answer, "<UserId>"));
    CHECK(f.calls.handled == 1);
    const auto [refused, error] = f.send("Action=GetSessionToken");
    CHECK(refused == 400);
    CHECK(holds(error, "the handler&#39;s own error"));
}

TEST_CASE("an operation whose accesses the YAML declares needs no function") {
    Fixture f;
    const auto [status, answer] = f.send("Action=GetAccessKeyInfo&AccessKeyId=AKIAIOSFODNN7EXAMPLE");
    CHECK(status == 200);
    CHECK(holds(answer, "<GetAccessKeyInfoResult><Account>us-east-1</Account></GetAccessKeyInfoResult>"));
    REQUIRE(f.log.records.size() == 1);
    REQUIRE(f.log.records[0].accesses.size() == 1);
    CHECK(f.log.records[0].accesses[0].request.action == "sts:GetAccessKeyInfo");
    CHECK(f.log.records[0].accesses[0].request.resource == "*");
}

TEST_CASE("a request that is decided again is looked at again, and handled with what was found then") {
    Fixture f;
    f.calls.outdated = 2;
    const auto [status, answer] = f.send(assume("ada"));
    CHECK(status == 200);
    CHECK(holds(answer, "<SourceIdentity>found ada</SourceIdentity>"));
    CHECK(f.calls.needed == 3);
    CHECK(f.calls.handled == 3);
}

TEST_CASE("what a request would need is found out without one; what was asked and made is told") {
    Fixture f;
    const auto caller = f.directory->authenticate(f.first.root.access_key_id, "").value()->caller;
    const auto run = f.registry.find("sts", "AssumeRole")->begin();
    CHECK(run->asked().is_null());
    const auto accesses =
        run->supposed_accesses(caller, "eu-west-1", R"({"RoleArn":"arn:aws:iam::111122223333:role/r","RoleSessionName":"ada"})");
    REQUIRE(accesses);
    REQUIRE(accesses->size() == 1);
    CHECK(accesses->front().resource == "arn:aws:iam::111122223333:role/r");
    CHECK(f.calls.region == "eu-west-1");
    CHECK(f.calls.handled == 0);
    CHECK(run->asked().dump() == R"({"RoleArn":"arn:aws:iam::111122223333:role/r","RoleSessionName":"ada"})");
    CHECK(run->made().is_null());
    const auto invalid = f.registry.find("sts", "AssumeRole")->begin();
    const auto refused = invalid->supposed_accesses(caller, "eu-west-1", "{}");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == "ValidationError");
    CHECK(invalid->asked().is_null());
    // What could be read of it is told: it is recorded of a request that is refused for it, too.
    const auto half = f.registry.find("sts", "AssumeRole")->begin();
    REQUIRE_FALSE(half->supposed_accesses(caller, "eu-west-1", R"({"RoleSessionName":"not a name"})"));
    CHECK(half->asked().dump() == R"({"RoleSessionName":"not a name"})");
}
