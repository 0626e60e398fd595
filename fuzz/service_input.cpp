// Inputs of Query and JSON services: decoding and validating end, and what is accepted survives being sent again by our own
// client. The first byte chooses the operation.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/invariant.hpp"
#include "text/uri.hpp"
#include "wire/model.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2) return 0;
    const auto services = wire::service_models();
    const auto& service = *services[data[0] % services.size()];
    const auto& operation = service.operations[data[1] % service.operations.size()];
    const std::string_view body(reinterpret_cast<const char*>(data) + 2, size - 2);
    if (service.protocol == wire::Protocol::query) {
        const auto form = text::parse_query(body, true);
        if (!form) return 0;
        const auto input = wire::decode_query_input(service, operation, *form);
        if (!input) {
            INVARIANT(!input.error().message.empty());
            return 0;
        }
        const auto form_again = wire::encode_query_input(service, operation, *input);
        const auto sent = text::parse_query(form_again, true);
        INVARIANT(sent);
        const auto again = wire::decode_query_input(service, operation, *sent);
        // An empty structure has no parameters of its own and is lost on the way, so the forms are compared.
        INVARIANT(again && wire::encode_query_input(service, operation, *again) == form_again);
    } else {
        const auto input = wire::decode_json_input(service, operation, body);
        if (!input) {
            INVARIANT(!input.error().message.empty());
            return 0;
        }
        const auto again = wire::decode_json_input(service, operation, wire::encode_json_input(operation, *input));
        INVARIANT(again);
    }
    return 0;
}
