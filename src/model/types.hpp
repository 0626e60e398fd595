// What the generated types of service models are made of (tools/modelgen/typed.py; generated headers are
// `model/SERVICE/GROUP.hpp`).
//
//   model              C++
//   a required member  T                            any other    std::optional<T>
//   string, blob       std::string (decoded bytes)  timestamp    base::Time
//   integer            int32_t                      long         int64_t         float, double    double
//   list               std::vector<T>               map          Map<T>, in the order of the wire
//   enum               enum class; `unknown` is what no request yields; its words: words.hpp
//   structure          an aggregate with AWS's name, so that handlers write {.role_name = …}
//
// An operation is a type with the types `Input` and `Output` and the constant `operation` (shape.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"

namespace model {

struct Operation;
struct Service;
struct Shape;

template <class T>
using Map = std::vector<std::pair<std::string, T>>;

// Of an operation that takes or gives nothing.
struct Nothing {};

// A list's items; of an absent one, none.
template <class T>
[[nodiscard]] std::span<const T> items(const std::optional<std::vector<T>>& list) {
    return list ? std::span<const T>(*list) : std::span<const T>();
}

// A text member's text; of an absent one, none.
[[nodiscard]] inline std::string_view text(const std::optional<std::string>& member) {
    return member ? std::string_view(*member) : std::string_view();
}

}  // namespace model
