#include <doctest/doctest.h>

#include "text/json.hpp"
#include "traces/context.hpp"
#include "traces/span.hpp"

namespace {

const std::string trace = "0af7651916cd43dd8448eb211c80319c", span = "b7ad6b7169203331";

}  // namespace

TEST_CASE("a traceparent is read as the standard writes it, and not otherwise") {
    const auto read = traces::parse_traceparent("00-" + trace + "-" + span + "-01");
    REQUIRE(read);
    CHECK(read->trace_id == trace);
    CHECK(read->span_id == span);
    CHECK(read->sampled);
    CHECK(!traces::parse_traceparent("00-" + trace + "-" + span + "-00")->sampled);
    CHECK(traces::parse_traceparent("00-" + trace + "-" + span + "-03")->sampled);
    CHECK(traces::parse_traceparent("01-" + trace + "-" + span + "-01-more"));
    for (const auto& bad :
         {std::string(), "00-" + trace + "-" + span, "00-" + trace + "-" + span + "-1", "ff-" + trace + "-" + span + "-01",
          "00-" + trace + "-" + span + "-01-more", "01-" + trace + "-" + span + "-01more",
          "00-" + std::string(32, '0') + "-" + span + "-01", "00-" + trace + "-" + std::string(16, '0') + "-01",
          "00-0AF7651916CD43DD8448EB211C80319C-" + span + "-01", "00_" + trace + "-" + span + "-01",
          "00-" + trace + "-" + span + "-0g", "0x-" + trace + "-" + span + "-01",
          "00-" + trace.substr(1) + "\n-" + span + "-01"}) {
        CAPTURE(bad);
        CHECK(!traces::parse_traceparent(bad));
    }
}

TEST_CASE("a sample is a part of all traces, told by their ids") {
    CHECK(traces::is_in_sample(trace, 1));
    CHECK(!traces::is_in_sample(trace, 0));
    const std::string low = std::string(18, 'f') + "00000000000001", high = std::string(18, '0') + "ffffffffffffff";
    CHECK(traces::is_in_sample(low, 0.001));
    CHECK(!traces::is_in_sample(high, 0.999));
    CHECK(traces::is_in_sample(std::string(18, '0') + "7ffffffffffff0", 0.5));
    CHECK(!traces::is_in_sample(std::string(18, '0') + "80000000000000", 0.5));
    CHECK(!traces::is_in_sample("short", 0.9));
}

TEST_CASE("spans are written as OTLP has them in JSON") {
    const traces::Span one{
        .trace_id = trace,
        .span_id = span,
        .parent_id = "00f067aa0ba902b7",
        .name = "s3:GetObject",
        .kind = traces::Kind::server,
        .began = 1'700'000'000'123'456'789,
        .ended = 1'700'000'000'123'456'999,
        .failed = true,
        .attributes = {{"http.response.status_code", int64_t{500}}, {"url.path", "/\xff" + std::string(5000, 'x')}}};
    const traces::Span first{.trace_id = trace, .span_id = span, .name = "n"};
    const auto json = text::parse_json(traces::encode({.version = "1", .instance = "i"}, std::vector{one, first}));
    REQUIRE(json);
    const auto& of_resource = json->find("resourceSpans")->items()[0];
    const auto& spans = of_resource.find("scopeSpans")->items()[0].find("spans")->items();
    REQUIRE(spans.size() == 2);
    CHECK(spans[0].find("traceId")->as_string() == trace);
    CHECK(spans[0].find("parentSpanId")->as_string() == "00f067aa0ba902b7");
    CHECK(spans[0].find("kind")->dump() == "2");
    CHECK(spans[0].find("startTimeUnixNano")->as_string() == "1700000000123456789");
    CHECK(spans[0].find("status")->find("code")->dump() == "2");
    const auto& attributes = spans[0].find("attributes")->items();
    CHECK(attributes[0].find("value")->find("intValue")->as_string() == "500");
    CHECK(attributes[1].find("value")->find("stringValue")->as_string().size() <= traces::attribute_bytes_max + 3);
    CHECK(attributes[1].find("value")->find("stringValue")->as_string().starts_with("/\uFFFDx"));
    CHECK(spans[1].find("parentSpanId") == nullptr);
    CHECK(spans[1].find("status") == nullptr);
    CHECK(of_resource.find("resource")->find("attributes")->items()[0].find("value")->find("stringValue")->as_string() ==
          "trainwarden");
}
