// A vector of plain values whose first few are in the object itself: one that stays small allocates nothing.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace base {

template <class T, size_t inline_max>
    requires std::is_trivially_copyable_v<T>
class SmallVector {
public:
    SmallVector() {}  // NOLINT(modernize-use-equals-default): which would clear the values
    // Only what there is is copied.
    SmallVector(const SmallVector& other) : size_(other.size_), beyond_(other.beyond_) { take_first(other); }
    SmallVector(SmallVector&& other) noexcept : size_(other.size_), beyond_(std::move(other.beyond_)) {
        take_first(other);
        other.clear();
    }
    SmallVector& operator=(const SmallVector& other) {
        if (this == &other) return *this;
        size_ = other.size_;
        beyond_ = other.beyond_;
        take_first(other);
        return *this;
    }
    SmallVector& operator=(SmallVector&& other) noexcept {
        if (this == &other) return *this;
        size_ = other.size_;
        beyond_ = std::move(other.beyond_);
        take_first(other);
        other.clear();
        return *this;
    }
    ~SmallVector() = default;

    void push_back(const T& value) {
        if (size_ < inline_max)
            first_[size_++] = value;
        else
            push_beyond(value);
    }
    // REQUIRES: they are not of this vector.
    void append(std::span<const T> values) {
        if (values.size() <= inline_max - std::min(size_, inline_max)) {
            std::ranges::copy(values, first_.begin() + size_);
            size_ += values.size();
            return;
        }
        for (const T& value : values) push_back(value);
    }
    void clear() noexcept {
        beyond_.clear();
        size_ = 0;
    }

    [[nodiscard]] size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }
    [[nodiscard]] T* data() { return beyond_.empty() ? first_.data() : beyond_.data(); }
    [[nodiscard]] const T* data() const { return beyond_.empty() ? first_.data() : beyond_.data(); }
    [[nodiscard]] T* begin() { return data(); }
    [[nodiscard]] const T* begin() const { return data(); }
    [[nodiscard]] T* end() { return data() + size_; }
    [[nodiscard]] const T* end() const { return data() + size_; }
    [[nodiscard]] T& operator[](size_t i) { return data()[i]; }
    [[nodiscard]] const T& operator[](size_t i) const { return data()[i]; }

private:
    [[gnu::noinline]] void push_beyond(T value) {
        if (beyond_.empty()) beyond_.assign(first_.begin(), first_.end());
        beyond_.push_back(value);
        ++size_;
    }
    void take_first(const SmallVector& other) {
        if (beyond_.empty()) std::copy_n(other.first_.begin(), std::min(size_, inline_max), first_.begin());
    }

    size_t size_ = 0;
    std::array<T, inline_max> first_;
    std::vector<T> beyond_;  // all of them, once they are more than fit
};

}  // namespace base
