#include "metrics/store.hpp"

#include <doctest/doctest.h>

namespace metrics {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

struct World {
    std::unique_ptr<store::Keys> keys = store::make_memory_keys();
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
    World world;
    auto metric = World::metric("loss");
    for (int i = 0; i < 4; ++i) world.put(metric, Datum::of(world.zero + seconds(30 * i), i));
    auto found = world.store.summaries(metric, world.zero, world.zero + seconds(90), minutes(1), std::nullopt);
    REQUIRE(found.has_value());
    REQUIRE(found->size() == 2);
    CHECK((*found)[0].start == world.zero);
    CHECK((*found)[0].count == 2);
    CHECK((*found)[0].average() == 0.5);
    CHECK((*found)[1].start == world.zero + minutes(1));
    CHECK((*found)[1].sum == 2);  // the datum at 90 seconds is past the end
}

TEST_CASE("dimensions are a set, and units stay apart") {
    World world;
    world.put(World::metric("m", {{"a", "1"}, {"b", "2"}}), Datum::of(world.zero, 1, "Bytes"));
    world.put(World::metric("m", {{"b", "2"}, {"a", "1"}}), Datum::of(world.zero, 3, "Seconds"));
    world.put(World::metric("m", {{"a", "1"}}), Datum::of(world.zero, 100));
    auto both = World::metric("m", {{"b", "2"}, {"a", "1"}});
    auto found = world.store.summaries(both, world.zero, world.zero + minutes(1), minutes(1), std::nullopt);
    REQUIRE(found->size() == 2);
    CHECK((*found)[0].unit == "Bytes");
    CHECK((*found)[1].sum == 3);
    CHECK(world.store.summaries(both, world.zero, world.zero + minutes(1), minutes(1), "Bytes")->size() == 1);

    auto names = [&](const Filter& filter) { return world.store.list("111122223333", "us-east-1", filter)->size(); };
    CHECK(names({}) == 2);
    CHECK(names({.dimensions = {{"b", std::nullopt}}}) == 1);
    CHECK(names({.dimensions = {{"a", "1"}}}) == 2);
    CHECK(names({.dimensions = {{"a", "2"}}}) == 0);
    CHECK(names({.space = "other"}) == 0);
    CHECK(names({.active_since = world.zero + seconds(1)}) == 0);
    CHECK(world.store.list("111122223333", "eu-west-1", {})->empty());
}

TEST_CASE("percentiles, while the values are known") {
    World world;
    auto metric = World::metric("latency");
    Datum many;
    many.time = world.zero;
    many.values = {{30, 1}, {10, 8}, {20, 1}};
    many.summarize();
    world.put(metric, many);
    auto summary = world.store.summaries(metric, world.zero, world.zero + minutes(1), minutes(1), std::nullopt)->front();
    CHECK(summary.count == 10);
    CHECK(summary.sum == 130);
    CHECK(summary.minimum == 10);
    CHECK(summary.maximum == 30);
    CHECK(summary.percentile(50) == 10);
    CHECK(summary.percentile(90) == 20);
    CHECK(summary.percentile(99.9) == 30);
    Datum statistics;
    statistics.time = world.zero + seconds(1);
    statistics.count = 2;
    statistics.sum = 3;
    statistics.minimum = 1;
    statistics.maximum = 2;
    world.put(metric, statistics);
    summary = world.store.summaries(metric, world.zero, world.zero + minutes(1), minutes(1), std::nullopt)->front();
    CHECK(summary.count == 12);
    CHECK(summary.minimum == 1);
    CHECK_FALSE(summary.percentile(50).has_value());
}

}  // namespace metrics
