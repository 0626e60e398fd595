#include "identity/session_token.hpp"

#include <doctest/doctest.h>

#include "crypto/seal.hpp"
#include "text/base64.hpp"

namespace identity {

TEST_CASE("tokens are sealed with one key, secrets derived with another, neither is the master key") {
    const std::string master(32, 'k');
    const auto keys = derive_session_keys(master);
    CHECK(keys.token.size() == 32);
    CHECK(keys.secret.size() == 32);
    CHECK(keys.token != keys.secret);
    CHECK(keys.token != master);
    CHECK(keys.secret != master);
    CHECK(derive_session_keys(std::string(32, 'x')).token != keys.token);
}

TEST_CASE("a token is read in its own form alone") {
    crypto::SystemRandom random;
    const auto keys = derive_session_keys(std::string(32, 'k'));
    const auto open = [&](const std::string& form) {
        const std::string plain = "[" + form + R"(,1,"111122223333","AIDA1","ann","",1000,2000,"",[],[],[],"",""])";
        return open_session(text::encode_base64(crypto::seal(random, keys.token, plain, "session-token:ASIA1")), "ASIA1", keys);
    };
    const auto opened = open("2");
    REQUIRE(opened);
    CHECK(opened->kind == SessionKind::user);
    CHECK(opened->account == "111122223333");
    CHECK(opened->principal_id == "AIDA1");
    for (const char* form : {"1", "3", "0", "null", "\"2\""}) {
        const auto refused = open(form);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == "InvalidSessionToken");
    }
}

}  // namespace identity
