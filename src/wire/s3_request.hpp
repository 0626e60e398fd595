// Which S3 operation an HTTP request is: the bucket, the key, the sub-resource. S3 names its operations nowhere in a
// request; they follow from the method, from whether there is a bucket and a key, and from one query parameter.
//
// Source: Amazon S3 API Reference, the request syntax of each action; "Virtual hosting of buckets".
// The bucket is in the path (`/bucket/key`) or in the host (`bucket.s3.…`, `bucket.localhost`): a host that is an address or that
// starts with `s3.` or `s3-` holds none, nor does `storage.localhost`. Where the server was told which hosts are its own (`serve --domain`), buckets
// are in hosts below those and below localhost, and in no others: a client that calls any other host writes the bucket into the path.
//
// The operations are AWS's model's, with their methods and parameters (model/rest.hpp).
//
// What a request says must lead to one operation or to none: a parameter that this method, or this operation, does not have, two
// sub-resources, a part number without an upload are errors, never the plain operation on the bucket or the object.
//
// Requests of Amazon S3 Control come to the same endpoint (`/v20180820/…` with x-amz-account-id, or a host `ACCOUNT.s3-control.…`); of that API
// the tags of buckets and the public access block of accounts are served.
//
// What browsers ask before a request to another site (OPTIONS) is of no operation of AWS's model: it is PreflightRequest, as CloudTrail has it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "http/message.hpp"
#include "text/uri.hpp"

namespace wire {

struct S3Request {
    std::string operation;        // as AWS names it: PutObject, GetBucketPolicy, …
    std::string bucket;           // empty: the service itself (ListBuckets)
    std::string key;              // decoded; empty: the bucket itself
    text::QueryParameters query;  // decoded

    [[nodiscard]] const std::string* parameter(std::string_view name) const;  // nullptr if absent
};

// Pure. Errors: `NotImplemented` naming a sub-resource that is unknown here, `MethodNotAllowed`, `InvalidArgument` (parameters that do not
// go together), `InvalidURI` (broken escapes).
[[nodiscard]] base::Result<S3Request> read_s3_request(const http::RequestHead& head);

// The path of an operation of S3 Control; `arn`, encoded: of the bucket whose tags it is about.
[[nodiscard]] std::string s3_control_path(std::string_view operation, std::string_view arn);
constexpr std::string_view s3_control_namespace = "http://awss3control.amazonaws.com/doc/2018-08-20/";
// Whether it is a request of S3 Control, whose errors look otherwise.
[[nodiscard]] bool is_s3_control(const http::RequestHead& head);

// The bucket and the key that a request names, decoded; "" if it names none. Nothing for broken escapes.
struct S3Address {
    std::string bucket, key;
};
[[nodiscard]] std::optional<S3Address> s3_address(const http::RequestHead& head);

// The bucket that a Host header names, or "".
[[nodiscard]] std::string_view bucket_of_host(std::string_view host);

// Whether it is a host below which there can be buckets: two or more names of letters, digits and hyphens. No address.
[[nodiscard]] bool is_domain(std::string_view name);
// The server's own domains, in lower case, before anything is served. REQUIRES: is_domain of each; no requests are read meanwhile.
void set_s3_domains(std::vector<std::string> domains);

}  // namespace wire
