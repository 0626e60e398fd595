// What is written goes to stderr: the tests read it there.
#include "base/log.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <functional>

namespace {

// What `say` wrote to stderr.
std::string logged(base::LogFormat format, const std::function<void()>& say) {
    std::FILE* const file = std::tmpfile();
    REQUIRE(file != nullptr);
    std::fflush(stderr);
    const int kept = ::dup(STDERR_FILENO);
    ::dup2(::fileno(file), STDERR_FILENO);
    base::set_log_format(format);
    say();
    std::fflush(stderr);
    ::dup2(kept, STDERR_FILENO);
    ::close(kept);
    base::set_log_format(base::LogFormat::text);
    std::string out(1 << 16, '\0');
    std::rewind(file);
    out.resize(std::fread(out.data(), 1, out.size(), file));
    std::fclose(file);
    return out;
}

// Behind the time, which is 24 characters long.
std::string without_time(const std::string& line) { return line.size() > 25 ? line.substr(25) : line; }

constexpr base::LogField fields[] = {{"path", "/a b"}, {"status", int64_t{403}}, {"code", "AccessDenied"}, {"none", ""}};

}  // namespace

TEST_CASE("an event is a line of text, its fields behind it") {
    const auto line = logged(base::LogFormat::text, [] { base::log(base::LogLevel::warn, "said", fields); });
    CHECK(without_time(line) == "warning said path=\"/a b\" status=403 code=AccessDenied none=\"\"\n");
}

TEST_CASE("an event is a line of JSON") {
    const auto line = logged(base::LogFormat::json, [] { base::log(base::LogLevel::error, R"(say "it" \ so)", fields); });
    CHECK(line.starts_with("{\"time\":\"2"));
    CHECK(
        line.find(R"(Z","level":"error","message":"say \"it\" \\ so","path":"/a b","status":403,"code":"AccessDenied","none":""})"
                  "\n") != std::string::npos);
}

TEST_CASE("whoever's text it is, an event stays one line") {
    const std::string_view evil = "x\n2030-01-01T00:00:00.000Z info forged\r\x1b[2J\xff\u2028 y=\"1\"";
    const base::LogField one[] = {{"path", evil}};
    for (const auto format : {base::LogFormat::text, base::LogFormat::json}) {
        const auto line = logged(format, [&] { base::log(base::LogLevel::info, evil, one); });
        CHECK(line.find('\n') == line.size() - 1);
        CHECK(line.find('\r') == std::string::npos);
        CHECK(line.find('\x1b') == std::string::npos);
        CHECK(line.find('\xff') == std::string::npos);
        CHECK(line.find("\u2028") == std::string::npos);
    }
    // A message has no fields in it.
    CHECK(without_time(logged(base::LogFormat::text, [] { base::log_info("a client said request_id=1 \"x"); })) ==
          "info \"a client said request_id=1 \\\"x\"\n");
    // A field cannot be ended by what is in it.
    const auto text = logged(base::LogFormat::text, [&] { base::log(base::LogLevel::info, "m", one); });
    CHECK(text.find(R"(y=\"1\"")") != std::string::npos);
}

TEST_CASE("what a thread logs while it serves a request names it") {
    std::string id = "first";
    const auto lines = logged(base::LogFormat::text, [&] {
        base::log_info("before");
        {
            const base::LoggedRequest request(id);
            id = "changed";
            base::log_info("within");
            {
                const std::string other = "inner";
                const base::LoggedRequest inner(other);
                base::log_info("of another");
            }
            base::log_info("within");
        }
        base::log_info("after");
    });
    CHECK(lines.find("info before\n") != std::string::npos);
    CHECK(lines.find("info after\n") != std::string::npos);
    const auto first = lines.find("info within request_id=changed\n");
    CHECK(first != std::string::npos);
    CHECK(lines.find("info within request_id=changed\n", first + 1) != std::string::npos);
}

TEST_CASE("below its level nothing is written") {
    CHECK(logged(base::LogFormat::text, [] { base::log_debug("silent"); }).empty());
    base::set_log_level(base::LogLevel::error);
    CHECK(logged(base::LogFormat::text, [] { base::log_warn("silent"); }).empty());
    base::set_log_level(base::LogLevel::info);
    CHECK(!logged(base::LogFormat::text, [] { base::log_info("said"); }).empty());
}
