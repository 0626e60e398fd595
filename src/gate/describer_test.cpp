// What a question in advance is decided on.
#include "gate/describer.hpp"

#include <doctest/doctest.h>

#include "gate/gate.hpp"

namespace {

using base::Result;
using gate::Description;
using gate::Existence;

constexpr std::string_view account = "111122223333";

// Everything is there, and tagged, but for what is called `nosuch`, `later` (which may come) or `other` (of another kind).
class Tagged final : public gate::Resources {
public:
    Result<Description> describe(const gate::Subject& subject) const override {
        Description out{
            .arn = std::string(subject.text), .existence = Existence::there, .owner = std::string(subject.arn.account)};
        const std::string_view name = subject.arn.resource.substr(subject.arn.resource.rfind('/') + 1);
        out.region = subject.arn.region;
        if (name == "broken") return base::fail("StoreUnavailable", "the disk is gone");
        if (name == "other") out.existence = Existence::unknown;
        if (name == "nosuch" || name == "later") out.existence = Existence::absent;
        out.may_come = name == "later";
        if (name == "nosuch") out.absence = "there is none";
        out.keys.set("aws:ResourceTag/team", "red");
        return out;
    }
};

struct World {
    World() {
        describer.serve({"us-east-1"});
        for (const char* service : {"iam", "sagemaker"}) describer.add(service, std::make_unique<Tagged>());
    }
    Result<gate::Access> ask(std::string_view action, std::string_view resource) const {
        return gate::asked_access(describer, action, resource, account);
    }
    bool knows_tags(std::string_view action, std::string_view resource) const {
        return ask(action, resource).value().context.find("aws:ResourceTag/team") != nullptr;
    }
    gate::Describer describer;
};

constexpr const char* job = "arn:aws:sagemaker:us-east-1:111122223333:training-job/j";
constexpr const char* role = "arn:aws:iam::111122223333:role/r";

}  // namespace

TEST_CASE("what an action makes is not what may be there already; what it also works on is") {
    const World world;
    for (const char* action : {"iam:CreateRole", "IAM:CREATEUSER", "iam:CreatePolicy"})
        CHECK_FALSE(world.knows_tags(action, role));
    CHECK_FALSE(world.knows_tags("sagemaker:CreateTrainingJob", job));
    // CreateTrainingJob needs AddTags on the job that it makes; AddTags itself is about one that is there.
    CHECK(world.knows_tags("sagemaker:AddTags", job));
    CHECK(world.knows_tags("iam:TagRole", role));
    CHECK(world.knows_tags("iam:GetRole", role));
    CHECK(world.knows_tags("sagemaker:StopTrainingJob", job));
}

TEST_CASE("what this server's own actions work on has no keys, and must be there") {
    const World world;
    CHECK_FALSE(world.knows_tags("trainwarden:InterruptTrainingJob", job));
    CHECK_FALSE(world.knows_tags("Trainwarden:ExplainAccess", role));
    CHECK(world.ask("trainwarden:InterruptTrainingJob", "arn:aws:sagemaker:us-east-1:111122223333:training-job/nosuch")
              .error()
              .code == "NoSuchResource");
}

TEST_CASE("a question about what is not there is told so, unless it may come; one about another kind, too") {
    const World world;
    const auto absent = world.ask("iam:GetRole", "arn:aws:iam::111122223333:role/nosuch");
    REQUIRE(!absent);
    CHECK(absent.error().code == "NoSuchResource");
    CHECK(absent.error().message == "there is none");
    CHECK(world.ask("iam:GetRole", "arn:aws:iam::111122223333:role/later"));
    CHECK(world.ask("iam:GetRole", "arn:aws:iam::111122223333:role/other").error().code == "NoSuchResource");
    CHECK(world.ask("sqs:SendMessage", "arn:aws:sqs:us-east-1:111122223333:q").error().code == "NoSuchResource");
    CHECK(world.ask("iam:GetRole", "arn:aws:iam::111122223333:role/broken").error().code == "StoreUnavailable");
}

TEST_CASE("an action without a resource needs nothing described") {
    const World world;
    const auto list = world.ask("s3:ListAllMyBuckets", "*");
    REQUIRE(list);
    CHECK(list->resource == "*");
    CHECK(list->resource_account.empty());
}

TEST_CASE("a resource is served by its region where that is served, and else where it is asked for") {
    const World world;
    CHECK(world.ask("sagemaker:StopTrainingJob", job)->region == "us-east-1");
    CHECK(world.ask("sagemaker:StopTrainingJob", "arn:aws:sagemaker:eu-west-9:111122223333:training-job/j")->region.empty());
    CHECK(world.ask("sagemaker:StopTrainingJob", job)->resource_account == account);
}
