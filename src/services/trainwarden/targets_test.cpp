#include "services/trainwarden/targets.hpp"

#include <doctest/doctest.h>

#include "services/trainwarden/ways.hpp"

using services::trainwarden::is_pattern_question;
using services::trainwarden::shortened;

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
