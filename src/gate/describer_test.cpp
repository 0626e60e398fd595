// What a question in advance is decided on.
#include "gate/describer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <span>

#include "gate/gate.hpp"

namespace {

using base::Result;
using gate::Description;
using gate::Existence;

constexpr std::string_view account = "111122223333";

// Everything is there, and tagged, but for what is called `nosuch`, `later` (which may come) or `other` (of another kind).
class Tagged final : public gate::Resources {
public:
    explicit Tagged(std::vector<std::string> arns = {}) : arns_(std::move(arns)) {}
    Result<gate::ResourcePage> each_resource(const gate::ResourceQuery& query) const override {
        gate::ResourcePager pager(query);
        for (const std::string& arn : arns_) pager.add(arn);
        return std::move(pager).finish();
    }
    uint64_t version() const override { return versions; }
    uint64_t versions = 1;
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

private:
    std::vector<std::string> arns_;
};

struct DescriberFixture {
    DescriberFixture() {
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
    const DescriberFixture fixture;
    for (const char* action : {"iam:CreateRole", "IAM:CREATEUSER", "iam:CreatePolicy"})
        CHECK_FALSE(fixture.knows_tags(action, role));
    CHECK_FALSE(fixture.knows_tags("sagemaker:CreateTrainingJob", job));
    // CreateTrainingJob needs AddTags on the job that it makes; AddTags itself is about one that is there.
    CHECK(fixture.knows_tags("sagemaker:AddTags", job));
    CHECK(fixture.knows_tags("iam:TagRole", role));
    CHECK(fixture.knows_tags("iam:GetRole", role));
    CHECK(fixture.knows_tags("sagemaker:StopTrainingJob", job));
}

TEST_CASE("what this server's own actions work on has no keys, and must be there") {
    const DescriberFixture fixture;
    CHECK_FALSE(fixture.knows_tags("trainwarden:InterruptTrainingJob", job));
    CHECK_FALSE(fixture.knows_tags("Trainwarden:ExplainAccess", role));
    CHECK(fixture.ask("trainwarden:InterruptTrainingJob", "arn:aws:sagemaker:us-east-1:111122223333:training-job/nosuch")
              .error()
              .code == "NoSuchResource");
}

TEST_CASE("a question about what is not there is told so, unless it may come; one about another kind, too") {
    const DescriberFixture fixture;
    const auto absent = fixture.ask("iam:GetRole", "arn:aws:iam::111122223333:role/nosuch");
    REQUIRE(!absent);
    CHECK(absent.error().code == "NoSuchResource");
    CHECK(absent.error().message == "there is none");
    CHECK(fixture.ask("iam:GetRole", "arn:aws:iam::111122223333:role/later"));
    CHECK(fixture.ask("iam:GetRole", "arn:aws:iam::111122223333:role/other").error().code == "NoSuchResource");
    CHECK(fixture.ask("sqs:SendMessage", "arn:aws:sqs:us-east-1:111122223333:q").error().code == "NoSuchResource");
    CHECK(fixture.ask("iam:GetRole", "arn:aws:iam::111122223333:role/broken").error().code == "StoreUnavailable");
}

TEST_CASE("an action without a resource needs nothing described") {
    const DescriberFixture fixture;
    const auto list = fixture.ask("s3:ListAllMyBuckets", "*");
    REQUIRE(list);
    CHECK(list->resource == "*");
    CHECK(list->resource_account.empty());
}

TEST_CASE("a resource is served by its region where that is served, and else where it is asked for") {
    const DescriberFixture fixture;
    CHECK(fixture.ask("sagemaker:StopTrainingJob", job)->region == "us-east-1");
    CHECK(fixture.ask("sagemaker:StopTrainingJob", "arn:aws:sagemaker:eu-west-9:111122223333:training-job/j")->region.empty());
    CHECK(fixture.ask("sagemaker:StopTrainingJob", job)->resource_account == account);
}

namespace {

// All pages of this size.
std::vector<std::string> listed(const gate::Describer& describer, std::string_view pattern, size_t most) {
    std::vector<std::string> all;
    std::string after;
    for (int pages = 0; pages < 100; ++pages) {
        auto page = describer.each_resource({.pattern = pattern, .account = account, .after = after, .most = most});
        REQUIRE(page);
        CHECK(page->arns.size() <= most);
        for (auto& arn : page->arns) all.push_back(std::move(arn));
        if (page->next.empty()) return all;
        after = page->next;
    }
    FAIL("the pages do not end");
    return all;
}

}  // namespace

TEST_CASE("resources come page by page, in order, each once, whatever the pages' size") {
    gate::Describer describer;
    describer.add("sagemaker", std::make_unique<Tagged>(std::vector<std::string>{"arn:aws:sagemaker:r:1:training-job/b",
                                                                                 "arn:aws:sagemaker:r:1:training-job/a"}));
    describer.add("iam", std::make_unique<Tagged>(std::vector<std::string>{"arn:aws:iam::1:user/b", "arn:aws:iam::1:role/a",
                                                                           "arn:aws:iam::1:user/a"}));
    describer.add("logs", std::make_unique<Tagged>());
    const std::vector<std::string> all{"arn:aws:iam::1:role/a", "arn:aws:iam::1:user/a", "arn:aws:iam::1:user/b",
                                       "arn:aws:sagemaker:r:1:training-job/a", "arn:aws:sagemaker:r:1:training-job/b"};
    for (const size_t most : {1u, 2u, 3u, 4u, 5u, 1000u}) CHECK(listed(describer, "*", most) == all);
    CHECK(listed(describer, "arn:aws:iam::*:user/?", 1) == std::vector<std::string>{all[1], all[2]});
    CHECK(listed(describer, "arn:aws:iam::1:user/a", 1) == std::vector<std::string>{all[1]});
    CHECK(listed(describer, "arn:aws:iam::1:user/none", 1).empty());
}

TEST_CASE("a page holds as much as pages may hold, however much is there or asked for") {
    std::vector<std::string> arns;
    for (size_t i = 0; i < 2 * gate::resources_a_page_max + 500; ++i) arns.push_back("arn:aws:iam::1:user/" + std::to_string(i));
    std::vector<std::string> sorted = arns;
    std::ranges::sort(sorted);
    gate::Describer describer;
    describer.add("iam", std::make_unique<Tagged>(std::move(arns)));
    const auto page = describer.each_resource({.pattern = "*", .account = account, .most = 1'000'000});
    REQUIRE(page);
    CHECK(page->arns.size() == gate::resources_a_page_max);
    CHECK(page->next == page->arns.back());
    CHECK(std::ranges::equal(page->arns, std::span(sorted).first(gate::resources_a_page_max)));
    CHECK(listed(describer, "*", 700) == sorted);
}

TEST_CASE("the describer's version moves with every service's") {
    gate::Describer describer;
    auto iam = std::make_unique<Tagged>(), logs = std::make_unique<Tagged>();
    Tagged &first = *iam, &second = *logs;
    describer.add("iam", std::move(iam));
    describer.add("logs", std::move(logs));
    const auto before = describer.version();
    ++first.versions;
    const auto between = describer.version();
    ++second.versions;
    CHECK(before != between);
    CHECK(between != describer.version());
    CHECK(before != describer.version());
}
