// The findings of one document, while it is looked through.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lint/checks.hpp"
#include "lint/place.hpp"
#include "lint/validate.hpp"

namespace lint {

// Text of the document in a sentence: quoted, and cut off where it is long.
[[nodiscard]] std::string shown(std::string_view text);
// ` Did you mean `Action`?`; empty if none is near.
[[nodiscard]] std::string meant(std::string_view word, const std::vector<std::string>& known);

class Collector {
public:
    explicit Collector(const Limits& limits) : limits_(limits) {}

    // Places must point into nodes that live until finish().
    void add(const Check& check, std::string details, std::vector<Place> places);
    void add(const Check& check, std::string details, const Place& place) {
        add(check, std::move(details), std::vector<Place>{place});
    }
    // At one byte of a document that could not be read.
    void add_at(const Check& check, std::string details, size_t byte);
    // What was not checked, and why. Once each.
    void unknown(std::string what);

    [[nodiscard]] const Limits& limits() const { return limits_; }
    [[nodiscard]] bool is_full() const { return pending_.size() >= limits_.findings_max; }

    // In the order of the document.
    [[nodiscard]] Report finish(std::string_view document) &&;

private:
    struct Pending {
        Check check;
        std::string details;
        std::vector<Place> places;
        Range at;  // of a document without places
    };
    Limits limits_;
    std::vector<Pending> pending_;
    std::vector<std::string> unknown_;
};

// Positions of bytes of a document, asked in rising order: one pass.
class Positions {
public:
    explicit Positions(std::string_view document) : document_(document) {}
    // REQUIRES: not before the byte that was asked last.
    [[nodiscard]] Position of(size_t byte);

private:
    std::string_view document_;
    size_t at_ = 0;
    Position here_;
};

}  // namespace lint
