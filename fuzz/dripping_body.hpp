// A body that comes in pieces of at most so many bytes, and does not say how many will come.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>

#include "http/message.hpp"

class Dripping final : public http::BodyReader {
public:
    Dripping(std::string_view content, size_t step) : content_(content), step_(step) {}
    base::Result<size_t> read(std::span<char> into) override {
        const auto count = std::min(std::min(into.size(), step_), content_.size());
        std::copy(content_.data(), content_.data() + count, into.data());
        content_.remove_prefix(count);
        return count;
    }
    [[nodiscard]] std::optional<uint64_t> length() const override { return std::nullopt; }

private:
    std::string_view content_;
    size_t step_;
};
