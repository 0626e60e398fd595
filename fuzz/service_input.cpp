// Inputs of Query and JSON services: decoding and validating end, what is accepted survives being sent again by our own client,
// and documents and types are the same answer: the same value or the same error. The first two bytes choose the operation.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/invariant.hpp"
#include "model/json.hpp"
#include "model/members.hpp"
#include "model/services.hpp"
#include "text/uri.hpp"
#include "wire/model.hpp"
#include "wire/query_types.hpp"

namespace {

const model::Operation& typed(const wire::ServiceModel& service, const wire::OperationModel& operation) {
    for (const auto* candidate : model::services())
        if (candidate->signing_name == service.signing_name)
            for (const auto* found : candidate->operations)
                if (found->name == operation.name) return *found;
    INVARIANT(!"every operation has types");
    std::abort();
}

const model::StructByName& struct_of(const model::Operation& operation) {
    for (const auto& [name, structs] : model::StructsOfService::every())
        if (name == operation.service->name)
            for (const auto& one : structs)
                if (one.name == operation.input->name) return one;
    INVARIANT(!"every input has a struct");
    std::abort();
}

// Numbers by value: a document keeps them as they were written.
bool same(const text::Json& a, const text::Json& b) {
    if (a.is_number() && b.is_number()) return a.as_double() == b.as_double();
    if (a.type() != b.type() || a.size() != b.size()) return false;
    if (a.is_array()) return std::ranges::equal(a.items(), b.items(), same);
    if (a.is_object())
        return std::ranges::equal(a.members(), b.members(),
                                  [](const auto& x, const auto& y) { return x.first == y.first && same(x.second, y.second); });
    return a == b;
}

// `read(operation, place)` as typed values are read.
template <class Read>
void compare(const base::Result<text::Json>& document, const model::Operation& operation, Read read) {
    if (!operation.input) return;
    const auto& type = struct_of(operation);
    void* const value = type.make();
    const base::Result<void> done = read(operation, value);
    INVARIANT(done.has_value() == document.has_value());
    if (done)
        INVARIANT(same(model::write_document(*operation.input, value), *document));
    else
        INVARIANT(done.error().describe() == document.error().describe());
    type.destroy(value);
}

}  // namespace

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
        compare(input, typed(service, operation),
                [&](const auto& of, void* value) { return wire::read_query(of, *form, value); });
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
        compare(input, typed(service, operation), [&](const auto& of, void* value) { return model::read_json(of, body, value); });
        if (!input) {
            INVARIANT(!input.error().message.empty());
            return 0;
        }
        const auto again = wire::decode_json_input(service, operation, wire::encode_json_input(operation, *input));
        INVARIANT(again);
    }
    return 0;
}
