// Records that other versions of this program wrote. The texts of the first release never change: a member that is added later is
// absent in them, so no reader may demand it; and a member that a reader does not know is not an error.
#include "identity/records.hpp"

#include <doctest/doctest.h>

namespace {

constexpr const char* document = R"({\"Version\":\"2012-10-17\",\"Statement\":[]})";

std::string entity(const std::string& kind, const std::string& more, bool later) {
    return R"({"account":"111122223333","path":"/","name":"n","id":"AROAEXAMPLE","arn":"arn:aws:iam::111122223333:)" + kind +
           R"(/n","created":1700000000123,"inline_policies":[{"name":"p","document":")" + document +
           R"("}],"attached":["arn:aws:iam::aws:policy/ReadOnlyAccess"])" + more + (later ? R"(,"added_later":{"a":[1]}})" : "}");
}

}  // namespace

TEST_CASE("records of the first release, and of one that added members") {
    for (const bool later : {false, true}) {
        CAPTURE(later);
        const auto role = identity::read_role(
            entity("role",
                   std::string(R"(,"description":"d","max_session_seconds":3600,"trust":")") + document +
                       R"(","trusted_ids":{"arn:aws:iam::1:user/u":"AIDA"},"boundary":"","tags":[["cls","public"]])",
                   later));
        REQUIRE(role.has_value());
        CHECK(role->arn == "arn:aws:iam::111122223333:role/n");
        CHECK(role->created == base::Time(std::chrono::milliseconds(1'700'000'000'123)));
        CHECK(role->max_session_seconds == 3600);
        CHECK(role->tags == identity::Tags{{"cls", "public"}});
        CHECK(role->inline_policies.size() == 1);
        CHECK(role->attached.size() == 1);
        CHECK(role->trusted_ids.size() == 1);

        const auto user =
            identity::read_user(entity("user", R"(,"boundary":"b","tags":[],"groups":["g"],"access_keys":["AKIA1"])", later));
        REQUIRE(user.has_value());
        CHECK(user->boundary == "b");
        CHECK(user->groups == std::vector<std::string>{"g"});
        CHECK(user->access_keys == std::vector<std::string>{"AKIA1"});
        CHECK(identity::read_group(entity("group", "", later)).has_value());

        const std::string end = later ? R"(,"added_later":true})" : "}";
        const auto account =
            identity::read_account(R"({"id":"111122223333","alias":"a","created":1700000000123,"access_keys":["AKIA1"])" + end);
        REQUIRE(account.has_value());
        CHECK(account->alias == "a");
        const auto managed = identity::read_managed_policy(
            std::string(
                R"({"account":"111122223333","path":"/","name":"p","id":"ANPA","arn":"arn:aws:iam::111122223333:policy/p",)") +
            R"("description":"","created":1,"updated":2,"versions":[{"id":"v1","document":")" + document +
            R"(","created":1}],"default_version":"v1","next_version":2,"tags":[])" + end);
        REQUIRE(managed.has_value());
        CHECK(managed->version("v1") != nullptr);
        const auto key = identity::read_access_key(
            R"({"id":"AKIA1","sealed_secret":"s","account":"1","user_id":"AIDA","user":"u","active":true,"created":1)" + end);
        REQUIRE(key.has_value());
        CHECK(key->active);
        CHECK(key->secret == "s");
    }
    CHECK_FALSE(identity::read_role(entity("role", "", false)).has_value());  // cut off, not old
}
