// Bytes of a file that are compared with their checksums before they are sent. Who owns the file says how, behind the type that answers carry
// (`std::shared_ptr<const void>`): those who only pass an answer on need not know.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "base/result.hpp"

namespace base {

// The owner's deleter, which is how it is found again.
struct CheckedBytes {
    std::shared_ptr<const void> owner;
    // Whether these bytes of the range are what was stored. An error: they must not be sent.
    std::function<Result<void>(uint64_t at, uint64_t length)> check;
    void operator()(const void*) const {}
};

[[nodiscard]] inline std::shared_ptr<const void> checked_owner(CheckedBytes bytes) {
    const void* address = bytes.owner.get();
    return {address, std::move(bytes)};
}

// Null: nothing is to be compared.
[[nodiscard]] inline const CheckedBytes* checked_bytes(const std::shared_ptr<const void>& owner) {
    return std::get_deleter<CheckedBytes>(owner);
}

}  // namespace base
