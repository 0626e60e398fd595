// Dynamic labels: what `${…}` in a Label of GetMetricData stands for.
//
// Sources: CloudWatch User Guide, "Use dynamic labels"; CloudWatch API Reference, LabelOptions. Not documented, and so this
// server's own: numbers are as short as they can be read back, times are ISO 8601, what there is no value for is `--`.
//
// Served: AVG, DATAPOINT_COUNT, FIRST, FIRST_LAST_RANGE, FIRST_TIME, LABEL, LAST, LAST_TIME, MAX, MAX_TIME, MIN, MIN_MAX_RANGE,
// MIN_TIME, SUM, and PROP of AccountId, Dim.NAME, MetricName, Namespace, Period, Region, Stat. Others stay as they are written.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "cloudwatch/store.hpp"

namespace services::monitoring {

constexpr size_t label_values_max = 6;  // of one label; what comes after stays as it is written

struct LabelledSeries {
    const cloudwatch::Metric& metric;
    std::string statistic;
    int64_t period = 0;
    std::string default_label;
    std::vector<std::pair<base::Time, double>> points;  // of the whole time that is asked for, oldest first
    std::chrono::minutes zone{0};                       // ahead of UTC
};
[[nodiscard]] std::string expanded_label(std::string_view label, const LabelledSeries& series);

// LabelOptions.Timezone: `+0130`; empty is UTC. Error `ValidationError`.
[[nodiscard]] base::Result<std::chrono::minutes> label_zone(std::string_view text);

}  // namespace services::monitoring
