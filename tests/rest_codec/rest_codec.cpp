// Decodes requests and encodes answers of S3 and S3 Control, one JSON object a line (rest_codec.py asks):
//
//   {"method": …, "path": …, "query": …, "headers": [[name, value], …], "body": BASE64}
//     -> {"operation": NAME, "input": DOCUMENT}, or {"operation": NAME, "error": CODE, "message": …}
//   {"service": NAME, "operation": NAME, "output": DOCUMENT, "stream": TEXT}
//     -> {"status": …, "headers": [[name, value], …], "body": BASE64}
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include "model/json.hpp"
#include "model/members.hpp"
#include "model/rest.hpp"
#include "model/services.hpp"
#include "model/stream.hpp"
#include "text/base64.hpp"
#include "wire/rest_xml.hpp"
#include "wire/s3_request.hpp"

using text::Json;

namespace {

const model::Service& service_named(const std::string& name) {
    for (const auto* service : model::services())
        if (service->name == name) return *service;
    std::cerr << "no service " << name << "\n";
    std::exit(1);
}

// nullptr: one that is refused.
const model::Operation* operation_named(const model::Service& service, const std::string& name) {
    for (const auto* operation : service.operations)
        if (operation->name == name) return operation;
    return nullptr;
}

// A struct of the shape's type.
using Value = std::unique_ptr<void, void (*)(void*)>;
Value value_of(const model::Service& service, const model::Shape& shape) {
    for (const auto& [name, structs] : model::StructsOfService::every())
        for (const auto& one : structs)
            if (name == service.name && one.name == shape.name) return {one.make(), one.destroy};
    std::cerr << "no struct " << shape.name << "\n";
    std::exit(1);
}

Json refused(const std::string& operation, const base::Error& error) {
    return Json::object({{"operation", operation}, {"error", error.code}, {"message", error.describe()}});
}

Json decoded(const Json& request) {
    http::RequestHead head{.method = request["method"].as_string(),
                           .path = request["path"].as_string(),
                           .query = request["query"].as_string(),
                           .headers = {}};
    for (const auto& header : request["headers"].items())
        head.headers.add(header.items()[0].as_string(), header.items()[1].as_string());
    const auto read = wire::read_s3_request(head);
    if (!read) return refused("", read.error());
    const auto& service = service_named(wire::is_s3_control(head) ? "s3control" : "s3");
    const auto* served = operation_named(service, read->operation);
    if (!served) return refused(read->operation, base::Error("NoSuchOperation", read->operation));
    const auto& operation = *served;
    const auto checked = wire::check_rest_headers(service_named("s3"), head);
    if (!checked) return refused(read->operation, checked.error());
    if (*checked) return refused(read->operation, **checked);
    const auto input = value_of(service, *operation.input);
    const auto later = wire::read_rest_head(operation, head, *read, input.get());
    if (!later) return refused(read->operation, later.error());
    if (*later) return refused(read->operation, **later);
    if (wire::takes_document(operation)) {
        const auto body = text::decode_base64(request["body"].as_string());
        if (auto body_read = wire::read_rest_body(operation, *body, input.get()); !body_read)
            return refused(read->operation, body_read.error());
    }
    return Json::object({{"operation", read->operation}, {"input", model::write_document(*operation.input, input.get())}});
}

Json encoded(const Json& answer) {
    const auto& service = service_named(answer["service"].as_string());
    const auto& operation = *operation_named(service, answer["operation"].as_string());
    const auto output = value_of(service, *operation.output);
    const model::Operation reads_outputs{.name = operation.name, .service = operation.service, .input = operation.output};
    if (auto read = model::read_document(reads_outputs, answer["output"], output.get()); !read)
        return refused(std::string(operation.name), read.error());
    for (const auto& field : operation.output->fields)
        if (field.location == model::Location::stream)
            *static_cast<model::ResponseBody*>(field.make(output.get())) = answer["stream"].as_string();
    http::RequestHead head;
    head.method = operation.name.starts_with("Head") ? "HEAD" : "GET";
    const auto response = wire::write_rest(operation, head, output.get());
    Json headers = Json::array();
    for (const auto& [name, value] : response.headers.fields()) headers.push(Json::array({name, value}));
    if (response.content_length) headers.push(Json::array({"Content-Length", std::to_string(*response.content_length)}));
    return Json::object(
        {{"status", response.status}, {"headers", headers}, {"body", text::encode_base64(std::get<std::string>(response.body))}});
}

}  // namespace

int main() {
    std::string line;
    while (std::getline(std::cin, line)) {
        const auto asked = text::parse_json(line);
        if (!asked) return 1;
        std::cout << (asked->contains("method") ? decoded(*asked) : encoded(*asked)).dump() << std::endl;
    }
    return 0;
}
