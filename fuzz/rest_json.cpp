// Requests of REST-JSON: `METHOD PATH QUERY` on the first line, the body behind it. What has a route is decoded without falling over, and what is accepted has
// every label of its path.
#include "wire/rest_json.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/invariant.hpp"
#include "model/json.hpp"
#include "model/members.hpp"
#include "model/services.hpp"
#include "wire/route.hpp"

namespace {

const model::StructByName* struct_of(const model::Operation& operation) {
    for (const auto& [name, structs] : model::StructsOfService::every())
        if (name == operation.service->name)
            for (const auto& one : structs)
                if (one.name == operation.input->name) return &one;
    return nullptr;
}

std::string_view take_word(std::string_view& line) {
    const size_t end = line.find(' ');
    const std::string_view word = line.substr(0, end);
    line = end == std::string_view::npos ? std::string_view() : line.substr(end + 1);
    return word;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view all(reinterpret_cast<const char*>(data), size);
    std::string_view line = all.substr(0, all.find('\n'));
    const std::string_view body = line.size() < all.size() ? all.substr(line.size() + 1) : std::string_view();
    http::RequestHead head;
    head.method = take_word(line);
    head.path = take_word(line);
    head.query = line;
    const wire::ServiceModel& service = *wire::find_service("access-analyzer");
    const wire::RestRoute* const route = wire::find_rest_route(service, head);
    INVARIANT((route == nullptr) == wire::operation_in_head(service, head).empty());
    if (route == nullptr) return 0;
    const model::Operation* const operation = model::find_operation("access-analyzer", route->operation);
    if (operation == nullptr || operation->input == nullptr) return 0;
    const model::StructByName* const type = struct_of(*operation);
    INVARIANT(type != nullptr);
    void* const input = type->make();
    const auto read = wire::decode_input(service, *operation, head, body, input);
    if (!read) INVARIANT(!read.error().message.empty());
    for (const model::Field& field : operation->input->fields)
        if (read && field.location == model::Location::uri) INVARIANT(field.find(input) != nullptr);
    type->destroy(input);
    return 0;
}
