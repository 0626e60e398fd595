// Randomness from the operating system. Everything that needs some takes a Random&, so tests can repeat.
#pragma once

#include <string>
#include <string_view>

namespace crypto {

class Random {
public:
    virtual ~Random() = default;
    [[nodiscard]] virtual std::string bytes(size_t count) = 0;

    [[nodiscard]] std::string hex(size_t digits);
    // Each character drawn evenly from the alphabet (at most 256 characters).
    [[nodiscard]] std::string text(size_t length, std::string_view alphabet);
    [[nodiscard]] std::string uuid();  // version 4, lower case
};

class SystemRandom final : public Random {
public:
    [[nodiscard]] std::string bytes(size_t count) override;
};

}  // namespace crypto
