#include "metrics/page.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>

#include "base/invariant.hpp"

namespace metrics {
namespace {

constexpr double nanoseconds_per_second = 1e9;

prometheus::MetricType type_of(Type type) {
    switch (type) {
        case Type::counter:
            return prometheus::MetricType::Counter;
        case Type::gauge:
            return prometheus::MetricType::Gauge;
        case Type::histogram:
            return prometheus::MetricType::Histogram;
    }
    return prometheus::MetricType::Untyped;
}

prometheus::ClientMetric labelled(const Labels& labels) {
    prometheus::ClientMetric out;
    for (const auto& [name, value] : labels) out.label.push_back({std::string(name), std::string(value)});
    return out;
}

}  // namespace

struct Page::State {
    std::span<const Family> families;
    std::vector<prometheus::MetricFamily> filled;
};

Page::Page(std::span<const Family> families) : state_(std::make_unique<State>()) {
    state_->families = families;
    for (const Family& one : families) {
        auto& made = state_->filled.emplace_back();
        made.name = one.name;
        made.help = one.help;
        made.type = type_of(one.type);
    }
}

Page::~Page() = default;

void Page::add(size_t family, double value, const Labels& labels) {
    INVARIANT(family < state_->filled.size() && state_->families[family].type != Type::histogram);
    auto metric = labelled(labels);
    if (state_->families[family].type == Type::counter)
        metric.counter.value = value;
    else
        metric.gauge.value = value;
    state_->filled[family].metric.push_back(std::move(metric));
}

void Page::add(size_t family, const HistogramValue& value, const Labels& labels) {
    INVARIANT(family < state_->filled.size() && state_->families[family].type == Type::histogram);
    auto metric = labelled(labels);
    uint64_t cumulative = 0;
    for (size_t i = 0; i < duration_buckets; ++i) {
        cumulative += value.counts[i];
        const double bound = i < duration_bounds.size() ? static_cast<double>(duration_bounds[i]) / nanoseconds_per_second
                                                        : std::numeric_limits<double>::infinity();
        metric.histogram.bucket.push_back({.cumulative_count = cumulative, .upper_bound = bound});
    }
    metric.histogram.sample_count = cumulative;
    metric.histogram.sample_sum = static_cast<double>(value.nanoseconds) / nanoseconds_per_second;
    state_->filled[family].metric.push_back(std::move(metric));
}

std::string Page::text() const { return prometheus::TextSerializer().Serialize(state_->filled); }

}  // namespace metrics
