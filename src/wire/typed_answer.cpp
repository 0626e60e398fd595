#include "wire/typed_answer.hpp"

#include <string>

#include "base/invariant.hpp"
#include "model/json.hpp"
#include "wire/cbor_types.hpp"
#include "wire/query_types.hpp"
#include "wire/rest_json.hpp"

namespace wire {

http::Response encode_typed_answer(const ServiceModel& service, const model::Operation& operation, const http::RequestHead& head,
                                   const void* output, std::string_view request_id) {
    http::Response out{.status = 200, .headers = {}, .body = std::string(), .content_length = {}};
    switch (protocol_of(service, head)) {
        case Protocol::query:
            out.headers.add("Content-Type", "text/xml");
            out.body = write_query(operation, output, request_id);
            break;
        case Protocol::json:
            out.headers.add("Content-Type", "application/x-amz-json-" + std::string(service.json_version));
            if (operation.output) out.body = model::write_json(*operation.output, output);
            break;
        case Protocol::cbor:
            out.headers.add("smithy-protocol", "rpc-v2-cbor");
            if (operation.output) {
                out.headers.add("Content-Type", "application/cbor");
                out.body = write_cbor(*operation.output, output);
            }
            break;
        case Protocol::rest_json:
            out.headers.add("Content-Type", "application/json");
            out.body = write_rest_json(operation, output);
            break;
        case Protocol::rest_xml:
            INVARIANT(false);
    }
    return out;
}

}  // namespace wire
