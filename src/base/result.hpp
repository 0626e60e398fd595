// Result<T>: a value or an Error. Operating errors are values; programmer errors fail an INVARIANT (base/invariant.hpp).
#pragma once

#include <expected>

#include "base/error.hpp"

namespace base {

template <class T = void>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(std::string code, std::string message) {
    return std::unexpected<Error>(Error(std::move(code), std::move(message)));
}
[[nodiscard]] inline std::unexpected<Error> fail(Error error) { return std::unexpected<Error>(std::move(error)); }

}  // namespace base

// TRY(expr): the value of a Result, or return its error from the enclosing function.
// Takes Results by value only: a TRY of a reference would move out of its owner's object.
#define TRY(...)                                                                  \
    __extension__({                                                               \
        auto try_result = (__VA_ARGS__);                                          \
        if (!try_result) [[unlikely]]                                             \
            return std::unexpected<::base::Error>(std::move(try_result).error()); \
        std::move(try_result).value();                                            \
    })
