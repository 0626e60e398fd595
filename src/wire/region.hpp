// Which region serves a request. A signature names one; it counts only where this server serves it, because policies decide on
// it (aws:RequestedRegion) and resources live in it.
//
// Sources: IAM User Guide, "AWS global condition context keys", aws:RequestedRegion ("IAM calls are always made to the us-east-1
// Region"); Amazon S3, "Error responses" (AuthorizationHeaderMalformed, whose `Region` clients sign for and ask again).
//
//   IAM                        one service for all regions: us-east-1, whichever served region the client is set to
//   other services             the region that the signature names, if it is served
//   S3, a bucket               the bucket's own region (services/s3), which the signature must name
//   no signature, or one of Version 2 (it names no region)      the bucket's, else the server's first
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/result.hpp"
#include "wire/sigv4.hpp"

namespace wire {

constexpr std::string_view global_region = "us-east-1";

// Lower-case letters, digits and hyphens, as in eu-central-1.
[[nodiscard]] bool is_region_name(std::string_view text);

[[nodiscard]] bool is_served(std::string_view region, std::span<const std::string> served);

// May a request to this service carry this signature? Errors: wrong_region(), or `SignatureDoesNotMatch` for other services.
[[nodiscard]] base::Result<void> check_region(const Signature& signature, std::string_view service,
                                              std::span<const std::string> served);

// What S3 answers to a signature for a region other than the one that serves.
[[nodiscard]] base::Error wrong_region(const Signature& signature, std::string_view right);

// aws:RequestedRegion. `signature` passed check_region, or is nullptr: anonymous. REQUIRES: served is not empty.
[[nodiscard]] std::string region_that_serves(std::string_view service, const Signature* signature,
                                             std::span<const std::string> served);

}  // namespace wire
