#include "audit/raw_writer.hpp"

#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <random>
#include <string>

namespace {

std::string written(int64_t number) {
    std::array<char, 64> room{};
    audit::RawWriter writer(room.data());
    writer.put("<");
    writer.put_number(number);
    CHECK(writer.at() <= room.data() + 1 + audit::RawWriter::number_bytes_max);
    writer.put(">");
    return {room.data(), writer.at()};
}

void check(int64_t number) { CHECK(written(number) == "<" + std::to_string(number) + ">"); }

}  // namespace

TEST_CASE("a number is written as its digits, however many it has") {
    for (int64_t number = 0; number < 20'000; ++number) check(number);
    for (int64_t power = 1; power <= 1'000'000'000'000'000'000; power *= 10) {
        for (const int64_t near : {power - 1, power, power + 1, 9 * power - 1, 9 * power, -power}) check(near);
        if (power == 1'000'000'000'000'000'000) break;
    }
    check(std::numeric_limits<int64_t>::max());
    check(std::numeric_limits<int64_t>::min());
    std::mt19937_64 random(3);
    for (int i = 0; i < 100'000; ++i) check(static_cast<int64_t>(random() >> (random() % 64)));
}

TEST_CASE("a text is written as it is, however long, and nothing before or behind it") {
    for (size_t size = 0; size < 100; ++size) {
        std::string text;
        for (size_t i = 0; i < size; ++i) text += static_cast<char>('!' + i);
        std::string room(200, '.');
        audit::RawWriter writer(room.data() + 50);
        writer.put(text);
        CHECK(writer.at() == room.data() + 50 + size);
        CHECK(room == std::string(50, '.') + text + std::string(150 - size, '.'));
    }
}
