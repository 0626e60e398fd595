// Where something lies in the properties of a resource, as the options of a program name it:
//
//   tags   tags.team   tags["a.b"]   rules[0].id   rules[*].id   *
//
// A secret on the way is looked into, and what comes out of it stays a secret.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "provider/property.hpp"

namespace deploy {

class PropertyPath {
public:
    // Error `InvalidPropertyPath`.
    [[nodiscard]] static base::Result<PropertyPath> parse(std::string_view text);

    // Puts what `from` has there in the place of what `into` has; where `from` has nothing, `into` has nothing afterwards.
    void copy(const provider::Property& from, provider::Property& into) const;
    // Do the two differ there?
    [[nodiscard]] bool differs(const provider::Property& a, const provider::Property& b) const;
    void make_secret(provider::Property& value) const;
    // Does it name the whole of this top-level property?
    [[nodiscard]] bool covers(std::string_view property) const;

private:
    struct Step {
        enum class Kind : uint8_t { name, index, each };
        Kind kind = Kind::name;
        std::string name;
        size_t index = 0;
    };
    static provider::Property select(const provider::Property& at, const Step& step);
    static void put(provider::Property& at, const Step& step, provider::Property value);
    [[nodiscard]] std::vector<Step> resolve(const Step& step, const provider::Property& a, const provider::Property& b,
                                            bool last) const;
    void copy(const provider::Property& from, provider::Property& into, size_t depth) const;
    [[nodiscard]] bool differs(const provider::Property& a, const provider::Property& b, size_t depth) const;
    void make_secret(provider::Property& value, size_t depth) const;

    std::vector<Step> steps_;
};

}  // namespace deploy
