#include "objects/cors.hpp"

#include <doctest/doctest.h>

using objects::CorsRule;

namespace {

std::string error_of(std::vector<CorsRule> rules) {
    const auto checked = objects::check_cors(rules);
    return checked ? "" : checked.error().code + ": " + checked.error().message;
}

}  // namespace

TEST_CASE("CORS: the first rule that has the origin, the method and every header decides") {
    const std::vector<CorsRule> rules = {
        {.id = "exact", .origins = {"https://a.example"}, .methods = {"GET"}, .headers = {"x-amz-*"}},
        {.id = "suffix", .origins = {"*.b.example", "start*end"}, .methods = {"PUT", "GET"}},
        {.id = "all", .origins = {"*"}, .methods = {"HEAD"}, .headers = {"*"}}};
    const auto rule = [&](std::string_view origin, std::string_view method, std::string_view headers = "") {
        const auto* found = objects::find_cors_rule(rules, origin, method, headers);
        return found == nullptr ? std::string("none") : found->id;
    };
    CHECK(rule("https://a.example", "GET") == "exact");
    CHECK(rule("https://a.example", "GET", "X-Amz-Meta-One, x-amz-date") == "exact");
    CHECK(rule("https://a.example", "GET", "x-amz-date,authorization") == "none");
    CHECK(rule("https://A.example", "GET") == "none");
    CHECK(rule("https://a.example.evil", "GET") == "none");
    CHECK(rule("https://a.example", "PUT") == "none");
    CHECK(rule("https://x.b.example", "PUT") == "suffix");
    CHECK(rule("https://x.b.example", "PUT", "x-amz-date") == "none");
    CHECK(rule("startend", "GET") == "suffix");
    CHECK(rule("start1end", "GET") == "suffix");
    CHECK(rule("starend", "GET") == "none");  // what stands before the star and behind it do not share letters
    CHECK(rule("null", "HEAD", "anything, at-all") == "all");
    CHECK(rule("x", "get") == "none");
}

TEST_CASE("CORS: configurations that are refused") {
    const CorsRule good{.origins = {"*"}, .methods = {"GET"}};
    CHECK(error_of({good}) == "");
    CHECK(error_of({}).starts_with("MalformedXML"));
    CHECK(error_of({{.origins = {"*"}}}).starts_with("MalformedXML"));
    CHECK(error_of({{.methods = {"GET"}}}).starts_with("MalformedXML"));
    CHECK(error_of(std::vector(100, good)) == "");
    CHECK(error_of(std::vector(101, good)).starts_with("InvalidRequest: The number of CORS rules"));
    CHECK(error_of({{.origins = {"*"}, .methods = {"OPTIONS"}}}) ==
          "InvalidRequest: Found unsupported HTTP method in CORS config. Unsupported method is OPTIONS");
    CHECK(error_of({{.origins = {"http://*.*"}, .methods = {"GET"}}}) ==
          "InvalidRequest: AllowedOrigin \"http://*.*\" can not have more than one wildcard.");
    CHECK(error_of({{.origins = {"*"}, .methods = {"GET"}, .headers = {"**"}}}).starts_with("InvalidRequest: AllowedHeader"));
    CHECK(error_of({{.origins = {"*"}, .methods = {"GET"}, .exposed = {"x-*"}}}).starts_with("InvalidRequest: ExposeHeader"));
    CHECK(error_of({{.origins = {"*"}, .methods = {"GET"}, .exposed = {"a\r\nSet-Cookie: b"}}})
              .starts_with("InvalidRequest: ExposeHeader"));
    CHECK(error_of({{.id = std::string(256, 'i'), .origins = {"*"}, .methods = {"GET"}}}).starts_with("InvalidRequest: The ID"));
}
