// Errors on the wire: the one table from AWS's error code to HTTP status, and the shapes that each protocol gives an error.
//
//   S3      <Error><Code/><Message/>…<RequestId/><HostId/></Error> with the members of this error (s3_error.hpp); a HEAD's answer
//           has no body (S3 Control: the same inside of <ErrorResponse>)
//   Query   <ErrorResponse xmlns><Error><Type>Sender</Type><Code/><Message/></Error><RequestId/></ErrorResponse>
//   JSON    {"__type":"Code","message":"…"} and x-amzn-errortype
//           (REST-JSON: and what AWS's model gives the error beside it, such as the resource that does not exist: notes `member: value`)
//   CBOR    {"__type":"com.amazonaws.cloudwatch#Code","message":"…"}
//   EC2     <Response><Errors><Error><Code/><Message/></Error></Errors><RequestID/></Response>; only to say that EC2 is not
//   served
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "http/message.hpp"

namespace wire {

enum class ErrorShape : uint8_t { s3, query, ec2, json, cbor };

// What the client's library will read: the shape of the service or, where that is not served here or could not be told (""), what
// the request looks like.
[[nodiscard]] ErrorShape error_shape(std::string_view service, const http::RequestHead& head);

// What AWS says in that shape of an operation that does not exist.
[[nodiscard]] std::string_view unknown_operation_code(ErrorShape shape);

// 500 for a code that is in no table: an internal code must not reach a client as if it were the client's mistake.
[[nodiscard]] int status_of(std::string_view service, std::string_view code);

// The answer for an error. Internal codes become `InternalError`/`InternalFailure` and keep their message out of the client's
// sight. `head` is the request's (method, path). `right_region`: S3's answer to a request signed for another names it.
[[nodiscard]] http::Response encode_error(std::string_view service, const base::Error& error, const http::RequestHead& head,
                                          std::string_view request_id, std::string_view right_region = {});

// x-amz-request-id (S3) or x-amzn-requestid; for answers that carry none yet.
void add_request_id(http::Headers& headers, std::string_view service, std::string_view request_id);

}  // namespace wire
