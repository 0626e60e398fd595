// Which log groups and streams there are, and when that changes.
#include "services/logs/resources.hpp"

#include <doctest/doctest.h>

#include <utility>

#include "gate/gate.hpp"
#include "temporary_folder.hpp"

namespace {

constexpr const char* account = "111122223333";
using Arns = std::vector<std::string>;

struct LogsResourcesFixture {
    LogsResourcesFixture() {
        store = std::move(logs::Store::open({keys.get(), &clock, &random, folder.path}).value());
        for (const char* group : {"/g/red", "/g/blue"}) REQUIRE(store->create_group(here, group));
        REQUIRE(store->create_group(there, "/g/red"));
        REQUIRE(store->create_group({"999988887777", "us-east-1"}, "/g/others"));
        for (const char* stream : {"s", "t/1"}) REQUIRE(store->create_stream(here, "/g/red", stream));
        describer.serve({"us-east-1", "eu-west-1"});
        describer.add("logs", std::make_unique<services::logs::Resources>(*store));
    }
    [[nodiscard]] gate::ResourcePage page(std::string_view pattern, std::string_view after = {}, size_t most = 1000) const {
        return describer.each_resource({.pattern = pattern, .account = account, .after = after, .most = most}).value();
    }

    TemporaryFolder folder;
    base::ManualClock clock{base::Time(std::chrono::milliseconds(1'790'000'000'000))};
    crypto::SystemRandom random;
    std::unique_ptr<store::KeyValueStore> keys = store::make_memory_store();
    std::unique_ptr<logs::Store> store;
    logs::Owner here{account, "us-east-1"}, there{account, "eu-west-1"};
    gate::Describer describer;
};

}  // namespace

TEST_CASE("groups of every region are what is there, and streams where the pattern names their group") {
    const LogsResourcesFixture fixture;
    const std::string prefix = "arn:aws:logs:us-east-1:111122223333:log-group:";
    CHECK(fixture.page("*").arns ==
          Arns{"arn:aws:logs:eu-west-1:111122223333:log-group:/g/red", prefix + "/g/blue", prefix + "/g/red"});
    CHECK(fixture.page("arn:aws:logs:us-east-1:*:log-group:/g/r*").arns == Arns{prefix + "/g/red"});
    CHECK(fixture.page(prefix + "/g/red:log-stream:*").arns ==
          Arns{prefix + "/g/red:log-stream:s", prefix + "/g/red:log-stream:t/1"});
    CHECK(fixture.page(prefix + "/g/red:log-stream:t/?").arns == Arns{prefix + "/g/red:log-stream:t/1"});
    CHECK(fixture.page(prefix + "/g/none:log-stream:*").arns.empty());
    CHECK(fixture.page("arn:aws:logs:us-east-1:999988887777:log-group:/g/others:log-stream:*").arns.empty());
    const auto first = fixture.page("*", "", 2);
    CHECK(first.next == prefix + "/g/blue");
    CHECK(fixture.page("*", first.next, 2).arns == Arns{prefix + "/g/red"});
    for (const auto& arn : fixture.page(prefix + "/g/red:log-stream:*").arns)
        CHECK(fixture.describer.describe(arn, "logs:GetLogEvents", account)->existence == gate::Existence::there);
}

TEST_CASE("every group and stream that comes or goes moves the version; a look and an event do not") {
    LogsResourcesFixture fixture;
    uint64_t last = fixture.describer.version();
    const auto moved = [&] {
        const uint64_t now = fixture.describer.version();
        return std::exchange(last, now) != now;
    };
    (void)fixture.page("*");
    REQUIRE(fixture.store->put(fixture.here, "/g/red", "s", {{1, 2, "m", 0}}));
    CHECK_FALSE(moved());
    REQUIRE(fixture.store->create_group(fixture.here, "/g/new"));
    CHECK(moved());
    REQUIRE(fixture.store->create_stream(fixture.here, "/g/new", "s"));
    CHECK(moved());
    REQUIRE(fixture.store->delete_stream(fixture.here, "/g/new", "s"));
    CHECK(moved());
    REQUIRE(fixture.store->delete_group(fixture.here, "/g/new"));
    CHECK(moved());
}
