#include <doctest/doctest.h>

#include <thread>

#include "metrics/counter.hpp"
#include "metrics/disk.hpp"
#include "metrics/page.hpp"

using namespace std::chrono_literals;

TEST_CASE("what many threads count is all there") {
    metrics::Counter counter;
    metrics::Histogram histogram;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 16; ++i)
            threads.emplace_back([&] {
                for (int n = 0; n < 10'000; ++n) {
                    counter.add();
                    histogram.add(1ms);
                }
            });
    }
    CHECK(counter.value() == 160'000);
    CHECK(histogram.value().count() == 160'000);
    CHECK(histogram.value().nanoseconds == 160'000ull * 1'000'000);
}

TEST_CASE("a duration is in the first bucket whose bound it does not pass") {
    metrics::Histogram histogram;
    const auto bucket_of = [&](std::chrono::nanoseconds took) {
        const auto before = histogram.value();
        histogram.add(took);
        const auto after = histogram.value();
        size_t found = metrics::duration_buckets;
        for (size_t i = 0; i < metrics::duration_buckets; ++i)
            if (after.counts[i] == before.counts[i] + 1) found = i;
        return found;
    };
    CHECK(bucket_of(0ns) == 0);
    CHECK(bucket_of(-5ns) == 0);  // no clock that is asked twice says so, but a sum must not wrap around
    CHECK(bucket_of(100us) == 0);
    CHECK(bucket_of(100us + 1ns) == 1);
    CHECK(bucket_of(60s) == metrics::duration_bounds.size() - 1);
    CHECK(bucket_of(61s) == metrics::duration_bounds.size());
    CHECK(histogram.value().nanoseconds == static_cast<uint64_t>(std::chrono::nanoseconds(121s + 200us + 1ns).count()));
}

TEST_CASE("a wait for a disk is counted where it was") {
    const auto before = metrics::disk_waits(metrics::Written::audit).value().count();
    const auto others = metrics::disk_waits(metrics::Written::keys).value().count();
    {
        const metrics::DiskWait waited(metrics::Written::audit);
    }
    CHECK(metrics::disk_waits(metrics::Written::audit).value().count() == before + 1);
    CHECK(metrics::disk_waits(metrics::Written::keys).value().count() == others);
}

TEST_CASE("a page is Prometheus's text: every family, cumulative buckets, values of labels that cannot break a line") {
    constexpr metrics::Family families[] = {{"a_total", metrics::Type::counter, "Counts."},
                                            {"b_seconds", metrics::Type::histogram, "Takes."},
                                            {"c", metrics::Type::gauge, "Is empty."}};
    metrics::Page page(families);
    page.add(0, 3, {{"code", "x\"\n\\y"}});
    metrics::Histogram histogram;
    histogram.add(200us);
    histogram.add(2h);
    page.add(1, histogram.value(), {{"what", "keys"}});
    const std::string text = page.text();
    CHECK(text.find("# HELP a_total Counts.\n# TYPE a_total counter\n") != std::string::npos);
    CHECK(text.find("a_total{code=\"x\\\"\\n\\\\y\"} 3\n") != std::string::npos);
    CHECK(text.find("b_seconds_bucket{what=\"keys\",le=\"0.0001\"} 0\n") != std::string::npos);
    CHECK(text.find("b_seconds_bucket{what=\"keys\",le=\"60\"} 1\n") != std::string::npos);
    CHECK(text.find("b_seconds_bucket{what=\"keys\",le=\"+Inf\"} 2\n") != std::string::npos);
    CHECK(text.find("b_seconds_count{what=\"keys\"} 2\n") != std::string::npos);
    CHECK(text.find("# TYPE c gauge\n") != std::string::npos);
}
