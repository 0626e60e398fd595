#include "text/time.hpp"

#include <array>
#include <cstdio>

namespace text {
namespace {

using namespace std::chrono;

constexpr std::array<const char*, 7> weekdays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct Fields {
    int year, month, day, hour, minute, second, milli, weekday;
};

Fields fields_of(base::Time time) {
    const auto day = floor<days>(time);
    const year_month_day date(day);
    const hh_mm_ss<milliseconds> clock(time - day);
    return {int(date.year()),
            static_cast<int>(unsigned(date.month())),
            static_cast<int>(unsigned(date.day())),
            static_cast<int>(clock.hours().count()),
            static_cast<int>(clock.minutes().count()),
            static_cast<int>(clock.seconds().count()),
            static_cast<int>(clock.subseconds().count()),
            static_cast<int>(weekday(day).c_encoding())};
}

template <class... Arguments>
std::string formatted(const char* format, Arguments... arguments) {
    char buffer[96];
    const int length = std::snprintf(buffer, sizeof buffer, format, arguments...);
    return {buffer, static_cast<size_t>(length)};
}

// Reads digits and fixed characters from the front of a text.
struct Cursor {
    std::string_view rest;

    std::optional<int> number(size_t digits) {
        if (rest.size() < digits) return std::nullopt;
        int value = 0;
        for (const char c : rest.substr(0, digits)) {
            if (c < '0' || c > '9') return std::nullopt;
            value = value * 10 + (c - '0');
        }
        rest.remove_prefix(digits);
        return value;
    }
    bool take(std::string_view text) {
        if (!rest.starts_with(text)) return false;
        rest.remove_prefix(text.size());
        return true;
    }
};

std::optional<base::Time> compose(int y, int mo, int d, int h, int mi, int s, int milli = 0) {
    const year_month_day date{year(y), month(static_cast<unsigned>(mo)), day(static_cast<unsigned>(d))};
    if (!date.ok() || h > 24 || (h == 24 && (mi || s)) || mi > 59 || s > 60) return std::nullopt;
    return base::Time(sys_days(date)) + hours(h) + minutes(mi) + seconds(s) + milliseconds(milli);
}

// `Z`, `+hh:mm`, `-hh:mm`, `+hhmm`; how far local time is ahead of UTC.
std::optional<minutes> zone(Cursor& at) {
    if (at.take("Z") || at.take("z")) return minutes(0);
    const bool ahead = at.rest.starts_with('+');
    if (!at.take("+") && !at.take("-")) return std::nullopt;
    const auto h = at.number(2);
    at.take(":");
    const auto m = at.number(2);
    if (!h || !m || *h > 23 || *m > 59) return std::nullopt;
    const minutes offset = hours(*h) + minutes(*m);
    return ahead ? offset : -offset;
}

}  // namespace

std::string iso8601(base::Time time) {
    const auto f = fields_of(time);
    return formatted("%04d-%02d-%02dT%02d:%02d:%02dZ", f.year, f.month, f.day, f.hour, f.minute, f.second);
}

std::string iso8601_millis(base::Time time) {
    const auto f = fields_of(time);
    return formatted("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", f.year, f.month, f.day, f.hour, f.minute, f.second, f.milli);
}

std::string amz_date(base::Time time) {
    const auto f = fields_of(time);
    return formatted("%04d%02d%02dT%02d%02d%02dZ", f.year, f.month, f.day, f.hour, f.minute, f.second);
}

std::string http_date(base::Time time) {
    const auto f = fields_of(time);
    return formatted("%s, %02d %s %04d %02d:%02d:%02d GMT", weekdays[static_cast<size_t>(f.weekday)], f.day,
                     months[static_cast<size_t>(f.month - 1)], f.year, f.hour, f.minute, f.second);
}

std::optional<base::Time> parse_iso8601(std::string_view text) {
    Cursor at{text};
    const auto y = at.number(4);
    if (!y) return std::nullopt;
    int mo = 1, d = 1;
    if (at.take("-")) {
        const auto got = at.number(2);
        if (!got) return std::nullopt;
        mo = *got;
        if (at.take("-")) {
            const auto got_day = at.number(2);
            if (!got_day) return std::nullopt;
            d = *got_day;
        }
    }
    if (at.rest.empty()) return compose(*y, mo, d, 0, 0, 0);
    if (!at.take("T") && !at.take("t")) return std::nullopt;
    const auto h = at.number(2);
    if (!h || !at.take(":")) return std::nullopt;
    const auto mi = at.number(2);
    if (!mi) return std::nullopt;
    int s = 0, milli = 0;
    if (at.take(":")) {
        const auto got = at.number(2);
        if (!got) return std::nullopt;
        s = *got;
        if (at.take(".")) {
            int scale = 100, digits = 0;
            while (const auto digit = at.number(1)) {
                milli += *digit * scale;
                scale /= 10;
                ++digits;
            }
            if (digits == 0) return std::nullopt;
        }
    }
    const auto offset = zone(at);
    const auto time = compose(*y, mo, d, *h, *mi, s, milli);
    if (!offset || !time || !at.rest.empty()) return std::nullopt;
    return *time - *offset;
}

std::optional<base::Time> parse_amz_date(std::string_view text) {
    Cursor at{text};
    const auto y = at.number(4), mo = at.number(2), d = at.number(2);
    if (!y || !mo || !d || !at.take("T")) return std::nullopt;
    const auto h = at.number(2), mi = at.number(2), s = at.number(2);
    if (!h || !mi || !s || !at.take("Z") || !at.rest.empty()) return std::nullopt;
    return compose(*y, *mo, *d, *h, *mi, *s);
}

std::optional<base::Time> parse_http_date(std::string_view text) {
    Cursor at{text};
    const auto comma = text.find(", ");
    if (comma == std::string_view::npos) return std::nullopt;
    at.rest.remove_prefix(comma + 2);
    const auto d = at.number(2);
    if (!d || !at.take(" ")) return std::nullopt;
    int mo = 0;
    for (size_t i = 0; i < months.size(); ++i)
        if (at.rest.starts_with(months[i])) mo = static_cast<int>(i) + 1;
    if (mo == 0) return std::nullopt;
    at.rest.remove_prefix(3);
    if (!at.take(" ")) return std::nullopt;
    const auto y = at.number(4);
    if (!y || !at.take(" ")) return std::nullopt;
    const auto h = at.number(2);
    if (!h || !at.take(":")) return std::nullopt;
    const auto mi = at.number(2);
    if (!mi || !at.take(":")) return std::nullopt;
    const auto s = at.number(2);
    if (!s || at.rest != " GMT") return std::nullopt;
    return compose(*y, mo, *d, *h, *mi, *s);
}

}  // namespace text
