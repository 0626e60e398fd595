// A service that acts on its own, without a request on the wire: what policies may ask about what it does. Every decision about
// a service gets its condition keys here, those that are made and those that are asked about in advance.
// Source: IAM User Guide, "AWS global condition context keys".
#pragma once

#include <string>

#include "base/clock.hpp"
#include "policy/request.hpp"

namespace identity {

struct ServiceCall {
    std::string service;         // sagemaker.amazonaws.com
    std::string region;          // that serves it
    std::string source_account;  // for whom it acts, and for what; empty: not known
    std::string source_arn;
};

// The keys that every request has: the time, the region, and that it is not a service's call on behalf of a principal.
void set_circumstances(policy::Context& context, base::Time now, const std::string& region);

[[nodiscard]] policy::Context context_of(const ServiceCall& call, base::Time now);

}  // namespace identity
