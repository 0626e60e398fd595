// Errors of the server itself, where the role or the data of a job is asked about: no fault of theirs.
#pragma once

#include "base/error_codes.hpp"
#include "base/result.hpp"

namespace training {

[[nodiscard]] inline bool is_server_trouble(const base::Error& error) {
    return error.code == base::code::InsufficientStorage || error.code == base::code::InternalError ||
           error.code == base::code::InternalFailure || error.code == base::code::ServiceUnavailable ||
           error.code == base::code::SlowDown;
}

}  // namespace training
