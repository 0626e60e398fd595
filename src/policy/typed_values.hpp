// What a request's values are as addresses, numbers and dates: each is read once for a decision, however many conditions compare it.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <variant>

#include "policy/value.hpp"

namespace policy {

class TypedValues {
public:
    // nullptr if the text is not one. What is returned holds until the next call. The text must stay where it is.
    [[nodiscard]] const Network* address(const std::string& text) { return read<Network>(text, Network::parse); }
    [[nodiscard]] const Decimal* number(const std::string& text) { return read<Decimal>(text, Decimal::parse); }
    [[nodiscard]] const base::Time* date(const std::string& text) { return read<base::Time>(text, parse_date); }

private:
    template <class T>
    struct NotA {};  // the text was read and is none
    struct Slot {
        const std::string* text;
        std::variant<NotA<Network>, NotA<Decimal>, NotA<base::Time>, Network, Decimal, base::Time> value;
    };

    template <class T>
    const T* read(const std::string& text, std::optional<T> (*parse)(std::string_view)) {
        for (size_t i = 0; i < used_; ++i) {
            if (slots_[i].text != &text) continue;
            if (const T* value = std::get_if<T>(&slots_[i].value)) return value;
            if (std::holds_alternative<NotA<T>>(slots_[i].value)) return nullptr;
        }
        if (used_ < slots_.size()) ++used_;  // values beyond the slots share the last one
        Slot& slot = slots_[used_ - 1];
        slot.text = &text;
        const auto value = parse(text);
        if (!value) {
            slot.value = NotA<T>{};
            return nullptr;
        }
        return &slot.value.template emplace<T>(*value);
    }

    std::array<Slot, 6> slots_;
    size_t used_ = 0;
};

}  // namespace policy
