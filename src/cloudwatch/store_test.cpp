#include "cloudwatch/store.hpp"

#include <doctest/doctest.h>

namespace cloudwatch {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

struct CloudWatchFixture {
    std::unique_ptr<store::KeyValueStore> keys = store::make_memory_store();
    crypto::SystemRandom random;
    Store store{*keys, random};
    base::Time zero{milliseconds(1'700'000'000'000 / 60'000 * 60'000)};

    static Metric metric(const std::string& name, Dimensions dimensions = {}) {
        return {"111122223333", "us-east-1", "space", name, std::move(dimensions)};
    }
    void put(const Metric& metric, Datum datum) { REQUIRE(store.put({{metric, std::move(datum)}}).has_value()); }
};

}  // namespace

TEST_CASE("periods begin at the start, hold their beginning and not their end") {
    CloudWatchFixture fixture;
    auto metric = CloudWatchFixture::metric("loss");
    for (int i = 0; i < 4; ++i) fixture.put(metric, Datum::of(fixture.zero + seconds(30 * i), i));
    auto found = fixture.store.summaries(metric, fixture.zero, fixture.zero + seconds(90), minutes(1), std::nullopt);
    REQUIRE(found.has_value());
    REQUIRE(found->size() == 2);
    CHECK((*found)[0].start == fixture.zero);
    CHECK((*found)[0].count == 2);
    CHECK((*found)[0].average() == 0.5);
    CHECK((*found)[1].start == fixture.zero + minutes(1));
    CHECK((*found)[1].sum == 2);  // the datum at 90 seconds is past the end
}

TEST_CASE("dimensions are a set, and units stay apart") {
    CloudWatchFixture fixture;
    fixture.put(CloudWatchFixture::metric("m", {{"a", "1"}, {"b", "2"}}), Datum::of(fixture.zero, 1, "Bytes"));
    fixture.put(CloudWatchFixture::metric("m", {{"b", "2"}, {"a", "1"}}), Datum::of(fixture.zero, 3, "Seconds"));
    fixture.put(CloudWatchFixture::metric("m", {{"a", "1"}}), Datum::of(fixture.zero, 100));
    auto both = CloudWatchFixture::metric("m", {{"b", "2"}, {"a", "1"}});
    auto found = fixture.store.summaries(both, fixture.zero, fixture.zero + minutes(1), minutes(1), std::nullopt);
    REQUIRE(found->size() == 2);
    CHECK((*found)[0].unit == "Bytes");
    CHECK((*found)[1].sum == 3);
    CHECK(fixture.store.summaries(both, fixture.zero, fixture.zero + minutes(1), minutes(1), "Bytes")->size() == 1);

    auto names = [&](const Filter& filter) { return fixture.store.list("111122223333", "us-east-1", filter)->size(); };
    CHECK(names({}) == 2);
    CHECK(names({.dimensions = {{"b", std::nullopt}}}) == 1);
    CHECK(names({.dimensions = {{"a", "1"}}}) == 2);
    CHECK(names({.dimensions = {{"a", "2"}}}) == 0);
    CHECK(names({.space = "other"}) == 0);
    CHECK(names({.active_since = fixture.zero + seconds(1)}) == 0);
    CHECK(fixture.store.list("111122223333", "eu-west-1", {})->empty());
}

TEST_CASE("percentiles, while the values are known") {
    CloudWatchFixture fixture;
    auto metric = CloudWatchFixture::metric("latency");
    Datum many;
    many.time = fixture.zero;
    many.values = {{30, 1}, {10, 8}, {20, 1}};
    many.summarize();
    fixture.put(metric, many);
    auto summary = fixture.store.summaries(metric, fixture.zero, fixture.zero + minutes(1), minutes(1), std::nullopt)->front();
    CHECK(summary.count == 10);
    CHECK(summary.sum == 130);
    CHECK(summary.minimum == 10);
    CHECK(summary.maximum == 30);
    CHECK(summary.percentile(50) == 10);
    CHECK(summary.percentile(90) == 20);
    CHECK(summary.percentile(99.9) == 30);
    Datum statistics;
    statistics.time = fixture.zero + seconds(1);
    statistics.count = 2;
    statistics.sum = 3;
    statistics.minimum = 1;
    statistics.maximum = 2;
    fixture.put(metric, statistics);
    summary = fixture.store.summaries(metric, fixture.zero, fixture.zero + minutes(1), minutes(1), std::nullopt)->front();
    CHECK(summary.count == 12);
    CHECK(summary.minimum == 1);
    CHECK_FALSE(summary.percentile(50).has_value());
}

}  // namespace cloudwatch
