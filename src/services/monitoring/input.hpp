// The inputs of CloudWatch's operations, with the constraints that its service model does not state.
//
// Sources: CloudWatch API Reference (PutMetricData, MetricDatum, GetMetricStatistics, GetMetricData).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "cloudwatch/store.hpp"
#include "model/monitoring/operations.hpp"

namespace services::monitoring {

namespace m = model::monitoring;

[[nodiscard]] std::unexpected<base::Error> invalid_value(std::string message);        // InvalidParameterValue
[[nodiscard]] std::unexpected<base::Error> invalid_combination(std::string message);  // InvalidParameterCombination

[[nodiscard]] cloudwatch::Dimensions dimensions_of(const std::optional<std::vector<m::Dimension>>& list);

// One MetricDatum; `path` names it in messages: MetricData.member.1
[[nodiscard]] base::Result<cloudwatch::Datum> datum_of(const m::MetricDatum& in, const std::string& path, base::Time now);

// The time range and period of a question. The start is rounded down as AWS does: to whole minutes, or to a shorter period.
struct Range {
    base::Time start, end;
    std::chrono::seconds period;
    int64_t datapoints = 0;  // at most, of the time that was asked for: what the rounding adds does not count
};
// Errors with the code that the operation has for them: GetMetricStatistics `InvalidParameterValue`, GetMetricData
// `ValidationError`.
[[nodiscard]] base::Result<Range> range_of(base::Time start, base::Time end, int64_t period, const std::string& code);

// A statistic of a summary: Average, Sum, Minimum, Maximum, SampleCount, p99.9. Error `InvalidParameterValue`: none of these.
[[nodiscard]] base::Result<std::optional<double>> statistic_of(const cloudwatch::Summary& summary, const std::string& name);
// Of several units of one metric, where the question names none: GetMetricData answers with the one that is first here.
[[nodiscard]] size_t unit_rank(std::string_view unit);
[[nodiscard]] base::Result<void> check_statistic(const std::string& name, const std::string& parameter);

}  // namespace services::monitoring
