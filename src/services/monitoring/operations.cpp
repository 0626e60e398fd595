// Sources: CloudWatch API Reference (PutMetricData, GetMetricData, GetMetricStatistics, ListMetrics); Service Authorization
// Reference, "Actions, resources, and condition keys for Amazon CloudWatch".
//
// Tokens: ListMetrics and GetMetricData count what was given so far, in an order that does not change.
#include "services/monitoring/operations.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "gate/operation.hpp"
#include "model/words.hpp"
#include "services/monitoring/input.hpp"
#include "services/monitoring/labels.hpp"
#include "text/base64.hpp"

namespace services::monitoring {
namespace {

using base::Result;
using cloudwatch::Metric;
using cloudwatch::Store;
using cloudwatch::Summary;
using gate::operation;
using gate::Permit;

constexpr size_t data_max = 1000;            // of one PutMetricData
constexpr int64_t datapoints_max = 1440;     // of one GetMetricStatistics
constexpr size_t queries_max = 500;          // of one GetMetricData
constexpr size_t datapoints_page = 100'800;  // of one GetMetricData
constexpr size_t metrics_page = 500;         // of one ListMetrics
constexpr auto recently = std::chrono::hours(3);

struct CloudWatch {
    Store& store;
    const base::Clock& clock;
};

Result<size_t> position_of(const std::optional<std::string>& token) {
    if (model::text(token).empty()) return size_t{0};
    auto text = text::decode_base64url(*token);
    size_t position = 0;
    if (text) {
        auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), position);
        if (error == std::errc() && end == text->data() + text->size()) return position;
    }
    return base::fail(base::code::InvalidNextToken, "The next token specified is invalid.");
}

std::string token_of(size_t position) { return text::encode_base64url(std::to_string(position)); }

std::optional<std::string> name_of(const std::optional<m::StandardUnit>& unit) {
    return unit ? std::optional(std::string(model::word_of(*unit))) : std::nullopt;
}

Result<model::Nothing> put_data(CloudWatch& cloudwatch, const Permit& permit, const m::PutMetricDataInput& in) {
    if (in.namespace_.starts_with("AWS/")) return invalid_value("The value AWS/ for parameter Namespace is invalid.");
    std::vector<std::pair<Metric, cloudwatch::Datum>> data;
    auto take = [&](const std::optional<std::vector<m::MetricDatum>>& list, const std::string& path) -> Result<void> {
        size_t number = 0;
        for (const auto& item : model::items(list)) {
            auto datum = TRY(datum_of(item, path + ".member." + std::to_string(++number), cloudwatch.clock.now()));
            Metric metric{permit.account(), permit.region(), in.namespace_, item.metric_name, dimensions_of(item.dimensions)};
            data.emplace_back(std::move(metric), std::move(datum));
        }
        return {};
    };
    TRY(take(in.metric_data, "MetricData"));
    size_t number = 0;
    for (const auto& entity : model::items(in.entity_metric_data))
        TRY(take(entity.metric_data, "EntityMetricData.member." + std::to_string(++number) + ".MetricData"));
    if (data.empty()) return base::fail(base::code::MissingParameter, "The parameter MetricData is required.");
    if (data.size() > data_max)
        return invalid_value("The collection MetricData must not have a size greater than " + std::to_string(data_max) + ".");
    TRY(cloudwatch.store.put(data));
    return {};
}

void set_statistic(m::Datapoint& point, m::Statistic statistic, const Summary& summary) {
    switch (statistic) {
        case m::Statistic::sample_count:
            point.sample_count = summary.count;
            return;
        case m::Statistic::average:
            point.average = summary.average();
            return;
        case m::Statistic::sum:
            point.sum = summary.sum;
            return;
        case m::Statistic::minimum:
            point.minimum = summary.minimum;
            return;
        case m::Statistic::maximum:
            point.maximum = summary.maximum;
            return;
        case m::Statistic::unknown:
            return;  // no request yields it
    }
}

Result<m::GetMetricStatisticsOutput> get_statistics(CloudWatch& cloudwatch, const Permit& permit,
                                                    const m::GetMetricStatisticsInput& in) {
    const auto plain = model::items(in.statistics);
    const auto extended = model::items(in.extended_statistics);
    if (plain.empty() && extended.empty())
        return base::fail(base::code::MissingParameter, "The parameter Statistics or ExtendedStatistics is required.");
    if (!plain.empty() && !extended.empty())
        return invalid_combination("You must specify either Statistics or ExtendedStatistics, but not both.");
    for (const auto& name : extended) TRY(check_statistic(name, "ExtendedStatistics"));
    const Range range = TRY(range_of(in.start_time, in.end_time, in.period, "InvalidParameterValue"));
    if (range.datapoints > datapoints_max) {
        return invalid_combination(
            "You have requested up to " + std::to_string(range.datapoints) + " datapoints, which exceeds the limit of " +
            std::to_string(datapoints_max) +
            ". You may reduce the datapoints requested by increasing Period, or decreasing the time range.");
    }
    const Metric metric{permit.account(), permit.region(), in.namespace_, in.metric_name, dimensions_of(in.dimensions)};
    std::vector<m::Datapoint> datapoints;
    for (const auto& summary : TRY(cloudwatch.store.summaries(metric, range.start, range.end, range.period, name_of(in.unit)))) {
        m::Datapoint point{.timestamp = summary.start, .unit = model::value_of<m::StandardUnit>(summary.unit)};
        for (const auto statistic : plain) set_statistic(point, statistic, summary);
        if (!extended.empty()) {
            std::set<std::string_view> given;
            auto& more = point.extended_statistics.emplace();
            for (const auto& name : extended)
                if (const auto value = TRY(statistic_of(summary, name)); value && given.insert(name).second)
                    more.emplace_back(name, *value);
        }
        datapoints.push_back(std::move(point));
    }
    return m::GetMetricStatisticsOutput{.label = metric.name, .datapoints = std::move(datapoints)};
}

Result<void> check_id(const std::string& id, std::set<std::string_view>& seen, size_t number) {
    bool good = !id.empty() && id[0] >= 'a' && id[0] <= 'z' && std::all_of(id.begin(), id.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
    if (!good) {
        return base::fail(base::code::ValidationError, "The value " + id + " for parameter MetricDataQueries.member." +
                                                           std::to_string(number) +
                                                           ".Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.");
    }
    if (!seen.insert(id).second)
        return base::fail(base::code::ValidationError, "The values for parameter id in MetricDataQueries are not unique.");
    return {};
}

// What a result is called if the question does not say, and `${LABEL}` if it does: its metric, and of its statistic and period
// what tells it from the others. REQUIRES of each query: `metric_stat`.
class Labels {
public:
    explicit Labels(const std::vector<m::MetricDataQuery>& queries) {
        for (const auto& query : queries) {
            statistics_.insert(query.metric_stat->stat);
            periods_.insert(query.metric_stat->period);
        }
    }
    [[nodiscard]] std::string of(const m::MetricStat& stat) const {
        std::string out(model::text(stat.metric.metric_name));
        if (statistics_.size() > 1) out += " " + stat.stat;
        if (periods_.size() > 1) out += " " + std::to_string(stat.period);
        return out;
    }

private:
    std::set<std::string> statistics_;
    std::set<int32_t> periods_;
};

// Data of different units is of different series. A question that names no unit gets one of them, and is told of the others.
std::optional<std::vector<m::MessageData>> keep_one_unit(std::vector<Summary>& summaries) {
    const auto by_rank = [](const std::string& a, const std::string& b) {
        return std::pair(unit_rank(a), a) < std::pair(unit_rank(b), b);
    };
    std::set<std::string, decltype(by_rank)> units(by_rank);
    for (const auto& summary : summaries) units.insert(summary.unit);
    if (units.size() < 2) return std::nullopt;
    std::erase_if(summaries, [&](const Summary& summary) { return summary.unit != *units.begin(); });
    const std::vector<std::string> names(units.begin(), units.end());
    return std::vector<m::MessageData>{{"MultipleUnits", "Multiple units returned: '[" + base::join(names, ", ") + "]'"}};
}

// How far the answer is: data points that pages before have given, and how many this one may still give.
struct Page {
    size_t skip = 0, room = 0;
    bool more = false;
};

Result<m::MetricDataResult> result_of(const CloudWatch& cloudwatch, const Permit& permit, const m::GetMetricDataInput& in,
                                      const m::MetricDataQuery& query, const Labels& labels, bool descending, Page& page) {
    const m::MetricStat& stat = *query.metric_stat;
    const Range range = TRY(range_of(in.start_time, in.end_time, stat.period, "ValidationError"));
    const Metric metric{permit.account(), permit.region(), std::string(model::text(stat.metric.namespace_)),
                        std::string(model::text(stat.metric.metric_name)), dimensions_of(stat.metric.dimensions)};
    auto summaries = TRY(cloudwatch.store.summaries(metric, range.start, range.end, range.period, name_of(stat.unit)));
    auto messages = keep_one_unit(summaries);
    if (descending) std::reverse(summaries.begin(), summaries.end());
    std::vector<base::Time> timestamps;
    std::vector<double> values;
    bool complete = true;
    std::vector<std::pair<base::Time, double>> points;  // of all pages: the label is the same on each
    for (const auto& summary : summaries) {
        const auto value = TRY(statistic_of(summary, stat.stat));
        if (!value) continue;
        points.emplace_back(summary.start, *value);
        if (page.skip > 0) {
            --page.skip;
        } else if (page.room == 0) {
            complete = false;
            page.more = true;
        } else {
            --page.room;
            timestamps.push_back(summary.start);
            values.push_back(*value);
        }
    }
    std::string label = labels.of(stat);
    if (query.label) {
        if (descending) std::ranges::reverse(points);
        const std::string_view zone = in.label_options ? model::text(in.label_options->timezone) : std::string_view();
        label = expanded_label(*query.label, {.metric = metric,
                                              .statistic = stat.stat,
                                              .period = stat.period,
                                              .default_label = std::move(label),
                                              .points = std::move(points),
                                              .zone = TRY(label_zone(zone))});
    }
    return m::MetricDataResult{.id = query.id,
                               .label = std::move(label),
                               .timestamps = std::move(timestamps),
                               .values = std::move(values),
                               .status_code = complete ? m::StatusCode::complete : m::StatusCode::partial_data,
                               .messages = std::move(messages)};
}

Result<void> check_queries(const std::vector<m::MetricDataQuery>& queries) {
    if (queries.size() > queries_max) {
        return base::fail(base::code::ValidationError, "The collection MetricDataQueries must not have a size greater than " +
                                                           std::to_string(queries_max) + ".");
    }
    std::set<std::string_view> ids;
    size_t number = 0;
    for (const auto& query : queries) {
        TRY(check_id(query.id, ids, ++number));
        if (query.expression) {
            return base::fail(
                base::code::ValidationError,
                "Error in expression '" + query.id + "': metric math and Metrics Insights are not supported by this server");
        }
        if (!query.metric_stat) {
            return base::fail(
                base::code::ValidationError,
                "Either MetricStat or Expression is required in MetricDataQueries.member." + std::to_string(number) + ".");
        }
        TRY(check_statistic(query.metric_stat->stat, "Stat"));
    }
    return {};
}

Result<m::GetMetricDataOutput> get_data(CloudWatch& cloudwatch, const Permit& permit, const m::GetMetricDataInput& in) {
    const auto& queries = in.metric_data_queries;
    TRY(check_queries(queries));
    if (in.label_options) TRY(label_zone(model::text(in.label_options->timezone)));
    const bool descending = in.scan_by.value_or(m::ScanBy::timestamp_descending) == m::ScanBy::timestamp_descending;
    const size_t start = TRY(position_of(in.next_token));
    size_t most = datapoints_page;
    if (const int32_t wanted = in.max_datapoints.value_or(0); wanted > 0) most = std::min(most, static_cast<size_t>(wanted));
    Page page{.skip = start, .room = most};
    std::vector<m::MetricDataResult> results;
    const Labels labels(queries);
    for (const auto& query : queries) {
        if (!query.return_data.value_or(true)) continue;
        results.push_back(TRY(result_of(cloudwatch, permit, in, query, labels, descending, page)));
    }
    m::GetMetricDataOutput out{.metric_data_results = std::move(results), .messages = std::vector<m::MessageData>()};
    if (page.more) out.next_token = token_of(start + most);
    return out;
}

Result<m::ListMetricsOutput> list_metrics(CloudWatch& cloudwatch, const Permit& permit, const m::ListMetricsInput& in) {
    cloudwatch::Filter filter{.space = in.namespace_, .name = in.metric_name};
    for (const auto& dimension : model::items(in.dimensions)) filter.dimensions.emplace_back(dimension.name, dimension.value);
    if (in.recently_active) filter.active_since = cloudwatch.clock.now() - recently;
    auto found = TRY(cloudwatch.store.list(permit.account(), permit.region(), filter));
    // One account is all there is to look at here.
    if (in.owning_account.value_or(permit.account()) != permit.account()) found.clear();
    const size_t start = std::min(found.size(), TRY(position_of(in.next_token)));
    const size_t end = std::min(found.size(), start + metrics_page);
    std::vector<m::Metric> list;
    for (size_t i = start; i < end; ++i) {
        std::vector<m::Dimension> dimensions;
        for (const auto& [name, value] : found[i].dimensions) dimensions.push_back({name, value});
        list.push_back({.namespace_ = found[i].space, .metric_name = found[i].name, .dimensions = std::move(dimensions)});
    }
    m::ListMetricsOutput out{.metrics = std::move(list)};
    if (in.include_linked_accounts.value_or(false)) out.owning_accounts = std::vector<std::string>(end - start, permit.account());
    if (end < found.size()) out.next_token = token_of(end);
    return out;
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<CloudWatch>>({
    operation<m::PutMetricData, put_data>(),
    operation<m::GetMetricData, get_data>(),
    operation<m::GetMetricStatistics, get_statistics>(),
    operation<m::ListMetrics, list_metrics>(),
});

}  // namespace

void add_operations(gate::Registry& registry, Store& store, const base::Clock& clock) {
    gate::add_operations<CloudWatch>(registry, CloudWatch{store, clock}, operations);
}

}  // namespace services::monitoring
