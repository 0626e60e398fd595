// The global condition keys that a request itself carries (the caller's own come with the Caller).
// Source: IAM User Guide, "AWS global condition context keys"; Service Authorization Reference, Amazon S3 (s3:authType and its
// kin).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "http/message.hpp"
#include "policy/request.hpp"
#include "wire/sigv4.hpp"

namespace gate {

struct RequestFacts {
    const http::Request* http = nullptr;  // nullptr: a hypothetical one
    std::string service;
    std::string region;
    const wire::Signature* signature = nullptr;  // nullptr: anonymous
    base::Time now;
};

[[nodiscard]] policy::Context global_context(const RequestFacts& facts);

// Do clients come to this server over TLS? Of requests that are supposed and not made: aws:SecureTransport. Said once, before the first.
void set_clients_use_tls(bool they_do);
[[nodiscard]] bool clients_use_tls();

// "::ffff:10.0.0.1" is 10.0.0.1: IpAddress conditions are written for the address that the client has.
[[nodiscard]] std::string plain_address(std::string_view peer);

}  // namespace gate
