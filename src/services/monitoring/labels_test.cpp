// Dynamic labels.
#include "services/monitoring/labels.hpp"

#include <doctest/doctest.h>

namespace {

using namespace services::monitoring;

const cloudwatch::Metric metric{"111122223333", "us-east-1", "space", "loss", {{"host", "a"}}};

std::string label(std::string_view text, std::chrono::minutes zone = std::chrono::minutes(0), bool with_points = true) {
    const base::Time first(std::chrono::seconds(1'700'000'000));
    LabelledSeries series{
        .metric = metric,
        .statistic = "Sum",
        .period = 60,
        .default_label = "loss Sum",
        .points = {{first, 4.0}, {first + std::chrono::minutes(1), 1.0}, {first + std::chrono::minutes(2), 2.5}},
        .zone = zone};
    if (!with_points) series.points.clear();
    return expanded_label(text, series);
}

}  // namespace

TEST_CASE("what stands for what") {
    CHECK(label("plain") == "plain");
    CHECK(label("") == "");
    CHECK(label("${LABEL}: ${AVG} of ${DATAPOINT_COUNT}") == "loss Sum: 2.5 of 3");
    CHECK(label("${SUM} ${MIN} ${MAX} ${MIN_MAX_RANGE}") == "7.5 1 4 3");
    CHECK(label("${FIRST} ${LAST} ${FIRST_LAST_RANGE}") == "4 2.5 1.5");
    CHECK(label("${FIRST_TIME} ${MIN_TIME}") == "2023-11-14T22:13:20Z 2023-11-14T22:14:20Z");
    CHECK(label("${LAST_TIME}", std::chrono::minutes(90)) == "2023-11-14T23:45:20+01:30");
    CHECK(label("${MAX_TIME}", -std::chrono::minutes(90)) == "2023-11-14T20:43:20-01:30");
    CHECK(label("${PROP('MetricName')} ${PROP('Namespace')} ${PROP('Dim.host')} ${PROP('Period')} ${PROP('Stat')}") ==
          "loss space a 60 Sum");
    CHECK(label("${PROP('AccountId')}/${PROP('Region')}") == "111122223333/us-east-1");
}

TEST_CASE("what there is no value for, and what stays as it is written") {
    CHECK(label("${AVG} ${MAX_TIME} ${DATAPOINT_COUNT}", std::chrono::minutes(0), false) == "-- -- 0");
    for (const char* text : {"${", "${}", "${avg}", "${PROP('Dim.none')}", "${PROP('')}", "${PROP(Region)}", "$AVG", "${AVG"}) {
        CAPTURE(text);
        CHECK(label(text) == text);
    }
    CHECK(label("${${AVG}") == "${2.5");
    // Six of one label, and no more; and no search without end for a brace.
    CHECK(label("${MIN}${MIN}${MIN}${MIN}${MIN}${MIN}${MIN}") == "111111${MIN}");
    CHECK(label("${" + std::string(400, 'x') + "}") == "${" + std::string(400, 'x') + "}");
}

TEST_CASE("zones") {
    CHECK(label_zone("").value() == std::chrono::minutes(0));
    CHECK(label_zone("+0130").value() == std::chrono::minutes(90));
    CHECK(label_zone("-0930").value() == -std::chrono::minutes(570));
    for (const char* text : {"0130", "+130", "+01:30", "+0160", "+01x0", "Z"}) {
        CAPTURE(text);
        CHECK(label_zone(text).error().code == "ValidationError");
    }
}
