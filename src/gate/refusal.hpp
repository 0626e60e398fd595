// A refusal that no policy has a say in, told by a service before the decision: what the request names is another account's. For the
// functions that say what a request needs: the record and what is asked in advance say refused, too. What a handler is permitted it does
// not refuse: what it would refuse is one of the rules that decide (policy/service_rules.hpp, RequiredAccesses::refuse_last_by,
// HeadFindings::rule). tests/layers.py holds handlers to it.
#pragma once

#include <string>

#include "base/error_codes.hpp"
#include "base/result.hpp"

namespace gate {

[[nodiscard]] inline std::unexpected<base::Error> refuse(std::string message) {
    return base::fail(base::code::AccessDenied, std::move(message));
}

}  // namespace gate
