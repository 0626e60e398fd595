// Sources: CloudWatch API Reference (PutMetricData, GetMetricData, GetMetricStatistics, ListMetrics); Service Authorization
// Reference, "Actions, resources, and condition keys for Amazon CloudWatch".
//
// Tokens: ListMetrics and GetMetricData count what was given so far, in an order that does not change.
#include "services/monitoring/operations.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/strings.hpp"
#include "services/monitoring/input.hpp"
#include "services/monitoring/labels.hpp"
#include "text/base64.hpp"
#include "text/time.hpp"

namespace services::monitoring {
namespace {

using metrics::Metric;
using metrics::Store;
using metrics::Summary;
using text::Json;
using Answered = base::Result<wire::Answer>;

constexpr size_t data_max = 1000;            // of one PutMetricData
constexpr int64_t datapoints_max = 1440;     // of one GetMetricStatistics
constexpr size_t queries_max = 500;          // of one GetMetricData
constexpr size_t datapoints_page = 100'800;  // of one GetMetricData
constexpr size_t metrics_page = 500;         // of one ListMetrics
constexpr auto recently = std::chrono::hours(3);

struct Parts {
    Store* store = nullptr;
    const base::Clock* clock = nullptr;
};

wire::Answer answer(Json output) {
    wire::Answer result;
    result.output = std::move(output);
    return result;
}

base::Result<size_t> position_of(const Json& token) {
    if (token.as_string().empty()) return size_t{0};
    auto text = text::decode_base64url(token.as_string());
    size_t position = 0;
    if (text) {
        auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), position);
        if (error == std::errc() && end == text->data() + text->size()) return position;
    }
    return base::fail("InvalidNextToken", "The next token specified is invalid.");
}

std::string token_of(size_t position) { return text::encode_base64url(std::to_string(position)); }

Answered put_data(const Parts& parts, const gate::Permit& permit, wire::Call& call) {
    const Json& input = call.input;
    const std::string& space = input["Namespace"].as_string();
    if (space.starts_with("AWS/")) return invalid_value("The value AWS/ for parameter Namespace is invalid.");
    std::vector<std::pair<Metric, metrics::Datum>> data;
    auto take = [&](const Json& list, const std::string& path) -> base::Result<void> {
        size_t number = 0;
        for (const auto& item : list.items()) {
            auto datum = TRY(datum_of(item, path + ".member." + std::to_string(++number), parts.clock->now()));
            Metric metric{permit.account(), call.region, space, item["MetricName"].as_string(),
                          dimensions_of(item["Dimensions"])};
            data.emplace_back(std::move(metric), std::move(datum));
        }
        return {};
    };
    TRY(take(input["MetricData"], "MetricData"));
    size_t number = 0;
    for (const auto& entity : input["EntityMetricData"].items())
        TRY(take(entity["MetricData"], "EntityMetricData.member." + std::to_string(++number) + ".MetricData"));
    if (data.empty()) return base::fail("MissingParameter", "The parameter MetricData is required.");
    if (data.size() > data_max)
        return invalid_value("The collection MetricData must not have a size greater than " + std::to_string(data_max) + ".");
    TRY(parts.store->put(data));
    return answer(Json::object());
}

Answered get_statistics(const Parts& parts, const gate::Permit& permit, wire::Call& call) {
    const Json& input = call.input;
    const auto& plain = input["Statistics"].items();
    const auto& extended = input["ExtendedStatistics"].items();
    if (plain.empty() && extended.empty())
        return base::fail("MissingParameter", "The parameter Statistics or ExtendedStatistics is required.");
    if (!plain.empty() && !extended.empty())
        return invalid_combination("You must specify either Statistics or ExtendedStatistics, but not both.");
    for (const auto& name : extended) TRY(check_statistic(name.as_string(), "ExtendedStatistics"));
    Range range = TRY(range_of(input["StartTime"], input["EndTime"], input["Period"].as_int(), "InvalidParameterValue"));
    if (range.datapoints > datapoints_max) {
        return invalid_combination(
            "You have requested up to " + std::to_string(range.datapoints) + " datapoints, which exceeds the limit of " +
            std::to_string(datapoints_max) +
            ". You may reduce the datapoints requested by increasing Period, or decreasing the time range.");
    }
    Metric metric{permit.account(), call.region, input["Namespace"].as_string(), input["MetricName"].as_string(),
                  dimensions_of(input["Dimensions"])};
    std::optional<std::string> unit;
    if (input.contains("Unit")) unit = input["Unit"].as_string();
    auto datapoints = Json::array();
    for (const auto& summary : TRY(parts.store->summaries(metric, range.start, range.end, range.period, unit))) {
        auto point = Json::object({{"Timestamp", text::iso8601(summary.start)}, {"Unit", summary.unit}});
        for (const auto& name : plain) point.set(name.as_string(), *TRY(statistic_of(summary, name.as_string())));
        auto more = Json::object();
        for (const auto& name : extended) {
            if (auto value = TRY(statistic_of(summary, name.as_string()))) more.set(name.as_string(), *value);
        }
        if (!extended.empty()) point.set("ExtendedStatistics", std::move(more));
        datapoints.push(std::move(point));
    }
    return answer(Json::object({{"Label", metric.name}, {"Datapoints", std::move(datapoints)}}));
}

base::Result<void> check_id(const std::string& id, std::set<std::string>& seen, size_t number) {
    bool good = !id.empty() && id[0] >= 'a' && id[0] <= 'z' && std::all_of(id.begin(), id.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
    if (!good) {
        return base::fail("ValidationError", "The value " + id + " for parameter MetricDataQueries.member." +
                                                 std::to_string(number) +
                                                 ".Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.");
    }
    if (!seen.insert(id).second)
        return base::fail("ValidationError", "The values for parameter id in MetricDataQueries are not unique.");
    return {};
}

// What a result is called if the question does not say, and `${LABEL}` if it does: its metric, and of its statistic and period
// what tells it from the others.
class Labels {
public:
    explicit Labels(const Json::Array& queries) {
        for (const auto& query : queries) {
            statistics_.insert(query["MetricStat"]["Stat"].as_string());
            periods_.insert(query["MetricStat"]["Period"].as_int());
        }
    }
    [[nodiscard]] std::string of(const Json& query) const {
        const Json& stat = query["MetricStat"];
        std::string out = stat["Metric"]["MetricName"].as_string();
        if (statistics_.size() > 1) out += " " + stat["Stat"].as_string();
        if (periods_.size() > 1) out += " " + std::to_string(stat["Period"].as_int());
        return out;
    }

private:
    std::set<std::string> statistics_;
    std::set<int64_t> periods_;
};

// Data of different units is of different series. A question that names no unit gets one of them, and is told of the others.
Json keep_one_unit(std::vector<Summary>& summaries) {
    const auto by_rank = [](const std::string& a, const std::string& b) {
        return std::pair(unit_rank(a), a) < std::pair(unit_rank(b), b);
    };
    std::set<std::string, decltype(by_rank)> units(by_rank);
    for (const auto& summary : summaries) units.insert(summary.unit);
    if (units.size() < 2) return {};
    std::erase_if(summaries, [&](const Summary& summary) { return summary.unit != *units.begin(); });
    const std::vector<std::string> names(units.begin(), units.end());
    return Json::array(
        {Json::object({{"Code", "MultipleUnits"}, {"Value", "Multiple units returned: '[" + base::join(names, ", ") + "]'"}})});
}

base::Result<Json> result_of(const Parts& parts, const gate::Permit& permit, const wire::Call& call, const Json& query,
                             const Labels& labels, bool descending, size_t& skip, size_t& room, bool& more) {
    const Json& stat = query["MetricStat"];
    Range range = TRY(range_of(call.input["StartTime"], call.input["EndTime"], stat["Period"].as_int(), "ValidationError"));
    Metric metric{permit.account(), call.region, stat["Metric"]["Namespace"].as_string(),
                  stat["Metric"]["MetricName"].as_string(), dimensions_of(stat["Metric"]["Dimensions"])};
    std::optional<std::string> unit;
    if (stat.contains("Unit")) unit = stat["Unit"].as_string();
    auto summaries = TRY(parts.store->summaries(metric, range.start, range.end, range.period, unit));
    Json messages = keep_one_unit(summaries);
    if (descending) std::reverse(summaries.begin(), summaries.end());
    auto timestamps = Json::array(), values = Json::array();
    bool complete = true;
    std::vector<std::pair<base::Time, double>> points;  // of all pages: the label is the same on each
    for (const auto& summary : summaries) {
        auto value = TRY(statistic_of(summary, stat["Stat"].as_string()));
        if (!value) continue;
        points.emplace_back(summary.start, *value);
        if (skip > 0) {
            --skip;
        } else if (room == 0) {
            complete = false;
            more = true;
        } else {
            --room;
            timestamps.push(text::iso8601(summary.start));
            values.push(*value);
        }
    }
    std::string label = labels.of(query);
    if (query.contains("Label")) {
        if (descending) std::ranges::reverse(points);
        label = expanded_label(query["Label"].as_string(),
                               {.metric = metric,
                                .statistic = stat["Stat"].as_string(),
                                .period = stat["Period"].as_int(),
                                .default_label = std::move(label),
                                .points = std::move(points),
                                .zone = TRY(label_zone(call.input["LabelOptions"]["Timezone"].as_string()))});
    }
    Json out = Json::object({{"Id", query["Id"].as_string()},
                             {"Label", std::move(label)},
                             {"Timestamps", std::move(timestamps)},
                             {"Values", std::move(values)},
                             {"StatusCode", complete ? "Complete" : "PartialData"}});
    if (!messages.is_null()) out.set("Messages", std::move(messages));
    return out;
}

Answered get_data(const Parts& parts, const gate::Permit& permit, wire::Call& call) {
    const Json& input = call.input;
    const auto& queries = input["MetricDataQueries"].items();
    if (queries.size() > queries_max) {
        return base::fail("ValidationError", "The collection MetricDataQueries must not have a size greater than " +
                                                 std::to_string(queries_max) + ".");
    }
    std::set<std::string> ids;
    size_t number = 0;
    for (const auto& query : queries) {
        TRY(check_id(query["Id"].as_string(), ids, ++number));
        if (query.contains("Expression")) {
            return base::fail("ValidationError", "Error in expression '" + query["Id"].as_string() +
                                                     "': metric math and Metrics Insights are not supported by this server");
        }
        if (!query.contains("MetricStat")) {
            return base::fail("ValidationError", "Either MetricStat or Expression is required in MetricDataQueries.member." +
                                                     std::to_string(number) + ".");
        }
        TRY(check_statistic(query["MetricStat"]["Stat"].as_string(), "Stat"));
    }
    TRY(label_zone(input["LabelOptions"]["Timezone"].as_string()));
    bool descending = input["ScanBy"].as_string_or("TimestampDescending") == "TimestampDescending";
    size_t start = TRY(position_of(input["NextToken"]));
    size_t most = datapoints_page;
    if (int64_t wanted = input["MaxDatapoints"].as_int(); wanted > 0) most = std::min(most, static_cast<size_t>(wanted));
    size_t skip = start, room = most;
    bool more = false;
    auto results = Json::array();
    const Labels labels(queries);
    for (const auto& query : queries) {
        if (query.contains("ReturnData") && !query["ReturnData"].as_bool()) continue;
        results.push(TRY(result_of(parts, permit, call, query, labels, descending, skip, room, more)));
    }
    auto output = Json::object({{"MetricDataResults", std::move(results)}, {"Messages", Json::array()}});
    if (more) output.set("NextToken", token_of(start + most));
    return answer(std::move(output));
}

Answered list_metrics(const Parts& parts, const gate::Permit& permit, wire::Call& call) {
    const Json& input = call.input;
    metrics::Filter filter;
    if (input.contains("Namespace")) filter.space = input["Namespace"].as_string();
    if (input.contains("MetricName")) filter.name = input["MetricName"].as_string();
    for (const auto& dimension : input["Dimensions"].items()) {
        std::optional<std::string> value;
        if (dimension.contains("Value")) value = dimension["Value"].as_string();
        filter.dimensions.emplace_back(dimension["Name"].as_string(), std::move(value));
    }
    if (input.contains("RecentlyActive")) filter.active_since = parts.clock->now() - recently;
    auto found = TRY(parts.store->list(permit.account(), call.region, filter));
    // One account is all there is to look at here.
    if (input.contains("OwningAccount") && input["OwningAccount"].as_string() != permit.account()) found.clear();
    size_t start = std::min(found.size(), TRY(position_of(input["NextToken"])));
    size_t end = std::min(found.size(), start + metrics_page);
    auto list = Json::array(), owners = Json::array();
    for (size_t i = start; i < end; ++i) {
        auto dimensions = Json::array();
        for (const auto& [name, value] : found[i].dimensions) dimensions.push(Json::object({{"Name", name}, {"Value", value}}));
        list.push(
            Json::object({{"Namespace", found[i].space}, {"MetricName", found[i].name}, {"Dimensions", std::move(dimensions)}}));
        owners.push(permit.account());
    }
    auto output = Json::object({{"Metrics", std::move(list)}});
    if (input["IncludeLinkedAccounts"].as_bool()) output.set("OwningAccounts", std::move(owners));
    if (end < found.size()) output.set("NextToken", token_of(end));
    return answer(std::move(output));
}

}  // namespace

void add_operations(gate::Registry& registry, Store& store, const base::Clock& clock) {
    using Handler = Answered (*)(const Parts&, const gate::Permit&, wire::Call&);
    const std::pair<const char*, Handler> operations[] = {{"PutMetricData", put_data},
                                                          {"GetMetricData", get_data},
                                                          {"GetMetricStatistics", get_statistics},
                                                          {"ListMetrics", list_metrics}};
    for (const auto& [name, handler] : operations) {
        registry.add({.service = "monitoring",
                      .name = name,
                      .classify = [action = "cloudwatch:" + std::string(name)](
                                      const identity::Caller&, wire::Call& call) -> base::Result<std::vector<gate::Access>> {
                          gate::Access access{.action = action};
                          // Of PutMetricData alone: the others' inputs may name a namespace that is no condition key of theirs.
                          if (call.operation == "PutMetricData")
                              access.context.set("cloudwatch:namespace", call.input["Namespace"].as_string());
                          return std::vector<gate::Access>{access};
                      },
                      .handle = [parts = Parts{&store, &clock}, act = handler](
                                    const gate::Permit& permit, wire::Call& call) { return act(parts, permit, call); }});
    }
}

}  // namespace services::monitoring
