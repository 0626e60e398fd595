// The head of the request that a REST-XML input stands for, as clients write it: for questions about requests that nobody has made,
// which go the same way as the ones that come.
#pragma once

#include "http/message.hpp"
#include "model/rest.hpp"

namespace wire {

// `input`: a struct of the operation's input. Of members in the body nothing is written. Read by read_s3_request and read_rest_head; a
// key that is empty, say, makes another operation's head of it, as it does on the wire.
[[nodiscard]] http::RequestHead write_rest_head(const model::Operation& operation, const void* input);

}  // namespace wire
