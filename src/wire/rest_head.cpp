#include "wire/rest_head.hpp"

#include <algorithm>
#include <string>

#include "base/invariant.hpp"
#include "model/scalar.hpp"
#include "text/uri.hpp"
#include "wire/rest_timestamps.hpp"
#include "wire/s3_request.hpp"

namespace wire {
namespace {

using model::Field;
using model::Level;
using model::Location;
using model::Route;
using model::Type;

std::string text_of(const model::Shape& shape, const void* value) {
    if (shape.type == Type::timestamp) return write_header_time(shape, *static_cast<const base::Time*>(value));
    return model::scalar_text(shape, value);
}

const Route& route_of(const model::Operation& operation) {
    const auto& routes = operation.service->rest->routes;
    const auto found = std::ranges::find(routes, operation.name, &Route::operation);
    INVARIANT(found != routes.end());
    return *found;
}

class HeadWriter {
public:
    explicit HeadWriter(const Route& route) : route_(route) { head_.method = route.method; }

    void add(const Field& field, const void* value) {
        switch (field.location) {
            case Location::uri:
                (field.wire_name == "Key" ? key_ : bucket_) = text::encode_uri(text_of(*field.shape, value), true);
                break;
            case Location::header:
                if (field.shape->type == Type::list)
                    head_.headers.add(std::string(field.wire_name), joined(*field.shape, value));
                else
                    head_.headers.add(std::string(field.wire_name), text_of(*field.shape, value));
                break;
            case Location::prefix_headers:
                for (size_t i = 0; i < field.shape->map->size(value); ++i) {
                    const auto [name, text] = field.shape->map->entry(value, i);
                    head_.headers.add(std::string(field.wire_name) + std::string(name), text_of(*field.shape->item, text));
                }
                break;
            case Location::query:
                if (field.shape->type != Type::list) {
                    add_parameter(field.wire_name, text_of(*field.shape, value));
                    break;
                }
                for (size_t i = 0; i < field.shape->list->size(value); ++i)
                    add_parameter(field.wire_name, text_of(*field.shape->item, field.shape->list->item(value, i)));
                break;
            case Location::body:
            case Location::attribute:
            case Location::status:
            case Location::payload:
            case Location::stream:
                break;
        }
    }

    http::RequestHead finish() && {
        // What chooses the operation may be a member, too (uploadId).
        if (!route_.parameter.empty() && !chosen_) add_parameter(route_.parameter, route_.parameter == "list-type" ? "2" : "");
        if (route_.level == Level::control) {
            head_.path = s3_control_path(route_.operation, bucket_);
        } else {
            head_.path = "/" + bucket_;
            if (!key_.empty()) head_.path += "/" + key_;
        }
        return std::move(head_);
    }

private:
    static std::string joined(const model::Shape& list, const void* value) {
        std::string out;
        for (size_t i = 0; i < list.list->size(value); ++i)
            out += (i == 0 ? "" : ",") + text_of(*list.item, list.list->item(value, i));
        return out;
    }

    void add_parameter(std::string_view name, std::string_view value) {
        if (!head_.query.empty()) head_.query += "&";
        head_.query += text::encode_uri(name);
        chosen_ = chosen_ || name == route_.parameter;
        if (!value.empty()) head_.query += "=" + text::encode_uri(value);
    }

    const Route& route_;
    http::RequestHead head_;
    bool chosen_ = false;
    std::string bucket_, key_;  // encoded; of S3 Control, `bucket_` is an ARN
};

}  // namespace

http::RequestHead write_rest_head(const model::Operation& operation, const void* input) {
    INVARIANT(operation.rest != nullptr);
    HeadWriter writer(route_of(operation));
    if (operation.input != nullptr)
        for (const Field& field : operation.input->fields)
            if (const void* value = model::find_known(field, input)) writer.add(field, value);
    return std::move(writer).finish();
}

}  // namespace wire
