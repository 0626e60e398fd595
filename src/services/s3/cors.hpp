// Cross-Origin Resource Sharing on the wire: what browsers are told of a bucket's rules (objects/cors.hpp).
#pragma once

#include <string_view>

#include "gate/gate.hpp"
#include "http/message.hpp"
#include "objects/storage.hpp"

namespace services::s3 {

// Adds to an answer what the bucket allows the page to read of it that the request's Origin names. Nothing where no rule fits.
void add_cors_headers(const objects::Storage& storage, std::string_view bucket, const http::RequestHead& head,
                      http::Headers& answer);

// What browsers ask before a request (OPTIONS): of no operation of AWS's model. Needs no permission: it tells what the bucket's owner has
// published for pages of other sites. Errors `BadRequest`, `AccessForbidden`, `NoSuchBucket`.
[[nodiscard]] gate::Operation preflight_operation(const objects::Storage& storage);

}  // namespace services::s3
