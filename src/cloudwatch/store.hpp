// Metrics and their data points, as CloudWatch has them.
//
// Source: CloudWatch User Guide, "Metrics concepts" (namespaces, dimensions, statistics, periods, percentiles).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "crypto/random.hpp"
#include "store/key_value_store.hpp"

namespace cloudwatch {

using Dimensions = std::vector<std::pair<std::string, std::string>>;

struct Metric {
    std::string account, region;
    std::string space;  // namespace: /aws/sagemaker/TrainingJobs
    std::string name;
    Dimensions dimensions;  // in any order; what the store returns is sorted by name
};

// Values with their counts, or a summary of values that nobody has any more.
struct Datum {
    base::Time time;
    std::string unit = "None";
    std::vector<std::pair<double, double>> values;  // value and how often
    double count = 0, sum = 0, minimum = 0, maximum = 0;

    static Datum of(base::Time time, double value, std::string unit = "None");
    // count, sum, minimum and maximum from the values.
    void summarize();
};

// The data of one unit in one period.
struct Summary {
    base::Time start;
    std::string unit;
    double count = 0, sum = 0, minimum = 0, maximum = 0;
    std::vector<std::pair<double, double>> values;  // sorted
    bool has_values = true;                         // false: some of it came as a summary; percentiles cannot be told

    void add(const Datum& datum);
    [[nodiscard]] double average() const { return sum / count; }
    // The smallest value that at least `percent` of the values do not exceed; nullopt without values.
    [[nodiscard]] std::optional<double> percentile(double percent) const;
};

struct Filter {
    std::optional<std::string> space, name;
    std::vector<std::pair<std::string, std::optional<std::string>>> dimensions;  // all of them, with this value if one is given
    std::optional<base::Time> active_since;
};

class Store {
public:
    Store(store::KeyValueStore& keys, crypto::Random& random) : keys_(keys), random_(random) {}

    // All of it in one commit.
    [[nodiscard]] base::Result<void> put(const std::vector<std::pair<Metric, Datum>>& data);
    // In order of namespace, name, dimensions.
    [[nodiscard]] base::Result<std::vector<Metric>> list(const std::string& account, const std::string& region,
                                                         const Filter& filter) const;
    // Periods that have data from `start` (inclusive) to `end` (exclusive), in order of time; periods are counted from `start`.
    [[nodiscard]] base::Result<std::vector<Summary>> summaries(const Metric& metric, base::Time start, base::Time end,
                                                               std::chrono::seconds period,
                                                               const std::optional<std::string>& unit) const;

private:
    store::KeyValueStore& keys_;
    crypto::Random& random_;
};

}  // namespace cloudwatch
