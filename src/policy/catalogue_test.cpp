// What the catalogue knows of actions by their places.
#include "policy/catalogue.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/strings.hpp"
#include "policy/compile.hpp"
#include "policy/hash.hpp"

namespace {

using namespace policy;

KnownAction find(std::string_view name) {
    const auto lower = base::lower(name);
    return find_action(lower, hash_of(lower));
}

// Of the pattern's text, as the parser compiles it.
ActionPattern compiled(const std::string& lower) {
    PatternPool pool;
    return action_pattern(*pool.compile(lower, {}), lower);
}

}  // namespace

TEST_CASE("actions that begin alike stand side by side") {
    for (const std::string prefix : {"s3:", "s3:get", "s3", "iam:passrole", "", "a2c:", "nosuch:", "zz"}) {
        CAPTURE(prefix);
        const ActionPlaces places = actions_beginning(prefix);
        const auto names = actions_matching(prefix + "*");
        REQUIRE(places.count == names.size());
        for (const std::string_view name : names) CHECK(places.contain(find(name).place));
        if (names.empty()) continue;
        CHECK(find(names.front()).place == places.first);
        CHECK_FALSE(places.contain(places.first + places.count));
        if (places.first > 0) CHECK_FALSE(places.contain(places.first - 1u));
        CHECK_FALSE(places.contain(KnownAction::unlisted));
    }
}

TEST_CASE("a listed action has a place and a key of its own") {
    const auto all = actions_matching("*");
    std::vector<uint32_t> keys;
    for (uint32_t i = 0; i < all.size(); ++i) {
        const uint32_t place = find(all[i]).place;
        if (place != i) FAIL("place of ", all[i]);
        keys.push_back(action_key(place, 0));
    }
    keys.push_back(action_key(KnownAction::unlisted, 0));  // of a name whose hash is that of a listed action's place, too
    keys.push_back(action_key(KnownAction::unlisted, 1));
    std::ranges::sort(keys);
    CHECK(std::ranges::adjacent_find(keys) == keys.end());
    CHECK(keys.front() != 0);
    CHECK(find("nosuch:Action").place == KnownAction::unlisted);
}

TEST_CASE("what an action pattern names of the listed actions") {
    const uint32_t get = find("s3:GetObject").place, put = find("s3:PutObject").place;
    const auto exact = compiled("s3:getobject"), prefix = compiled("s3:get*"), all = compiled("*"),
               inner = compiled("s3:*object"), other = compiled("nosuch:action");
    CHECK((exact.listed.contain(get) && exact.listed.count == 1 && exact.key != 0 && !exact.asks_pattern));
    CHECK((prefix.listed.contain(get) && !prefix.listed.contain(put) && prefix.key == 0 && !prefix.asks_pattern));
    CHECK((all.listed.contain(get) && all.listed.contain(put) && !all.asks_pattern));
    CHECK((inner.listed.count == 0 && inner.asks_pattern));
    CHECK((other.listed.count == 0 && other.key != 0 && !other.asks_pattern));
}
