#include "server/request_observer.hpp"

#include <doctest/doctest.h>

#include <map>
#include <thread>

#include "http/message.hpp"

namespace {

std::map<std::string, uint64_t> counts_of(const server::CodeCounters& codes) {
    std::map<std::string, uint64_t> out;
    codes.each([&](std::string_view code, uint64_t count) { out[std::string(code)] += count; });
    return out;
}

}  // namespace

TEST_CASE("what came of a request") {
    const http::Request none;
    using gate::Barrier;
    using server::Outcome;
    const auto outcome = [&](int status, Barrier barrier) {
        return server::outcome_of({.request = none, .barrier = barrier, .status = status});
    };
    CHECK(outcome(200, Barrier::none) == Outcome::ok);
    CHECK(outcome(304, Barrier::none) == Outcome::ok);
    CHECK(outcome(403, Barrier::decision) == Outcome::refused);
    CHECK(outcome(400, Barrier::authentication) == Outcome::refused);
    CHECK(outcome(403, Barrier::none) == Outcome::refused);
    CHECK(outcome(401, Barrier::none) == Outcome::refused);
    CHECK(outcome(404, Barrier::none) == Outcome::client_error);
    CHECK(outcome(400, Barrier::none) == Outcome::client_error);
    CHECK(outcome(500, Barrier::record) == Outcome::server_error);
    CHECK(outcome(503, Barrier::decision) == Outcome::server_error);
}

TEST_CASE("codes are counted by name, and never more of them than there is room for") {
    server::CodeCounters codes;
    codes.add("AccessDenied");
    codes.add("AccessDenied");
    codes.add("NoSuchKey");
    CHECK(counts_of(codes) == std::map<std::string, uint64_t>{{"AccessDenied", 2}, {"NoSuchKey", 1}});
    for (const std::string_view none : {std::string_view(), std::string_view("a b"), std::string_view("x\"}\n")}) codes.add(none);
    codes.add(std::string(65, 'x'));
    CHECK(counts_of(codes)["other"] == 4);
    for (int i = 0; i < 1000; ++i) codes.add("Code" + std::to_string(i));
    const auto all = counts_of(codes);
    CHECK(all.size() == server::CodeCounters::codes_max + 1);
    CHECK(all.at("other") == 4 + 1000 - (server::CodeCounters::codes_max - 2));
    codes.add("NoSuchKey");
    CHECK(counts_of(codes)["NoSuchKey"] == 2);
}

TEST_CASE("threads that count new codes at once count all of them") {
    server::CodeCounters codes;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 8; ++i)
            threads.emplace_back([&] {
                for (int n = 0; n < 20'000; ++n) codes.add("Code" + std::to_string(n % 100));
            });
    }
    const auto all = counts_of(codes);
    CHECK(all.size() == 100);
    for (const auto& [code, count] : all) CHECK_MESSAGE(count == 1600, code);
}
