// One scrape, in Prometheus's text format. Families are declared in a table; values are added to them by their place in it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metrics/counter.hpp"

namespace metrics {

enum class Type : uint8_t { counter, gauge, histogram };

struct Family {
    std::string_view name;
    Type type;
    std::string_view help;
};

using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

class Page {
public:
    // All families are in the text, with or without values. The table outlives the page.
    explicit Page(std::span<const Family> families);
    ~Page();
    Page(const Page&) = delete;
    Page& operator=(const Page&) = delete;

    // REQUIRES: the family's type fits.
    void add(size_t family, double value, const Labels& labels = {});
    void add(size_t family, const HistogramValue& value, const Labels& labels = {});
    [[nodiscard]] std::string text() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace metrics
