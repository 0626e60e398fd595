#include "traces/span.hpp"

#include "base/utf8.hpp"
#include "text/json.hpp"

namespace traces {
namespace {

using text::Json;
constexpr int64_t status_error = 2;

Json attribute(std::string_view name, const Value& value) {
    Json typed = Json::object({});
    if (const auto* number = std::get_if<int64_t>(&value))
        typed.set("intValue", std::to_string(*number));
    else
        typed.set("stringValue", base::valid_utf8(std::string_view(std::get<std::string>(value)).substr(0, attribute_bytes_max)));
    return Json::object({{"key", std::string(name)}, {"value", std::move(typed)}});
}

Json encode_span(const Span& span) {
    Json attributes = Json::array();
    for (const auto& [name, value] : span.attributes) attributes.push(attribute(name, value));
    Json out = Json::object({{"traceId", span.trace_id},
                             {"spanId", span.span_id},
                             {"name", span.name},
                             {"kind", static_cast<int64_t>(span.kind)},
                             {"startTimeUnixNano", std::to_string(span.began)},
                             {"endTimeUnixNano", std::to_string(span.ended)},
                             {"attributes", std::move(attributes)}});
    if (!span.parent_id.empty()) out.set("parentSpanId", span.parent_id);
    if (span.failed) out.set("status", Json::object({{"code", status_error}}));
    return out;
}

}  // namespace

std::string encode(const Resource& resource, std::span<const Span> spans) {
    Json list = Json::array();
    for (const Span& one : spans) list.push(encode_span(one));
    Json about = Json::array();
    about.push(attribute("service.name", resource.service));
    about.push(attribute("service.version", resource.version));
    about.push(attribute("service.instance.id", resource.instance));
    Json scope = Json::object(
        {{"scope", Json::object({{"name", "trainwarden"}, {"version", resource.version}})}, {"spans", std::move(list)}});
    Json scopes = Json::array();
    scopes.push(std::move(scope));
    Json of_resource =
        Json::object({{"resource", Json::object({{"attributes", std::move(about)}})}, {"scopeSpans", std::move(scopes)}});
    Json all = Json::array();
    all.push(std::move(of_resource));
    return Json::object({{"resourceSpans", std::move(all)}}).dump();
}

}  // namespace traces
