// A table of a compiled policy: what a span is, but for its size, which is kept in bytes and divided when it is asked for. The engine makes
// many and asks few.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace policy {

template <class T>
class Table {
public:
    Table() = default;
    Table(const T* first, size_t bytes) : first_(first), bytes_(bytes) {}

    [[nodiscard]] const T* data() const { return first_; }
    [[nodiscard]] size_t size() const { return bytes_ / sizeof(T); }
    [[nodiscard]] bool empty() const { return bytes_ == 0; }
    [[nodiscard]] const T& operator[](size_t at) const { return first_[at]; }
    [[nodiscard]] const T& front() const { return first_[0]; }
    [[nodiscard]] const T* begin() const { return first_; }
    [[nodiscard]] const T* end() const { return first_ + size(); }
    [[nodiscard]] std::span<const T> subspan(size_t at, size_t size) const { return {first_ + at, size}; }
    operator std::span<const T>() const { return {first_, size()}; }  // NOLINT(google-explicit-constructor)

private:
    const T* first_ = nullptr;
    size_t bytes_ = 0;
};

// One whose size nobody asks for: ranges of it say how long they are.
template <class T>
class Rows {
public:
    Rows() = default;
    Rows(const T* first) : first_(first) {}                  // NOLINT(google-explicit-constructor)
    Rows(const std::vector<T>& all) : first_(all.data()) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] const T& operator[](size_t at) const { return first_[at]; }
    [[nodiscard]] std::span<const T> subspan(size_t at, size_t size) const { return {first_ + at, size}; }

private:
    const T* first_ = nullptr;
};

}  // namespace policy
