#include "http/message.hpp"

#include <algorithm>
#include <cstring>

#include "base/error_codes.hpp"
#include "base/strings.hpp"

namespace http {

using base::fail;
using base::Result;

namespace {
constexpr size_t first_read_bytes = 16384;
}

void Headers::set(std::string_view name, std::string value) {
    std::erase_if(fields_, [&](const Field& field) { return base::equals_ignoring_case(field.first, name); });
    fields_.emplace_back(std::string(name), std::move(value));
}

const std::string* Headers::find(std::string_view name) const {
    const auto found =
        std::ranges::find_if(fields_, [&](const Field& field) { return base::equals_ignoring_case(field.first, name); });
    return found == fields_.end() ? nullptr : &found->second;
}

std::string Headers::get(std::string_view name) const {
    const auto* found = find(name);
    return found ? *found : std::string();
}

size_t Headers::count(std::string_view name) const {
    return static_cast<size_t>(
        std::ranges::count_if(fields_, [&](const Field& field) { return base::equals_ignoring_case(field.first, name); }));
}

Result<std::string> BodyReader::read_all(size_t most) {
    const auto too_large = [&] {
        return fail(base::code::EntityTooLarge, "the request body is larger than " + std::to_string(most) + " bytes");
    };
    if (const auto expected = length(); expected && *expected > most) return too_large();
    std::string out;
    size_t filled = 0;
    while (true) {
        if (filled == out.size()) {
            const size_t larger = std::min(most + 1, std::max(first_read_bytes, out.size() * 2));
            TRY(reserve(larger - out.size()));
            out.resize(larger);
        }
        const size_t got = TRY(read(std::span(out).subspan(filled)));
        if (got == 0) break;
        filled += got;
        if (filled > most) return too_large();
    }
    out.resize(filled);
    return out;
}

Result<size_t> StringBody::read(std::span<char> into) {
    const size_t count = std::min(into.size(), content_.size() - at_);
    std::memcpy(into.data(), content_.data() + at_, count);
    at_ += count;
    return count;
}

}  // namespace http
