#include "proof/candidates.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <optional>

#include "policy/value.hpp"
#include "text/time.hpp"

namespace proof {

namespace {

using policy::Comparison;
using Shape = policy::Pattern::Shape;

constexpr size_t plain_digits_max = 200;

// Without an exponent.
struct Plain {
    std::string sign, whole, fraction;
};
std::optional<Plain> plain(bool negative, std::string digits, int point) {
    if (digits.empty()) return Plain{"", "0", ""};
    if (digits.size() > plain_digits_max || std::abs(point) > static_cast<int>(plain_digits_max)) return std::nullopt;
    Plain out{negative ? "-" : "", "0", ""};
    if (point <= 0) {
        out.fraction = std::string(static_cast<size_t>(-point), '0') + digits;
    } else {
        const auto size = static_cast<size_t>(point);
        if (digits.size() < size) digits.append(size - digits.size(), '0');
        out.whole = digits.substr(0, size);
        out.fraction = digits.substr(size);
    }
    return out;
}

// Each number, whole numbers beside it, and what is a little farther from zero than it: so one of every gap between them.
void add_numbers(Candidates& out, std::span<const KeyTest> tests) {
    constexpr size_t whole_digits_max = 17;
    std::vector<Plain> all;
    size_t fraction_max = 0;
    for (const auto& test : tests) {
        if (family_of(test.condition->op.comparison) != Family::number) continue;
        for (const auto& value : values_of(test)) {
            auto one = plain(value.decimal.negative, std::string(test.policy->text(value.decimal.digits)), value.decimal.point);
            if (!one || one->whole.size() > whole_digits_max) out.complete = false;
            if (!one) continue;
            fraction_max = std::max(fraction_max, one->fraction.size());
            all.push_back(*std::move(one));
        }
    }
    const auto add = [&](std::string text) { out.values.push_back(std::move(text)); };
    for (const auto& one : all) {
        add(one.sign + one.whole + (one.fraction.empty() ? "" : "." + one.fraction));
        if (one.whole.size() > whole_digits_max) continue;
        const int64_t whole = std::stoll(one.sign + one.whole);
        for (const int64_t beside : {whole, whole - 1, whole + 1}) add(std::to_string(beside));
    }
    all.push_back({"", "0", ""});
    all.push_back({"-", "0", ""});
    for (auto& one : all)
        add(one.sign + one.whole + "." + one.fraction + std::string(fraction_max - one.fraction.size(), '0') + "1");
    for (const char* sign : {"", "-"}) add(sign + std::string(plain_digits_max + 2, '9'));
}

void add_dates(Candidates& out, std::span<const KeyTest> tests) {
    for (const auto& test : tests) {
        if (family_of(test.condition->op.comparison) != Family::date) continue;
        for (const auto& value : values_of(test)) {
            for (const int64_t plus : {0, -1000, 1000, -1, 1})
                out.values.push_back(text::iso8601_millis(base::Time(std::chrono::milliseconds(value.millis + plus))));
            for (const int64_t plus : {0, -1, 1}) out.values.push_back(std::to_string(value.millis / 1000 + plus));
        }
    }
    // Operators that compare with nothing tell no dates apart, and one is needed.
    out.values.insert(out.values.end(), {"2026-01-01T00:00:00Z", "1767225600"});
}

std::string address_text(const std::array<uint8_t, 16>& bytes, bool v6) {
    constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (size_t i = 0; i < (v6 ? 16 : 4); ++i) {
        if (i > 0 && (!v6 || i % 2 == 0)) out += v6 ? ':' : '.';
        if (!v6) out += std::to_string(bytes[i]);
        if (v6) out += digits[bytes[i] >> 4], out += digits[bytes[i] & 15];
    }
    return out;
}

// The first and the last address of each network, and their neighbours.
void add_addresses(Candidates& out, std::span<const KeyTest> tests) {
    for (const auto& test : tests) {
        if (family_of(test.condition->op.comparison) != Family::address) continue;
        for (const auto& value : values_of(test)) {
            const auto& network = test.policy->condition_tables().networks[value.network];
            const size_t size = network.v6() ? 16 : 4;
            auto first = network.bytes(), last = first;
            for (auto bit = static_cast<size_t>(network.prefix()); bit < size * 8; ++bit) {
                first[bit / 8] = static_cast<uint8_t>(first[bit / 8] & ~(0x80u >> bit % 8));
                last[bit / 8] = static_cast<uint8_t>(last[bit / 8] | 0x80u >> bit % 8);
            }
            auto before = first, after = last;
            for (size_t i = size; i-- > 0;)
                if (before[i]-- != 0) break;
            for (size_t i = size; i-- > 0;)
                if (++after[i] != 0) break;
            for (const auto& bytes : {first, last, before, after}) out.values.push_back(address_text(bytes, network.v6()));
        }
    }
    out.values.insert(out.values.end(), {"10.0.0.1", "192.0.2.1", "2001:db8::1"});
}

}  // namespace

Family family_of(Comparison comparison) {
    if (comparison >= Comparison::numeric_equals && comparison <= Comparison::numeric_greater_equals) return Family::number;
    if (comparison >= Comparison::date_equals && comparison <= Comparison::date_greater_equals) return Family::date;
    return comparison == Comparison::ip_address ? Family::address : Family::text;
}

std::span<const policy::ConditionValue> values_of(const KeyTest& test) {
    const auto tables = test.policy->condition_tables();
    return tables.values.subspan(test.condition->values.at, test.condition->values.size);
}

Candidates candidates(std::span<const KeyTest> tests, policy::KeyType type) {
    using Type = policy::KeyType;
    Candidates out;
    std::array<bool, 4> has{};
    for (const auto& test : tests) {
        if (test.condition->op.comparison == Comparison::null) continue;
        const auto family = family_of(test.condition->op.comparison);
        has[static_cast<size_t>(family)] = true;
        if (family != Family::text || test.condition->op.comparison == Comparison::binary_equals) continue;
        for (const auto& value : values_of(test))
            if (value.pattern.shape == Shape::exact) out.values.emplace_back(test.policy->text(value.pattern.where));
    }
    const auto [texts, numbers, dates, addresses] = has;
    if (numbers) add_numbers(out, tests);
    if (dates) add_dates(out, tests);
    if (addresses) add_addresses(out, tests);
    if (type == Type::text) out.values.insert(out.values.end(), {"x", ""});  // what is not a number, date or address
    std::erase_if(out.values, [&](const std::string& value) { return !policy::has_type(value, type); });
    const bool right_type = (numbers && (type == Type::number || type == Type::epoch || type == Type::text)) ||
                            (dates && (type == Type::date || type == Type::epoch || type == Type::text)) ||
                            (addresses && type == Type::address);
    if (texts || numbers + dates + addresses != 1 || !right_type) out.complete = false;
    return out;
}

}  // namespace proof
