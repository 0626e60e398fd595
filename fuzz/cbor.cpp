// CBOR inputs of CloudWatch: decoding ends, holds its limits, and what is accepted survives being sent again. The first byte
// chooses the operation.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/invariant.hpp"
#include "wire/model.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 1) return 0;
    const auto& service = *wire::find_service("monitoring");
    const auto& operation = service.operations[data[0] % service.operations.size()];
    const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto input = wire::decode_cbor_input(service, operation, body);
    if (!input) {
        INVARIANT(!input.error().message.empty());
        return 0;
    }
    const auto sent = wire::encode_cbor_input(operation, *input);
    const auto again = wire::decode_cbor_input(service, operation, sent);
    INVARIANT(again && wire::encode_cbor_input(operation, *again) == sent);
    return 0;
}
