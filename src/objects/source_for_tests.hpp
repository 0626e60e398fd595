// What is to be stored, from memory, for tests.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <utility>

#include "objects/storage.hpp"

namespace objects {

[[nodiscard]] inline Source bytes(std::string content) {
    return [content = std::move(content), at = size_t{0}](std::span<char> into) mutable -> base::Result<size_t> {
        const auto count = std::min(into.size(), content.size() - at);
        std::memcpy(into.data(), content.data() + at, count);
        at += count;
        return count;
    };
}

}  // namespace objects
