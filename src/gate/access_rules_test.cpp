// Every word that a models/*.yaml may say of an operation's accesses, on the operations of tests/models/shelf.yaml.
#include "gate/access_rules.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "gate/operation.hpp"
#include "model/json.hpp"
#include "model/shelf/operations.hpp"
#include "model/shelf/service.hpp"
#include "text/json.hpp"

namespace {

namespace m = model::shelf;
using base::Result;
using gate::Description;
using gate::Existence;
using gate::Subject;

constexpr std::string_view account = "111122223333";

struct Book {
    std::string name;
};

class Books final : public gate::Resources {
public:
    Result<gate::ResourcePage> each_resource(const gate::ResourceQuery&) const override { return gate::ResourcePage{}; }
    uint64_t version() const override { return 0; }
    Result<Description> describe(const Subject& subject) const override {
        Description out{.arn = std::string(subject.text), .existence = Existence::absent};
        const std::string name(subject.arn.resource.substr(subject.arn.resource.rfind('/') + 1));
        if (name == "broken") return base::fail("NoSuchBook", "there is no such book");
        if (name != "dune") return out;
        out.existence = Existence::there;
        out.arn = "arn:aws:shelf:eu-west-1:111122223333:book/novels/dune";
        out.owner = "444455556666";
        out.keys.set("aws:ResourceTag/genre", "novel");
        out.keys.set("shelf:Boundary", "the book's");
        out.found = gate::Found::of(Book{name});
        return out;
    }
    Result<Description> plan(const Subject& subject) const override {
        return Description{.arn = std::string(subject.text) + "?", .owner = ""};
    }
};

Result<model::NamedValues> loud(const model::RequestOrigin& at, std::span<const std::optional<std::string>> arguments) {
    return model::NamedValues{
        {"", arguments[0].value_or("nothing") + "!" + arguments[1].value_or("nowhere") + std::string(at.region)}};
}
Result<model::NamedValues> checked_arn(const model::RequestOrigin&, std::span<const std::optional<std::string>> arguments) {
    if (!arguments[0]->starts_with("arn:")) return base::fail("InvalidInput", *arguments[0] + " is no ARN");
    return model::NamedValues{{"", *arguments[0]}};
}

identity::Caller caller_of(policy::PrincipalKind kind, std::string arn) {
    identity::Caller caller;
    caller.principal.kind = kind;
    caller.principal.account = account;
    caller.principal.arn = std::move(arn);
    return caller;
}

struct Fixture {
    gate::Describer describer;
    identity::Caller caller = caller_of(policy::PrincipalKind::user, "arn:aws:iam::111122223333:user/ada");

    Fixture() { describer.add("shelf", std::make_unique<Books>()); }

    template <class Operation>
    Result<gate::RuledAccesses> ask(std::string_view json) {
        typename Operation::Input input{};
        const auto read = model::read_document(Operation::operation, text::parse_json(json).value(), &input);
        REQUIRE(read);
        return gate::accesses_by_rules(Operation::operation, &input, {caller, "eu-west-1", describer},
                                       m::Functions{.loud = loud, .checked_arn = checked_arn}.list());
    }
    template <class Operation>
    std::vector<gate::Access> accesses(std::string_view json) {
        auto out = ask<Operation>(json);
        REQUIRE(out);
        return std::move(out->accesses);
    }
};

std::vector<std::string> values(const gate::Access& access, std::string_view key) {
    const auto* const entry = access.context.find(key);
    return entry == nullptr ? std::vector<std::string>{} : entry->values;
}
std::string value(const gate::Access& access, std::string_view key) {
    const auto all = values(access, key);
    return all.size() == 1 ? all.front() : all.empty() ? "(none)" : "(several)";
}

}  // namespace

TEST_CASE("a resource type by its template: what the request names is described by its service") {
    Fixture f;
    const auto ruled = f.ask<m::ReadBook>(R"({"BookName":"dune"})");
    REQUIRE(ruled);
    REQUIRE(ruled->accesses.size() == 1);
    const auto& access = ruled->accesses[0];
    CHECK(access.action == "shelf:ReadBook");
    CHECK(access.resource == "arn:aws:shelf:eu-west-1:111122223333:book/novels/dune");  // as the book itself has it
    CHECK(access.resource_account == "444455556666");
    CHECK(value(access, "aws:ResourceTag/genre") == "novel");
    REQUIRE(ruled->found.as<Book>() != nullptr);
    CHECK(ruled->found.as<Book>()->name == "dune");
    CHECK(ruled->found.as<int>() == nullptr);
}

TEST_CASE("a member that is given chooses the action and brings its key; an absent resource needs more") {
    Fixture f;
    const auto old = f.accesses<m::ReadBook>(R"({"BookName":"dune","Version":"3"})");
    REQUIRE(old.size() == 1);
    CHECK(old[0].action == "shelf:ReadOldBook");
    CHECK(value(old[0], "shelf:version") == "3");
    const auto absent = f.accesses<m::ReadBook>(R"({"BookName":"emma"})");
    REQUIRE(absent.size() == 2);
    CHECK(absent[0].resource == "arn:aws:shelf:eu-west-1:111122223333:book/emma");
    CHECK(value(absent[0], "shelf:version") == "(none)");
    CHECK(absent[1].action == "shelf:ListBooks");
    CHECK(absent[1].resource == "*");
    const auto broken = f.ask<m::ReadBook>(R"({"BookName":"broken"})");
    REQUIRE(!broken);
    CHECK(broken.error().code == "NoSuchBook");
}

TEST_CASE("what is being made is planned, not described; keys come from every kind of source") {
    Fixture f;
    const auto made = f.accesses<m::MakeBook>(R"({"BookName":"dune","Path":"/old/","Tags":[{"Key":"a","Value":"1"},{"Key":"b"}],
        "Locked":true,"Count":7,"Pages":[{"Color":"red","Names":["x","y"]},{"Color":"green"}],"Notes":{"scope":"job","other":"z"},
        "Boundary":"mine"})");
    REQUIRE(made.size() == 2);
    const auto& make = made[0];
    CHECK(make.resource == "arn:aws:shelf:eu-west-1:111122223333:book/old/dune?");
    CHECK(value(make, "aws:ResourceTag/genre") == "(none)");
    CHECK(value(make, "aws:RequestTag/a") == "1");
    CHECK(value(make, "aws:RequestTag/b") == "");
    CHECK(values(make, "aws:TagKeys") == std::vector<std::string>{"a", "b"});
    CHECK(make.context.find("aws:TagKeys")->multivalued);
    CHECK(value(make, "shelf:Boundary") == "mine");
    // One value's key with several is ambiguous, and says so.
    CHECK(make.context.find("shelf:Colors")->ambiguous);
    auto colors = values(make, "shelf:Colors");
    std::ranges::sort(colors);
    CHECK(colors == std::vector<std::string>{"green", "red", "x", "y"});
    CHECK(value(make, "shelf:Count") == "7");
    CHECK(value(make, "shelf:Locked") == "true");
    CHECK(value(make, "shelf:Scope") == "job");
    CHECK(value(make, "shelf:For") == "book/dune in eu-west-1");
    CHECK(value(make, "shelf:Loud") == "dune!/old/eu-west-1");
    const auto& tag = made[1];
    CHECK(tag.action == "shelf:TagBook");
    CHECK(tag.resource == make.resource);
    CHECK(value(tag, "aws:RequestTag/a") == "1");
    CHECK(value(tag, "shelf:TaggingAction") == "MakeBook");
    CHECK(value(make, "shelf:TaggingAction") == "(none)");
}

TEST_CASE("what a request does not say has no key, or the one that stands in for it; an empty list is not given") {
    Fixture f;
    const auto made = f.accesses<m::MakeBook>(R"({"BookName":"emma","Tags":[],"Notes":{"other":"z"}})");
    REQUIRE(made.size() == 1);
    for (const std::string_view key : {"aws:TagKeys", "shelf:Boundary", "shelf:Colors", "shelf:Count"})
        CHECK(value(made[0], key) == "(none)");
    CHECK(value(made[0], "shelf:Locked") == "false");
    CHECK(value(made[0], "shelf:Scope") == "none");
    CHECK(value(made[0], "shelf:Loud") == "emma!nowhereeu-west-1");
    CHECK(made[0].resource == "arn:aws:shelf:eu-west-1:111122223333:book/emma?");
}

TEST_CASE("members that hold ARNs, two resources of one action, and a function's error as the answer") {
    Fixture f;
    const auto moved =
        f.accesses<m::MoveBook>(R"({"BookArn":"arn:aws:shelf:eu-west-1:111122223333:book/dune","Target":"arn:aws:other:::x"})");
    REQUIRE(moved.size() == 2);
    CHECK(moved[0].resource == "arn:aws:shelf:eu-west-1:111122223333:book/novels/dune");
    CHECK(moved[1].resource == "arn:aws:other:::x");
    CHECK(moved[1].context.entries().empty());
    const auto wrong = f.ask<m::MoveBook>(R"({"BookArn":"dune","Target":"x"})");
    REQUIRE(!wrong);
    CHECK(wrong.error().code == "InvalidInput");
}

TEST_CASE("a list by path is a text, of which nothing is known") {
    Fixture f;
    CHECK(f.accesses<m::ListShelves>("{}")[0].resource == "arn:aws:shelf:eu-west-1:111122223333:shelf/");
    CHECK(f.accesses<m::ListShelves>(R"({"Prefix":"/dune"})")[0].resource == "arn:aws:shelf:eu-west-1:111122223333:shelf/dune");
    CHECK(f.accesses<m::ListShelves>(R"({"Prefix":"/dune"})")[0].context.entries().empty());
}

TEST_CASE("the caller stands in for a user that is not named, if it is one") {
    Fixture f;
    CHECK(f.accesses<m::ReadOwnCard>(R"({"UserName":"bob"})")[0].resource == "arn:aws:iam::111122223333:user/bob");
    CHECK(f.accesses<m::ReadOwnCard>("{}")[0].resource == "arn:aws:iam::111122223333:user/ada");
    f.caller = caller_of(policy::PrincipalKind::root, "arn:aws:iam::111122223333:root");
    CHECK(f.accesses<m::ReadOwnCard>("{}")[0].resource == "arn:aws:iam::111122223333:root");
    f.caller = caller_of(policy::PrincipalKind::role_session, "arn:aws:sts::111122223333:assumed-role/r/s");
    const auto session = f.ask<m::ReadOwnCard>("{}");
    REQUIRE(!session);
    CHECK(session.error().code == "ValidationError");
    CHECK(session.error().message == "Must specify userName");
}

TEST_CASE("the request's keys win over the resource's") {
    Fixture f;
    const auto book = f.describer.describe("arn:aws:shelf:eu-west-1:111122223333:book/dune", "shelf:ReadBook", account);
    REQUIRE(book);
    policy::Context request;
    request.set("shelf:Boundary", "the request's");
    const auto access = gate::access_to("shelf:ReadBook", *book, request);
    CHECK(value(access, "shelf:Boundary") == "the request's");
    CHECK(value(access, "aws:ResourceTag/genre") == "novel");
}

TEST_CASE("what nobody describes is unknown, and belongs to the account that its ARN names") {
    Fixture f;
    const auto queue = f.describer.find("arn:aws:sqs:eu-west-1:777788889999:q", "sqs:SendMessage", account);
    REQUIRE(queue);
    CHECK(queue->existence == Existence::unknown);
    CHECK(queue->owner == "777788889999");
    const auto other = f.describer.find("arn:aws-cn:shelf:eu-west-1:777788889999:book/dune", "shelf:ReadBook", account);
    REQUIRE(other);
    CHECK(other->existence == Existence::unknown);
    CHECK(f.describer.find("no ARN", "shelf:ReadBook", account)->owner.empty());
}
