#include "identity/session_token.hpp"

#include "base/error_codes.hpp"
#include "crypto/digest.hpp"
#include "crypto/seal.hpp"
#include "text/base64.hpp"
#include "text/json.hpp"

namespace identity {

namespace {

using text::Json;

// The first member: a token of an older form is refused by it, never read as if it were this one.
constexpr int64_t form = 2;

Json strings(const std::vector<std::string>& values) {
    Json list = Json::array();
    for (const auto& value : values) list.push(value);
    return list;
}

std::vector<std::string> read_strings(const Json& list) {
    std::vector<std::string> values;
    for (const auto& item : list.items()) values.push_back(item.as_string());
    return values;
}

std::string bound(std::string_view access_key_id) { return "session-token:" + std::string(access_key_id); }

}  // namespace

SessionKeys derive_session_keys(std::string_view master_key) {
    return {crypto::hmac_sha256(master_key, "trainwarden session token"),
            crypto::hmac_sha256(master_key, "trainwarden session secret")};
}

std::string seal_session(const Session& session, std::string_view access_key_id, const SessionKeys& keys,
                         crypto::Random& random) {
    Json tags = Json::array();
    for (const auto& [key, value] : session.tags) tags.push(Json::array({key, value}));
    const Json plain = Json::array(
        {form, static_cast<int64_t>(session.kind), session.account, session.principal_id, session.principal_key,
         session.session_name, static_cast<int64_t>(session.issued.time_since_epoch().count()),
         static_cast<int64_t>(session.expires.time_since_epoch().count()), session.policy, strings(session.policy_arns),
         std::move(tags), strings(session.transitive_tag_keys), session.source_identity, session.lease});
    return text::encode_base64(crypto::seal(random, keys.token, plain.dump(), bound(access_key_id)));
}

base::Result<Session> open_session(std::string_view token, std::string_view access_key_id, const SessionKeys& keys) {
    const auto sealed = text::decode_base64(token);
    if (!sealed) return base::fail(base::code::InvalidSessionToken, "the session token is not base64");
    const auto plain = crypto::open_seal(keys.token, *sealed, bound(access_key_id));
    if (!plain) return base::fail(base::code::InvalidSessionToken, "the session token was not issued here");
    const Json value = TRY(text::parse_json(*plain));
    const auto& items = value.items();
    if (items.size() != 14 || items[0].as_int() != form || items[1].as_int(-1) < 0 || items[1].as_int() > 2) {
        return base::fail(base::code::InvalidSessionToken, "the session token has another form");
    }
    Session session;
    session.kind = static_cast<SessionKind>(items[1].as_int());
    session.account = items[2].as_string();
    session.principal_id = items[3].as_string();
    session.principal_key = items[4].as_string();
    session.session_name = items[5].as_string();
    session.issued = base::Time(std::chrono::milliseconds(items[6].as_int()));
    session.expires = base::Time(std::chrono::milliseconds(items[7].as_int()));
    session.policy = items[8].as_string();
    session.policy_arns = read_strings(items[9]);
    for (const auto& tag : items[10].items()) {
        if (tag.size() == 2) session.tags.emplace_back(tag.items()[0].as_string(), tag.items()[1].as_string());
    }
    session.transitive_tag_keys = read_strings(items[11]);
    session.source_identity = items[12].as_string();
    session.lease = items[13].as_string();
    return session;
}

std::string session_secret(std::string_view token, const SessionKeys& keys) {
    return text::encode_base64(crypto::hmac_sha256(keys.secret, token)).substr(0, 40);
}

}  // namespace identity
