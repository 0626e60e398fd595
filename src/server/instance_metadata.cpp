#include "server/instance_metadata.hpp"

#include <charconv>
#include <cstdint>

#include "base/log.hpp"
#include "crypto/digest.hpp"
#include "text/json.hpp"
#include "text/time.hpp"

namespace server {
namespace {

constexpr int64_t token_seconds_max = 21'600;
constexpr std::string_view meta_data = "/latest/meta-data/";
constexpr std::string_view credentials_folder = "iam/security-credentials/";

http::Response plain(int status, std::string body) {
    http::Response response;
    response.status = status;
    response.headers.add("Content-Type", "text/plain");
    response.headers.add("Cache-Control", "no-store");
    response.body = std::move(body);
    return response;
}

std::optional<int64_t> number_in(const std::string& text) {
    int64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::string credentials_json(const training::Training::WorkerCredentials& vended, base::Time now) {
    const auto& credentials = vended.credentials;
    auto body = text::Json::object({{"Code", "Success"},
                                    {"LastUpdated", text::iso8601(now)},
                                    {"Type", "AWS-HMAC"},
                                    {"AccessKeyId", credentials.access_key_id},
                                    {"SecretAccessKey", credentials.secret_access_key},
                                    {"Token", credentials.session_token}});
    if (credentials.expiration) body.set("Expiration", text::iso8601(*credentials.expiration));
    return body.dump();
}

}  // namespace

std::string InstanceMetadata::mac(const std::string& expiry) const { return crypto::hex(crypto::hmac_sha256(key_, expiry)); }

http::Response InstanceMetadata::answer(const http::Request& request) const {
    const auto& head = request.head;
    if (head.path == "/latest/api/token") return give_token(request);
    if (head.method != "GET") return plain(405, "");
    // No token is version 1, a bad one is another worker's or too old.
    if (!is_good(head.headers.get("x-aws-ec2-metadata-token"))) return plain(401, "");
    return look_up(head.path);
}

http::Response InstanceMetadata::give_token(const http::Request& request) const {
    if (request.head.method != "PUT") return plain(405, "");
    if (request.head.headers.find("x-forwarded-for") != nullptr) return plain(403, "");
    auto seconds = number_in(request.head.headers.get("x-aws-ec2-metadata-token-ttl-seconds"));
    if (!seconds || *seconds < 1 || *seconds > token_seconds_max) return plain(400, "");
    std::string expiry = std::to_string((clock_.now() + std::chrono::seconds(*seconds)).time_since_epoch().count());
    auto response = plain(200, expiry + "." + mac(expiry));
    response.headers.add("X-aws-ec2-metadata-token-ttl-seconds", std::to_string(*seconds));
    return response;
}

bool InstanceMetadata::is_good(const std::string& token) const {
    auto dot = token.find('.');
    if (dot == std::string::npos) return false;
    std::string expiry = token.substr(0, dot);
    auto until = number_in(expiry);
    return until && crypto::equal_in_constant_time(token.substr(dot + 1), mac(expiry)) &&
           clock_.now().time_since_epoch().count() < *until;
}

http::Response InstanceMetadata::look_up(const std::string& path) const {
    const std::string region = training_.region_for(worker_);
    const std::string zone = region + "a";
    if (path == "/latest/dynamic/instance-identity/document")
        return plain(200, text::Json::object({{"region", region}, {"availabilityZone", zone}}).dump());
    if (path + "/" == meta_data || path == meta_data) return plain(200, "iam/\nplacement/");
    if (!path.starts_with(meta_data)) return plain(404, "");
    std::string name = path.substr(meta_data.size());
    if (name == "placement/region") return plain(200, region);
    if (name == "placement/availability-zone") return plain(200, zone);
    if (name == "placement/" || name == "placement") return plain(200, "availability-zone\nregion");
    if (!name.starts_with("iam")) return plain(404, "");
    auto vended = training_.credentials_for(worker_);
    if (!vended) {
        base::log_warn("the instance metadata of a worker refused credentials: " + vended.error().message);
        return plain(404, "");
    }
    std::string role = vended->role_arn.substr(vended->role_arn.rfind('/') + 1);
    if (name == "iam/" || name == "iam") return plain(200, "info\nsecurity-credentials/");
    if (name == "iam/info") {
        return plain(200, text::Json::object({{"Code", "Success"},
                                              {"LastUpdated", text::iso8601(clock_.now())},
                                              {"InstanceProfileArn", vended->role_arn}})
                              .dump());
    }
    if (name == credentials_folder || name + "/" == credentials_folder) return plain(200, role);
    if (name == std::string(credentials_folder) + role) return plain(200, credentials_json(*vended, clock_.now()));
    return plain(404, "");
}

}  // namespace server
