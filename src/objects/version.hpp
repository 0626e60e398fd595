// Version ids. Pure.
//
// An id begins with what it is ordered by, newest first: 16 digits of what is left of 2^64 behind its time; 16 digits at random follow, so that
// no id comes twice. To clients it is opaque, as AWS's are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "crypto/random.hpp"

namespace objects {

// Of the version that was written while versioning was off or suspended.
constexpr std::string_view null_version = "null";

// When a version was made, in 1/65536 milliseconds: each of a key has another one.
using Order = uint64_t;
[[nodiscard]] Order order_at(base::Time time);

// 16 digits: a text that sorts before that of every earlier order.
[[nodiscard]] std::string order_text(Order order);
[[nodiscard]] std::string make_version_id(Order order, crypto::Random& random);
[[nodiscard]] bool is_version_id(std::string_view id);  // one that this program makes; `null` is none
// REQUIRES: is_version_id, or an order_text.
[[nodiscard]] Order order_of_id(std::string_view id);

}  // namespace objects
