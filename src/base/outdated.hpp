// The error of a call that was not made because what its caller had decided on (an object, a bucket, a policy) changed between the
// decision and the call. Nothing was done; the gate decides again on what is there now. It never reaches a client.
#pragma once

#include <string_view>

#include "base/result.hpp"

namespace base {

constexpr std::string_view decision_outdated = "DecisionOutdated";

[[nodiscard]] inline std::unexpected<Error> fail_outdated(std::string what) {
    return fail(std::string(decision_outdated), std::move(what) + " changed since it was decided on");
}

}  // namespace base
