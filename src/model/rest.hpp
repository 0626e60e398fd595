// What a REST-XML service's tables (shape.hpp) have beyond types: where requests and answers have their members in HTTP, which
// request is which operation, and the errors of members. Made by tools/modelgen/rest.py of AWS's model and of models/SERVICE.yaml;
// read by wire/rest_xml.cpp and wire/s3_request.cpp.
#pragma once

#include "model/shape.hpp"

namespace model {

// Of a header or a query parameter that is not what it should be; of an element of a document, that it is there at all.
struct MemberError {
    std::string_view code, message;            // empty: what cannot be read counts as not sent
    std::span<const std::string_view> values;  // all that it may be; empty: whatever its type has
    std::string_view empty;                    // what an empty one stands for; empty: itself
    bool before_decision = false;              // what is decided on: the error comes before the decision, else after it
    bool missing = false;                      // the error of a missing one too
    bool empty_is_absent = false;              // an empty one counts as not sent
    size_t items_max = 0;                      // of a list; 0: any number
};

struct RestOperation {
    // The request. Fields of its input by their place, sorted by their wire names in lower case.
    std::span<const uint16_t> headers;
    std::span<const uint16_t> parameters;
    const Field* payload = nullptr;      // the member that the body is: a structure, a text or a stream
    std::string_view request_root;       // of a body that is a document
    size_t body_bytes_max = 0;           // of a body that is not a stream
    bool decided_on_body = false;        // the body is read and decoded before the decision
    bool needs_digest = false;           // Content-MD5 or a checksum must protect the body
    bool writes_object = false;          // RefusedHeader::Of::object_writes
    std::string_view malformed_code;     // what a body that is no such document is answered with;
    std::string_view malformed_message;  // empty: MalformedXML
    // The answer.
    int status = 200;
    const Field* answer_payload = nullptr;
    std::string_view answer_root;   // of a body that is a document; empty: it has none
    bool unwrapped = false;         // the document is a text in its root
    std::string_view content_type;  // where it isn't that of a document, or of no body
};

enum class Level : uint8_t { service, bucket, object, control };

// The first one that fits decides.
struct Route {
    static constexpr uint8_t takes_part = 1, takes_version = 2;

    Level level;
    std::string_view method;
    std::string_view parameter;  // the query parameter that makes it this operation; empty: none
    std::string_view operation;
    std::string_view header, and_parameter;  // what must be there too; empty: nothing
    uint8_t takes = 0;                       // whether it acts on a part, on a version that a parameter names
};

// A header that asks for what is not here.
struct RefusedHeader {
    enum class Of : uint8_t { reads, writes, object_writes };

    std::string_view name;   // in lower case …
    bool is_prefix = false;  // … or what it begins with
    Of of = Of::writes;
    std::span<const std::string_view> unless;  // values that ask for nothing
    std::span<const std::string_view> known;   // the row is about these values alone; empty: about all
    std::string_view code, message;            // `{header}`, `{value}` stand for what was sent
};

struct RestService {
    std::span<const Route> routes;
    std::span<const std::string_view> steering;   // parameters of reading operations that choose none
    std::span<const std::string_view> elsewhere;  // what chooses operations of AWS that are in no route
    std::span<const std::string_view> with_id;    // parameters that choose among configurations, each with an `id`
    std::span<const RefusedHeader> refused_headers;
};

}  // namespace model
