// The REST-XML protocol over the tables of model/rest.hpp: S3's requests and answers as typed values. A request's members are in
// its head (path, query, headers) and in its body; an operation's row says whether its body is read before or after the decision.
//
// Source: Smithy, "AWS restXml protocol"; Amazon S3 API Reference, the request and response syntax of each action.
#pragma once

#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "http/message.hpp"
#include "model/rest.hpp"
#include "wire/s3_request.hpp"

namespace wire {

// Of every request, before anything else of it is looked at: a header that may stand there once does not stand there twice with
// different values (R81). Error `InvalidArgument`.
// One that asks for what no operation has (models/s3.yaml, refused_headers: encryption) is handed on as its error: it is told after the
// decision.
[[nodiscard]] base::Result<std::optional<base::Error>> check_rest_headers(const model::Service& service,
                                                                          const http::RequestHead& head);

// The members in the head, into an empty struct of the operation's input. What cannot be read is its error of models/s3.yaml, or
// counts as not sent. An error of a member that is not decided on, or of a refused header, is handed on: it is told after the decision.
[[nodiscard]] base::Result<std::optional<base::Error>> read_rest_head(const model::Operation& operation,
                                                                      const http::RequestHead& head, const S3Request& request,
                                                                      void* input);

// Whether something in the head protects the body: Content-MD5, a checksum, or a trailer that will bring one.
[[nodiscard]] bool has_digest(const http::RequestHead& head);
// Whether the operation takes a body that is read whole.
[[nodiscard]] bool takes_document(const model::Operation& operation);
// How many bytes that takes besides the body, at most, and without doing it.
[[nodiscard]] size_t document_bytes_at_most(std::string_view body);
// Its members, into the same struct. REQUIRES: takes_document. Error `MalformedXML`, with a note that names the place.
[[nodiscard]] base::Result<void> read_rest_body(const model::Operation& operation, std::string_view body, void* input);

// The answer, without a request id. `output`: a struct of the operation's output. An answer of status 304 has no body.
[[nodiscard]] http::Response write_rest(const model::Operation& operation, const http::RequestHead& head, const void* output);

}  // namespace wire
