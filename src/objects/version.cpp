#include "objects/version.hpp"

#include <charconv>

namespace objects {
namespace {

constexpr size_t order_digits = 16;

}  // namespace

Order order_at(base::Time time) { return static_cast<Order>(time.time_since_epoch().count()) << 16; }

std::string order_text(Order order) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text(order_digits, '0');
    Order left = ~order;
    for (size_t at = order_digits; at > 0; left >>= 4) text[--at] = digits[left & 0xf];
    return text;
}

std::string make_version_id(Order order, crypto::Random& random) { return order_text(order) + random.hex(order_digits); }

bool is_version_id(std::string_view id) {
    return id.size() == 2 * order_digits && id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Order order_of_id(std::string_view id) {
    Order left = 0;
    std::from_chars(id.data(), id.data() + order_digits, left, 16);
    return ~left;
}

}  // namespace objects
