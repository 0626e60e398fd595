// What CloudWatch's inputs must be beyond their model.
#include "services/monitoring/input.hpp"

#include <doctest/doctest.h>

#include <cmath>

namespace {

namespace m = model::monitoring;
using namespace services::monitoring;

const base::Time now(std::chrono::seconds(1'700'000'000));

std::string refusal(const m::MetricDatum& datum) {
    const auto read = datum_of(datum, "D.1", now);
    return read ? "" : read.error().code + ": " + read.error().message;
}

std::string refusal(base::Time start, base::Time end, int64_t period) {
    const auto range = range_of(start, end, period, "Code");
    return range ? "" : range.error().code + ": " + range.error().message;
}

}  // namespace

TEST_CASE("a datum is a value, values with counts, or a summary") {
    auto one = datum_of({.value = 2.5}, "D", now);
    REQUIRE(one.has_value());
    CHECK(one->time == now);
    CHECK(one->unit == "None");
    CHECK((one->count == 1 && one->sum == 2.5 && one->minimum == 2.5 && one->maximum == 2.5));
    auto many = datum_of({.timestamp = now - std::chrono::hours(1),
                          .values = std::vector<double>{1, 4},
                          .counts = std::vector<double>{3, 1},
                          .unit = m::StandardUnit::bytes_second},
                         "D", now);
    REQUIRE(many.has_value());
    CHECK(many->time == now - std::chrono::hours(1));
    CHECK(many->unit == "Bytes/Second");
    CHECK((many->count == 4 && many->sum == 7 && many->minimum == 1 && many->maximum == 4));
    auto summary = datum_of({.statistic_values = m::StatisticSet{2, 20, 8, 12}}, "D", now);
    REQUIRE(summary.has_value());
    CHECK(summary->values.empty());
    CHECK((summary->count == 2 && summary->sum == 20 && summary->minimum == 8 && summary->maximum == 12));
}

TEST_CASE("a datum's errors name its place") {
    CHECK(refusal({}).starts_with("MissingParameter: At least one of the parameters D.1.Value"));
    CHECK(refusal({.value = 1, .values = std::vector<double>{1}})
              .starts_with("InvalidParameterCombination: The parameters D.1.Value"));
    CHECK(refusal({.values = std::vector<double>{}}) == "InvalidParameterValue: The parameter D.1.Values must not be empty.");
    CHECK(refusal({.values = std::vector<double>(151)}) ==
          "InvalidParameterValue: The parameter D.1.Values must have at most 150 values.");
    CHECK(refusal({.values = std::vector<double>{1, 2}, .counts = std::vector<double>{1}}) ==
          "InvalidParameterValue: The parameters D.1.Values and D.1.Counts must be of the same size.");
    CHECK(refusal({.values = std::vector<double>{1}, .counts = std::vector<double>{0}}) ==
          "InvalidParameterValue: The value for parameter D.1.Counts.member.1 must be greater than 0.");
    CHECK(refusal({.value = std::ldexp(1.0, 361)}).starts_with("InvalidParameterValue: The value "));
    CHECK(refusal({.value = NAN}) == "InvalidParameterValue: The value nan for parameter D.1.Value is invalid.");
    CHECK(refusal({.value = std::ldexp(1.0, 360)}) == "");
    CHECK(refusal({.statistic_values = m::StatisticSet{0, 1, 1, 1}}) ==
          "InvalidParameterValue: The parameter D.1.StatisticValues.SampleCount must be greater than 0.");
    CHECK(refusal({.statistic_values = m::StatisticSet{1, 1, 2, 1}}) ==
          "InvalidParameterValue: The parameter D.1.StatisticValues.Maximum must not be less than Minimum.");
    CHECK(refusal({.value = 1, .storage_resolution = 30}) ==
          "InvalidParameterValue: The parameter D.1.StorageResolution must be 1 or 60.");
    CHECK(refusal({.timestamp = now - std::chrono::days(14), .value = 1}) == "");
    CHECK(
        refusal({.timestamp = now - std::chrono::days(14) - std::chrono::seconds(1), .value = 1}).find("two weeks in the past") !=
        std::string::npos);
    CHECK(refusal({.timestamp = now + std::chrono::hours(2) + std::chrono::seconds(1), .value = 1})
              .find("two hours in the future") != std::string::npos);
}

TEST_CASE("ranges: rounded down to what the period counts in, and no data points for what rounding adds") {
    const auto range = range_of(now + std::chrono::seconds(59), now + std::chrono::seconds(179), 60, "Code");
    REQUIRE(range.has_value());
    CHECK(range->start.time_since_epoch() % std::chrono::minutes(1) == std::chrono::milliseconds(0));
    CHECK(range->start <= now + std::chrono::seconds(59));
    CHECK(range->datapoints == 2);
    CHECK(range_of(now, now + std::chrono::seconds(61), 60, "Code")->datapoints == 2);
    const auto fine = range_of(now + std::chrono::milliseconds(12'500), now + std::chrono::seconds(30), 5, "Code");
    CHECK(fine->start.time_since_epoch() % std::chrono::seconds(5) == std::chrono::milliseconds(0));
    CHECK(refusal(now, now, 60) == "Code: The parameter StartTime must not equal parameter EndTime.");
    CHECK(refusal(now + std::chrono::seconds(1), now, 60) ==
          "Code: The parameter StartTime must be less than the parameter EndTime.");
    for (const int64_t period : {-60, 0, 2, 59, 61}) {
        CAPTURE(period);
        CHECK(refusal(now, now + std::chrono::hours(1), period) ==
              "Code: The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.");
    }
    for (const int64_t period : {1, 5, 10, 20, 30, 60, 3600}) CHECK(refusal(now, now + std::chrono::hours(1), period) == "");
}

TEST_CASE("statistics by name") {
    cloudwatch::Summary summary;
    summary.add(datum_of({.values = std::vector<double>{1, 2, 10}}, "D", now).value());
    const auto value = [&](const char* name) { return statistic_of(summary, name).value(); };
    CHECK(value("SampleCount") == 3);
    CHECK(value("Sum") == 13);
    CHECK(value("Minimum") == 1);
    CHECK(value("Maximum") == 10);
    CHECK(value("Average") == doctest::Approx(13.0 / 3));
    CHECK(value("p50") == 2);
    CHECK(value("p100") == 10);
    for (const char* name : {"", "p", "p101", "p-1", "pp", "p5x", "average", "tm99"}) {
        CAPTURE(name);
        CHECK(check_statistic(name, "Stat").error().message ==
              "The value " + std::string(name) + " for parameter Stat is not supported.");
        CHECK_FALSE(statistic_of(summary, name).has_value());
    }
    // Of a summary nobody knows the values.
    summary.add(datum_of({.statistic_values = m::StatisticSet{2, 3, 1, 2}}, "D", now).value());
    CHECK(statistic_of(summary, "p50").value() == std::nullopt);
    CHECK(unit_rank("Megabits") < unit_rank("None"));
    CHECK(unit_rank("Bytes") < unit_rank("Seconds"));
    CHECK(unit_rank("None") < unit_rank("of no such unit"));
}
