#include "services/monitoring/input.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/error_codes.hpp"
#include "model/scalar.hpp"
#include "model/words.hpp"

namespace services::monitoring {
namespace {

constexpr size_t values_max = 150;  // of one MetricDatum
constexpr auto past_max = std::chrono::days(14);
constexpr auto future_max = std::chrono::hours(2);

std::optional<double> percent_of(const std::string& name) {
    if (name.size() < 2 || name[0] != 'p') return std::nullopt;
    double percent = 0;
    auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), percent);
    if (error != std::errc() || end != name.data() + name.size() || !(percent >= 0 && percent <= 100)) return std::nullopt;
    return percent;
}

// "Values must be in the range of -2^360 to 2^360"; NaN and infinities are rejected.
base::Result<double> number_of(double number, const std::string& path) {
    if (std::isfinite(number) && std::abs(number) <= std::ldexp(1.0, 360)) return number;
    return invalid_value("The value " + model::number_text(number) + " for parameter " + path + " is invalid.");
}

base::Result<void> read_values(const m::MetricDatum& in, const std::string& path, cloudwatch::Datum& datum) {
    const auto values = model::items(in.values);
    const auto counts = model::items(in.counts);
    if (values.size() > values_max)
        return invalid_value("The parameter " + path + ".Values must have at most " + std::to_string(values_max) + " values.");
    if (!counts.empty() && counts.size() != values.size())
        return invalid_value("The parameters " + path + ".Values and " + path + ".Counts must be of the same size.");
    for (size_t i = 0; i < values.size(); ++i) {
        std::string at = ".member." + std::to_string(i + 1);
        double value = TRY(number_of(values[i], path + ".Values" + at));
        double count = counts.empty() ? 1 : TRY(number_of(counts[i], path + ".Counts" + at));
        if (count <= 0) return invalid_value("The value for parameter " + path + ".Counts" + at + " must be greater than 0.");
        datum.values.emplace_back(value, count);
    }
    datum.summarize();
    return {};
}

base::Result<void> read_statistics(const m::StatisticSet& in, const std::string& path, cloudwatch::Datum& datum) {
    datum.count = TRY(number_of(in.sample_count, path + ".SampleCount"));
    datum.sum = TRY(number_of(in.sum, path + ".Sum"));
    datum.minimum = TRY(number_of(in.minimum, path + ".Minimum"));
    datum.maximum = TRY(number_of(in.maximum, path + ".Maximum"));
    if (datum.count <= 0) return invalid_value("The parameter " + path + ".SampleCount must be greater than 0.");
    if (datum.minimum > datum.maximum) return invalid_value("The parameter " + path + ".Maximum must not be less than Minimum.");
    return {};
}

}  // namespace

std::unexpected<base::Error> invalid_value(std::string message) {
    return base::fail(base::code::InvalidParameterValue, std::move(message));
}

std::unexpected<base::Error> invalid_combination(std::string message) {
    return base::fail(base::code::InvalidParameterCombination, std::move(message));
}

cloudwatch::Dimensions dimensions_of(const std::optional<std::vector<m::Dimension>>& list) {
    cloudwatch::Dimensions out;
    for (const auto& item : model::items(list)) out.emplace_back(item.name, item.value);
    return out;
}

base::Result<cloudwatch::Datum> datum_of(const m::MetricDatum& in, const std::string& path, base::Time now) {
    cloudwatch::Datum datum;
    datum.time = now;
    if (in.timestamp) {
        if (*in.timestamp < now - past_max)
            return invalid_value("The parameter " + path + ".Timestamp must specify a time no more than two weeks in the past.");
        if (*in.timestamp > now + future_max)
            return invalid_value("The parameter " + path +
                                 ".Timestamp must specify a time no more than two hours in the future.");
        datum.time = *in.timestamp;
    }
    datum.unit = model::word_of(in.unit.value_or(m::StandardUnit::none));
    const int32_t resolution = in.storage_resolution.value_or(60);
    if (resolution != 1 && resolution != 60)
        return invalid_value("The parameter " + path + ".StorageResolution must be 1 or 60.");
    const int given = in.value.has_value() + in.statistic_values.has_value() + in.values.has_value();
    if (given == 0) {
        return base::fail(base::code::MissingParameter, "At least one of the parameters " + path + ".Value, " + path +
                                                            ".Values and " + path + ".StatisticValues must be specified.");
    }
    if (given > 1) {
        return invalid_combination("The parameters " + path + ".Value, " + path + ".Values and " + path +
                                   ".StatisticValues are mutually exclusive and you have specified more than one.");
    }
    if (in.value) {
        datum.values = {{TRY(number_of(*in.value, path + ".Value")), 1}};
        datum.summarize();
    } else if (in.values) {
        TRY(read_values(in, path, datum));
        if (datum.values.empty()) return invalid_value("The parameter " + path + ".Values must not be empty.");
    } else {
        TRY(read_statistics(*in.statistic_values, path + ".StatisticValues", datum));
    }
    return datum;
}

base::Result<Range> range_of(base::Time start, base::Time end, int64_t period, const std::string& code) {
    if (start == end) return base::fail(code, "The parameter StartTime must not equal parameter EndTime.");
    if (start > end) return base::fail(code, "The parameter StartTime must be less than the parameter EndTime.");
    constexpr int64_t short_periods[] = {1, 5, 10, 20, 30};
    bool is_short = std::find(std::begin(short_periods), std::end(short_periods), period) != std::end(short_periods);
    if (period <= 0 || (!is_short && period % 60 != 0))
        return base::fail(code, "The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.");
    Range range{start, end, std::chrono::seconds(period)};
    range.datapoints = (range.end - range.start + range.period - std::chrono::milliseconds(1)) / range.period;
    auto step = std::chrono::milliseconds(std::chrono::seconds(is_short ? period : 60));
    range.start -= range.start.time_since_epoch() % step;
    return range;
}

// As observed of AWS, which does not document it.
size_t unit_rank(std::string_view unit) {
    constexpr auto order = std::to_array<std::string_view>({"Megabits",
                                                            "Terabits",
                                                            "Gigabits",
                                                            "Count",
                                                            "Bytes",
                                                            "Gigabytes",
                                                            "Gigabytes/Second",
                                                            "Kilobytes",
                                                            "Kilobits/Second",
                                                            "Terabytes",
                                                            "Terabits/Second",
                                                            "Bytes/Second",
                                                            "Percent",
                                                            "Megabytes",
                                                            "Megabits/Second",
                                                            "Milliseconds",
                                                            "Microseconds",
                                                            "Kilobytes/Second",
                                                            "Gigabits/Second",
                                                            "Megabytes/Second",
                                                            "Bits",
                                                            "Bits/Second",
                                                            "Count/Second",
                                                            "Seconds",
                                                            "Kilobits",
                                                            "Terabytes/Second",
                                                            "None"});
    return static_cast<size_t>(std::ranges::find(order, unit) - order.begin());
}

base::Result<void> check_statistic(const std::string& name, const std::string& parameter) {
    for (const char* known : {"Average", "Sum", "Minimum", "Maximum", "SampleCount"}) {
        if (name == known) return {};
    }
    if (percent_of(name)) return {};
    return invalid_value("The value " + name + " for parameter " + parameter + " is not supported.");
}

base::Result<std::optional<double>> statistic_of(const cloudwatch::Summary& summary, const std::string& name) {
    if (name == "Average") return summary.average();
    if (name == "Sum") return summary.sum;
    if (name == "Minimum") return summary.minimum;
    if (name == "Maximum") return summary.maximum;
    if (name == "SampleCount") return summary.count;
    TRY(check_statistic(name, "Stat"));
    return summary.percentile(*percent_of(name));
}

}  // namespace services::monitoring
