// A form upload as the PutObject that it is: what the form says stands in the head as a client of PutObject would have sent it, so that everything that
// holds for PutObject (members, condition keys, refusals) holds for it. Headers of the HTTP request itself say nothing of the object.
//
// Source: Amazon S3 API Reference, "POST Object".
#pragma once

#include "base/result.hpp"
#include "http/message.hpp"
#include "wire/post_form.hpp"
#include "wire/s3_request.hpp"

namespace wire {

// REQUIRES: `request` is of a POST into a bucket. Errors: `InvalidArgument`, `MalformedXML` (tagging).
[[nodiscard]] base::Result<void> take_form(const PostForm& form, http::RequestHead& head, S3Request& request);

// What the form wants to hear of a success: 204, 200, 201 with a document, or a redirect. `stored`: PutObject's answer.
[[nodiscard]] http::Response form_answer(const PostForm& form, const http::Request& request, const S3Request& asked,
                                         http::Response stored);

}  // namespace wire
