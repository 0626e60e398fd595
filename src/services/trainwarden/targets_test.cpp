#include "services/trainwarden/targets.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "policy/glob.hpp"
#include "services/trainwarden/ways.hpp"

using services::trainwarden::is_pattern_question;
using services::trainwarden::patterns_below;
using services::trainwarden::shortened;

TEST_CASE("patterns below a prefix match what begins with it and matches the pattern") {
    const std::vector<std::string> patterns = {"*", "a*", "*b", "ab/*", "a?/c*", "?*?", "ab/c", "x", "", "a*b*/c", "**", "*/*"};
    const std::vector<std::string> texts = {"ab/", "ab/c", "ab/cd", "ab/x/c", "ab", "b", "a", "ab/cb", "xb/c", "ab//c"};
    for (const auto& pattern : patterns) {
        const auto below = patterns_below(pattern, "ab/");
        for (const auto& text : texts) {
            INFO(pattern, " ", text);
            const bool wanted = text.starts_with("ab/") && policy::glob_matches(pattern, text);
            CHECK(std::ranges::any_of(below, [&](const auto& one) { return policy::glob_matches(one, text); }) == wanted);
        }
        CHECK(below.size() <= 3);
    }
}

TEST_CASE("what is about more than one request") {
    for (const auto& [action, resource] :
         {std::pair{"s3:Get*", "arn:aws:s3:::b/k"}, {"s3:GetObject", "arn:aws:s3:::b/*"}, {"s3:GetObject", "*"}, {"*", "*"}})
        CHECK(is_pattern_question(action, resource));
    for (const auto& [action, resource] : {std::pair{"s3:GetObject", "arn:aws:s3:::b/k"},
                                           {"s3:GetObject", "arn:aws:s3:::b/${*}"},
                                           {"s3:ListBucket", "arn:aws:s3:::b"},
                                           {"s3:GetObject", "arn:aws:s3:::b"},
                                           {"s3:ListAllMyBuckets", "arn:aws:s3:::*"},
                                           {"iam:GetAccessKeyLastUsed", "arn:aws:iam::111122223333:user/*"},
                                           {"s3:ListAllMyBuckets", "*"},
                                           {"trainwarden:WhoCan", "*"},
                                           {"iam:ListUsers", "arn:aws:iam::111122223333:user/"}})
        CHECK(!is_pattern_question(action, resource));
}

TEST_CASE("all actions of a service are one word") {
    CHECK(shortened({"s3:PutObject", "s3:GetObject"}) == std::vector<std::string>{"s3:GetObject", "s3:PutObject"});
    std::vector<std::string> all{"s3:GetObject"};
    for (const char* name : {"sts:AssumeRole"}) all.emplace_back(name);
    CHECK(shortened(all) == std::vector<std::string>{"s3:GetObject", "sts:AssumeRole"});
}
