// A file descriptor that closes itself, and a pipe of two.
#pragma once

#include <utility>

#include "base/result.hpp"

namespace os {

class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        if (this != &other) {
            close();
            number_ = std::exchange(other.number_, -1);
        }
        return *this;
    }
    ~Descriptor() { close(); }

    [[nodiscard]] int number() const { return number_; }
    [[nodiscard]] bool is_open() const { return number_ >= 0; }
    [[nodiscard]] int release() { return std::exchange(number_, -1); }
    void close();

private:
    int number_ = -1;
};

struct Pipe {
    Descriptor read, write;
};
// Both ends close on exec. Error `FileError`.
[[nodiscard]] base::Result<Pipe> make_pipe();

}  // namespace os
