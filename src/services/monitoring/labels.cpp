#include "services/monitoring/labels.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>

#include "base/error_codes.hpp"
#include "text/time.hpp"

namespace services::monitoring {
namespace {

using Point = std::pair<base::Time, double>;

constexpr size_t expression_bytes_max = 300;  // `${PROP('Dim.…')}` with the longest name of a dimension

std::string text_of(double value) {
    char buffer[32];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
    return {buffer, end};
}

std::string two_digits(int64_t number) { return (number < 10 ? "0" : "") + std::to_string(number); }

std::string text_of(base::Time time, std::chrono::minutes zone) {
    std::string out = text::iso8601(time + zone);
    if (zone == std::chrono::minutes(0)) return out;
    out.pop_back();  // Z
    const auto minutes = std::abs(zone.count());
    return out + (zone.count() < 0 ? "-" : "+") + two_digits(minutes / 60) + ":" + two_digits(minutes % 60);
}

std::optional<std::string> property(std::string_view name, const LabelledSeries& series) {
    const cloudwatch::Metric& metric = series.metric;
    if (name == "AccountId") return metric.account;
    if (name == "MetricName") return metric.name;
    if (name == "Namespace") return metric.space;
    if (name == "Period") return std::to_string(series.period);
    if (name == "Region") return metric.region;
    if (name == "Stat") return series.statistic;
    constexpr std::string_view dimension = "Dim.";
    if (!name.starts_with(dimension)) return std::nullopt;
    for (const auto& [key, value] : metric.dimensions)
        if (key == name.substr(dimension.size())) return value;
    return std::nullopt;
}

std::optional<std::string> of_values(std::string_view name, const LabelledSeries& series) {
    constexpr auto by_value = [](const Point& a, const Point& b) { return a.second < b.second; };
    const auto& points = series.points;
    const bool time = name == "FIRST_TIME" || name == "LAST_TIME" || name == "MIN_TIME" || name == "MAX_TIME";
    const bool value = name == "AVG" || name == "SUM" || name == "MIN" || name == "MAX" || name == "FIRST" || name == "LAST" ||
                       name == "MIN_MAX_RANGE" || name == "FIRST_LAST_RANGE";
    if (!time && !value) return std::nullopt;
    if (points.empty()) return "--";
    const Point& least = *std::ranges::min_element(points, by_value);
    const Point& most = *std::ranges::max_element(points, by_value);
    const Point& first = points.front();
    const Point& last = points.back();
    if (time) {
        const Point& at = name == "FIRST_TIME" ? first : name == "LAST_TIME" ? last : name == "MIN_TIME" ? least : most;
        return text_of(at.first, series.zone);
    }
    if (name == "MIN") return text_of(least.second);
    if (name == "MAX") return text_of(most.second);
    if (name == "FIRST") return text_of(first.second);
    if (name == "LAST") return text_of(last.second);
    if (name == "MIN_MAX_RANGE") return text_of(most.second - least.second);
    if (name == "FIRST_LAST_RANGE") return text_of(std::abs(last.second - first.second));
    double sum = 0;
    for (const Point& point : points) sum += point.second;
    return text_of(name == "SUM" ? sum : sum / static_cast<double>(points.size()));
}

std::optional<std::string> dynamic_value(std::string_view name, const LabelledSeries& series) {
    if (name == "LABEL") return series.default_label;
    if (name == "DATAPOINT_COUNT") return std::to_string(series.points.size());
    constexpr std::string_view before = "PROP('", after = "')";
    if (name.size() > before.size() + after.size() && name.starts_with(before) && name.ends_with(after))
        return property(name.substr(before.size(), name.size() - before.size() - after.size()), series);
    return of_values(name, series);
}

}  // namespace

std::string expanded_label(std::string_view label, const LabelledSeries& series) {
    std::string out;
    for (size_t used = 0; used < label_values_max;) {
        const size_t open = label.find("${");
        if (open == std::string_view::npos) break;
        out += label.substr(0, open);
        const std::string_view expression = label.substr(open, expression_bytes_max);
        const size_t close = expression.find('}');
        const auto value =
            close == std::string_view::npos ? std::nullopt : dynamic_value(expression.substr(2, close - 2), series);
        if (value) {
            out += *value;
            ++used;
            label.remove_prefix(open + close + 1);
        } else {
            out += "${";
            label.remove_prefix(open + 2);
        }
    }
    return out.append(label);
}

base::Result<std::chrono::minutes> label_zone(std::string_view text) {
    if (text.empty()) return std::chrono::minutes(0);
    const bool digits = text.size() == 5 && std::ranges::all_of(text.substr(1), [](char c) { return c >= '0' && c <= '9'; });
    if (!digits || (text[0] != '+' && text[0] != '-') || text[3] > '5')
        return base::fail(base::code::ValidationError,
                          "The parameter LabelOptions.Timezone must be + or - followed by four digits, as in +0130.");
    const auto two = [&](size_t at) { return (text[at] - '0') * 10 + (text[at + 1] - '0'); };
    const auto ahead = std::chrono::hours(two(1)) + std::chrono::minutes(two(3));
    return text[0] == '+' ? ahead : -ahead;
}

}  // namespace services::monitoring
