#include "cloudwatch/store.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>
#include <set>

#include "base/error_codes.hpp"
#include "crypto/digest.hpp"
#include "text/json.hpp"

namespace cloudwatch {
namespace {

using text::Json;

constexpr const char* series_prefix = "metrics/series/";
constexpr const char* data_prefix = "metrics/data/";

Dimensions sorted(Dimensions dimensions) {
    std::sort(dimensions.begin(), dimensions.end());
    return dimensions;
}

std::string series_key(const Metric& metric) {
    auto dimensions = Json::array();
    for (const auto& [name, value] : sorted(metric.dimensions)) dimensions.push(Json::array({name, value}));
    return series_prefix + metric.account + "/" + metric.region + "/" +
           Json::array({metric.space, metric.name, std::move(dimensions)}).dump();
}

std::string id_of(const std::string& key) { return crypto::hex(crypto::sha256(key)).substr(0, 32); }

// Fixed width, so that keys sort by time.
std::string digits(base::Time time) {
    char out[24];
    std::snprintf(out, sizeof out, "%015lld", static_cast<long long>(time.time_since_epoch().count()));
    return out;
}

Json to_json(const Datum& datum) {
    auto json = Json::object({{"u", datum.unit}});
    if (datum.values.empty()) {
        json.set("s", Json::array({datum.count, datum.sum, datum.minimum, datum.maximum}));
        return json;
    }
    auto values = Json::array();
    for (const auto& [value, count] : datum.values) values.push(Json::array({value, count}));
    json.set("v", std::move(values));
    return json;
}

base::Result<Datum> datum_from(const store::Entry& entry, size_t prefix) {
    auto json = TRY(text::parse_json(entry.value));
    Datum datum;
    datum.unit = json["u"].as_string();
    int64_t milliseconds = 0;
    std::from_chars(entry.key.data() + prefix, entry.key.data() + entry.key.size(), milliseconds);
    datum.time = base::Time(std::chrono::milliseconds(milliseconds));
    for (const auto& pair : json["v"].items())
        datum.values.emplace_back(pair.items()[0].as_double(), pair.items()[1].as_double());
    if (!datum.values.empty()) {
        datum.summarize();
        return datum;
    }
    const auto& summary = json["s"].items();
    if (summary.size() != 4) return base::fail(base::code::InternalError, "a stored data point cannot be read: " + entry.key);
    datum.count = summary[0].as_double();
    datum.sum = summary[1].as_double();
    datum.minimum = summary[2].as_double();
    datum.maximum = summary[3].as_double();
    return datum;
}

bool matches(const Metric& metric, const Filter& filter) {
    if (filter.space && metric.space != *filter.space) return false;
    if (filter.name && metric.name != *filter.name) return false;
    return std::all_of(filter.dimensions.begin(), filter.dimensions.end(), [&](const auto& wanted) {
        return std::any_of(metric.dimensions.begin(), metric.dimensions.end(), [&](const auto& has) {
            return has.first == wanted.first && (!wanted.second || has.second == *wanted.second);
        });
    });
}

}  // namespace

Datum Datum::of(base::Time time, double value, std::string unit) {
    Datum datum;
    datum.time = time;
    datum.unit = std::move(unit);
    datum.values = {{value, 1}};
    datum.summarize();
    return datum;
}

void Datum::summarize() {
    count = sum = 0;
    minimum = maximum = values.empty() ? 0 : values.front().first;
    for (const auto& [value, times] : values) {
        count += times;
        sum += value * times;
        minimum = std::min(minimum, value);
        maximum = std::max(maximum, value);
    }
}

void Summary::add(const Datum& datum) {
    minimum = count == 0 ? datum.minimum : std::min(minimum, datum.minimum);
    maximum = count == 0 ? datum.maximum : std::max(maximum, datum.maximum);
    count += datum.count;
    sum += datum.sum;
    if (!datum.values.empty()) {
        values.insert(values.end(), datum.values.begin(), datum.values.end());
    } else if (datum.minimum == datum.maximum) {
        values.emplace_back(datum.minimum, datum.count);
    } else {
        has_values = false;
    }
}

std::optional<double> Summary::percentile(double percent) const {
    if (!has_values || values.empty()) return std::nullopt;
    double needed = count * percent / 100, seen = 0;
    for (const auto& [value, times] : values) {
        seen += times;
        if (seen >= needed) return value;
    }
    return values.back().first;
}

base::Result<void> Store::put(const std::vector<std::pair<Metric, Datum>>& data) {
    store::Batch batch;
    std::set<std::string> named;
    for (const auto& [metric, datum] : data) {
        std::string key = series_key(metric);
        std::string id = id_of(key);
        batch.put(data_prefix + id + "/" + digits(datum.time) + "/" + random_.hex(16), to_json(datum).dump());
        if (named.insert(key).second) batch.put(key, id);
    }
    return keys_.commit(batch);
}

base::Result<std::vector<Metric>> Store::list(const std::string& account, const std::string& region, const Filter& filter) const {
    std::string prefix = series_prefix + account + "/" + region + "/";
    std::vector<Metric> found;
    for (const auto& entry : TRY(keys_.scan({.prefix = prefix}))) {
        auto json = TRY(text::parse_json(std::string_view(entry.key).substr(prefix.size())));
        Metric metric{account, region, json.items()[0].as_string(), json.items()[1].as_string(), {}};
        for (const auto& pair : json.items()[2].items())
            metric.dimensions.emplace_back(pair.items()[0].as_string(), pair.items()[1].as_string());
        if (!matches(metric, filter)) continue;
        if (filter.active_since) {
            std::string data = data_prefix + entry.value + "/";
            if (TRY(keys_.scan({.prefix = data, .from = data + digits(*filter.active_since), .limit = 1})).empty()) continue;
        }
        found.push_back(std::move(metric));
    }
    return found;
}

base::Result<std::vector<Summary>> Store::summaries(const Metric& metric, base::Time start, base::Time end,
                                                    std::chrono::seconds period, const std::optional<std::string>& unit) const {
    std::string prefix = data_prefix + id_of(series_key(metric)) + "/";
    constexpr size_t page = 10'000;
    std::map<std::pair<base::Time, std::string>, Summary> periods;
    std::string from = prefix + digits(start);
    for (bool more = true; more;) {
        auto entries = TRY(keys_.scan({.prefix = prefix, .from = from, .limit = page}));
        more = entries.size() == page;
        for (const auto& entry : entries) {
            Datum datum = TRY(datum_from(entry, prefix.size()));
            if (datum.time >= end) {
                more = false;
                break;
            }
            from = entry.key + '\0';
            if (unit && datum.unit != *unit) continue;
            base::Time begin =
                start + (datum.time - start) / std::chrono::milliseconds(period) * std::chrono::milliseconds(period);
            Summary& summary = periods[{begin, datum.unit}];
            summary.start = begin;
            summary.unit = datum.unit;
            summary.add(datum);
        }
    }
    std::vector<Summary> out;
    for (auto& [key, summary] : periods) {
        std::sort(summary.values.begin(), summary.values.end());
        out.push_back(std::move(summary));
    }
    return out;
}

}  // namespace cloudwatch
