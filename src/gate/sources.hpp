// What something was made of, as bytes: equal for equal parts alone. Written once, with what was made, and compared part by part with what
// later requests have: nothing is put side by side for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "policy/glob.hpp"

namespace gate {

class WrittenSources {
public:
    static constexpr size_t bytes_max = 1024;

    void add(std::string_view part) {
        add(uint64_t{part.size()});
        add_bytes(part);
    }
    void add(uint64_t part) {
        char bytes[sizeof part];
        std::memcpy(bytes, &part, sizeof part);
        add_bytes({bytes, sizeof bytes});
    }
    [[nodiscard]] bool fits() const { return fits_; }  // else they are more than bytes_max
    [[nodiscard]] const std::string& bytes() const { return bytes_; }

private:
    void add_bytes(std::string_view bytes) {
        fits_ = fits_ && bytes.size() <= bytes_max - bytes_.size();
        if (fits_) bytes_ += bytes;
    }

    std::string bytes_;
    bool fits_ = true;
};

// Of what differs, nothing more is read.
class ComparedSources {
public:
    explicit ComparedSources(std::string_view written) : at_(written.data()), end_(written.data() + written.size()) {}

    void add(std::string_view part) {
        add(uint64_t{part.size()});
        if (!policy::begins_with({at_, left()}, part)) return differ();
        at_ += part.size();
    }
    void add(uint64_t part) {
        uint64_t written = 0;
        if (left() < sizeof written) return differ();
        std::memcpy(&written, at_, sizeof written);
        if (written != part) return differ();
        at_ += sizeof written;
    }
    [[nodiscard]] bool is_same() const { return is_same_ && at_ == end_; }

private:
    [[nodiscard]] size_t left() const { return static_cast<size_t>(end_ - at_); }
    void differ() {
        is_same_ = false;
        at_ = end_;
    }

    const char *at_, *end_;
    bool is_same_ = true;
};

}  // namespace gate
