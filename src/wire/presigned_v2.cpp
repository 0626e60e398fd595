#include "wire/presigned_v2.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "crypto/digest.hpp"
#include "text/base64.hpp"
#include "wire/hoisted_headers.hpp"
#include "wire/s3_request.hpp"

namespace wire {

using base::fail;
using base::Result;

namespace {

constexpr auto credential_parameters =
    std::to_array<std::string_view>({"AWSAccessKeyId", "Expires", "Signature", "x-amz-security-token"});

// What the canonical resource holds of the query: AWS's documented list as botocore has it.
constexpr auto signed_parameters = std::to_array<std::string_view>({"accelerate",
                                                                    "acl",
                                                                    "analytics",
                                                                    "cors",
                                                                    "defaultObjectAcl",
                                                                    "delete",
                                                                    "inventory",
                                                                    "lifecycle",
                                                                    "location",
                                                                    "logging",
                                                                    "metrics",
                                                                    "notification",
                                                                    "object-lock",
                                                                    "partNumber",
                                                                    "policy",
                                                                    "replication",
                                                                    "requestPayment",
                                                                    "response-cache-control",
                                                                    "response-content-disposition",
                                                                    "response-content-encoding",
                                                                    "response-content-language",
                                                                    "response-content-type",
                                                                    "response-expires",
                                                                    "restore",
                                                                    "select",
                                                                    "select-type",
                                                                    "storageClass",
                                                                    "tagging",
                                                                    "torrent",
                                                                    "uploadId",
                                                                    "uploads",
                                                                    "versionId",
                                                                    "versioning",
                                                                    "versions",
                                                                    "website"});

constexpr auto harmless_parameters = std::to_array<std::string_view>(
    {"continuation-token", "delimiter", "encoding-type", "fetch-owner", "key-marker", "list-type", "marker", "max-keys",
     "max-parts", "max-uploads", "part-number-marker", "prefix", "start-after", "upload-id-marker", "version-id-marker", "x-id"});

bool is_in(const auto& list, std::string_view name) { return std::ranges::find(list, name) != list.end(); }

const std::string* find(const text::QueryParameters& parameters, std::string_view name) {
    for (const auto& [key, value] : parameters)
        if (key == name) return &value;
    return nullptr;
}

}  // namespace

Result<Signature> read_presigned_v2(const http::RequestHead& head, const text::QueryParameters& parameters) {
    const auto* key = find(parameters, "AWSAccessKeyId");
    const auto* value = find(parameters, "Signature");
    const auto* expires = find(parameters, "Expires");
    if (!key || !value || !expires)
        return fail(base::code::AccessDenied,
                    "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters");
    for (const auto& parameter : parameters) {
        const std::string& name = parameter.first;
        if (std::ranges::count(parameters, name, &std::pair<std::string, std::string>::first) > 1)
            return fail(base::code::InvalidRequest, "The query parameter " + name + " appears twice.");
        if (!is_in(credential_parameters, name) && !is_in(signed_parameters, name) && !is_in(harmless_parameters, name) &&
            !stands_for_header(parameter, SignatureVersion::v2))
            return fail(base::code::AccessDenied,
                        "The query parameter " + name + " is not signed by Signature Version 2. Please use AWS4-HMAC-SHA256.");
    }
    int64_t seconds = 0;
    const auto got = std::from_chars(expires->data(), expires->data() + expires->size(), seconds);
    if (expires->empty() || got.ec != std::errc() || got.ptr != expires->data() + expires->size() || seconds < 0 ||
        seconds > 253402300799)
        return fail(base::code::AccessDenied, "Invalid date (should be seconds since epoch): " + *expires);
    Signature out{.version = SignatureVersion::v2, .place = SignaturePlace::query};
    out.access_key_id = *key;
    out.signature = *value;
    out.time = base::Time(std::chrono::seconds(seconds));
    out.scope = {.date = "", .region = "", .service = "s3"};  // it names no region
    if (const auto* token = find(parameters, "x-amz-security-token")) out.session_token = *token;
    if (const auto* token = head.headers.find("x-amz-security-token")) {
        if (!out.session_token.empty() && out.session_token != *token)
            return fail(base::code::InvalidRequest, "The security token of the header and of the query differ.");
        out.session_token = *token;
    }
    return out;
}

std::string string_to_sign_v2(const Signature& signature, const http::RequestHead& head,
                              const text::QueryParameters& parameters) {
    std::map<std::string, std::string> amz_headers;
    for (const auto& [name, value] : head.headers.fields()) {
        const auto lower = base::lower(name);
        if (!lower.starts_with("x-amz-")) continue;
        auto& joined = amz_headers[lower];
        joined += (joined.empty() ? "" : ",") + std::string(base::trim(value));
    }
    if (!signature.session_token.empty()) amz_headers["x-amz-security-token"] = signature.session_token;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(signature.time.time_since_epoch()).count();
    std::string out = head.method + "\n" + head.headers.get("Content-MD5") + "\n" + head.headers.get("Content-Type") + "\n" +
                      std::to_string(seconds) + "\n";
    for (const auto& [name, value] : amz_headers) out += name + ":" + value + "\n";
    const auto host = head.headers.get("Host");
    if (const auto bucket = bucket_of_host(host); !bucket.empty()) (out += '/') += bucket;
    out += head.path;
    std::map<std::string, const std::string*> resources;
    for (const auto& [name, value] : parameters)
        if (is_in(signed_parameters, name)) resources[name] = &value;
    char before = '?';
    for (const auto& [name, value] : resources) {
        (out += before) += name;
        before = '&';
        if (!value->empty()) (out += '=') += *value;
    }
    return out;
}

Result<void> check_expiry_v2(const Signature& signature, base::Time now) {
    if (signature.time < now) return fail(base::code::AccessDenied, "Request has expired");
    return {};
}

Result<void> check_presigned_v2(const Signature& signature, const http::RequestHead& head, std::string_view secret_access_key) {
    const auto parameters = text::parse_query(head.query);
    if (!parameters) return fail(base::code::InvalidURI, "Couldn't parse the specified URI.");
    // What stands for a header is signed as one.
    for (const auto& parameter : *parameters) {
        const auto& [name, value] = parameter;
        if (!stands_for_header(parameter, SignatureVersion::v2)) continue;
        const auto* header = head.headers.find(name);
        if (header == nullptr || *header != base::trim(value))
            return fail(base::code::AccessDenied, "The query parameter " + name + " is not signed.");
    }
    const auto to_sign = string_to_sign_v2(signature, head, *parameters);
    const auto holds_for = [&](const std::string& text) {
        const auto expected = text::encode_base64(crypto::hmac_sha1(secret_access_key, text));
        return crypto::equal_in_constant_time(expected, signature.signature);
    };
    if (holds_for(to_sign)) return {};
    // A bucket in the path is `/bucket` to some clients and `/bucket/` to botocore, which then sends `/bucket`: the same bucket.
    if (head.path.size() > 1 && head.path.find('/', 1) == std::string::npos) {
        auto with_slash = head;
        with_slash.path += '/';
        if (holds_for(string_to_sign_v2(signature, with_slash, *parameters))) return {};
    }
    return fail(signature_mismatch(signature, to_sign));
}

}  // namespace wire
