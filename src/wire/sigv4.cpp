#include "wire/sigv4.hpp"

#include <algorithm>

#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "base/strings.hpp"
#include "crypto/digest.hpp"
#include "text/time.hpp"
#include "text/uri.hpp"
#include "wire/hoisted_headers.hpp"
#include "wire/presigned_v2.hpp"
#include "wire/region.hpp"

namespace wire {

using base::fail;
using base::Result;

std::string Scope::text() const { return date + "/" + region + "/" + service + "/aws4_request"; }

namespace {

constexpr std::string_view unsigned_payload = "UNSIGNED-PAYLOAD";
constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";

// Leading and trailing white space gone, runs of spaces made one: as the canonical headers want values.
void append_folded(std::string_view value, std::string& out) {
    value = base::trim(value);
    char last = 0;
    for (const char c : value) {
        if (c == ' ' && last == ' ') continue;
        out += c;
        last = c;
    }
}

// RFC 3986 section 5.2.4 on a path that starts with '/', empty segments removed too.
std::string normalised(std::string_view path) {
    std::vector<std::string_view> kept;
    for (const auto segment : base::split(path, '/')) {
        if (segment.empty() || segment == ".") continue;
        if (segment == "..") {
            if (!kept.empty()) kept.pop_back();
        } else {
            kept.push_back(segment);
        }
    }
    std::string out;
    for (const auto segment : kept) (out += '/') += segment;
    if (out.empty() || path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..")) out += '/';
    return out;
}

// A broken escape cannot be decoded: it is taken as it stands, so that its signature still means something.
std::string canonical_uri(std::string_view path, bool is_s3) {
    if (!is_s3) return text::encode_uri(normalised(path), true);
    const auto decoded = text::decode_uri(path);
    return text::encode_uri(decoded ? *decoded : path, true);
}

std::string canonical_query(std::string_view query, bool presigned) {
    std::vector<std::pair<std::string, std::string>> parameters;
    if (!query.empty())
        for (const auto part : base::split(query, '&')) {
            if (part.empty()) continue;
            const auto equals = part.find('=');
            const auto encoded_again = [](std::string_view text) {
                const auto decoded = text::decode_uri(text);
                return text::encode_uri(decoded ? *decoded : text);
            };
            auto name = encoded_again(part.substr(0, equals));
            if (presigned && name == "X-Amz-Signature") continue;
            parameters.emplace_back(std::move(name),
                                    equals == std::string_view::npos ? "" : encoded_again(part.substr(equals + 1)));
        }
    std::ranges::sort(parameters);
    std::string out;
    for (const auto& [name, value] : parameters) {
        if (!out.empty()) out += '&';
        ((out += name) += '=') += value;
    }
    return out;
}

// A client's requests are usually signed with one key: four HMACs saved.
const std::string& cached_signing_key(std::string_view secret, const Scope& scope) {
    thread_local std::string cached_secret, cached_scope, key;
    auto text = scope.text();
    if (cached_scope != text || cached_secret != secret) {
        key = signing_key(secret, scope);
        cached_secret = secret;
        cached_scope = std::move(text);
    }
    return key;
}

bool must_be_signed(std::string_view lower_name) { return lower_name == "host" || lower_name.starts_with("x-amz-"); }

}  // namespace

std::string canonical_request(const http::RequestHead& head, const std::vector<std::string>& signed_headers,
                              std::string_view payload_hash, bool is_s3, bool presigned) {
    std::string out = head.method + "\n" + canonical_uri(head.path, is_s3) + "\n" + canonical_query(head.query, presigned) + "\n";
    for (const auto& name : signed_headers) {
        out += name;
        out += ':';
        bool first = true;
        for (const auto& [field, value] : head.headers.fields()) {
            if (!base::equals_ignoring_case(field, name)) continue;
            if (!first) out += ',';
            first = false;
            append_folded(value, out);
        }
        out += '\n';
    }
    out += '\n';
    out += base::join(signed_headers, ";");
    out += '\n';
    out += payload_hash;
    return out;
}

std::string string_to_sign(std::string_view amz_date, const Scope& scope, std::string_view canonical) {
    std::string out(algorithm);
    ((out += '\n') += amz_date) += '\n';
    (out += scope.text()) += '\n';
    return out += crypto::hex(crypto::sha256(canonical));
}

std::string signing_key(std::string_view secret_access_key, const Scope& scope) {
    std::string key = "AWS4" + std::string(secret_access_key);
    for (const std::string_view step : {std::string_view(scope.date), std::string_view(scope.region),
                                        std::string_view(scope.service), std::string_view("aws4_request")})
        key = crypto::hmac_sha256(key, step);
    return key;
}

std::string shown_bytes(std::string_view text) {
    std::string out;
    out.reserve(text.size() * 3);
    for (size_t at = 0; at < text.size(); ++at) {
        if (at > 0) out += ' ';
        out += crypto::hex(text.substr(at, 1));
    }
    return out;
}

base::Error signature_mismatch(const Signature& signature, std::string_view string_to_sign) {
    return base::
        Error(base::code::SignatureDoesNotMatch,
              "The request signature we calculated does not match the signature you provided. Check your key and signing method.")
            .note("AWSAccessKeyId: " + signature.access_key_id)
            .note("StringToSign: " + std::string(string_to_sign))
            .note("SignatureProvided: " + signature.signature)
            .note("StringToSignBytes: " + shown_bytes(string_to_sign));
}

// --- Verifying.

// One verification in progress; the only maker of a Verified.
struct Verification {
    const Signature& signature;
    const http::RequestHead& head;
    const VerifyOptions& options;
    const bool is_s3 = options.service == "s3";
    const bool presigned = signature.place == SignaturePlace::query;

    [[nodiscard]] Result<void> check_claims() const;
    [[nodiscard]] Result<void> check_scope() const;
    [[nodiscard]] Result<void> check_time() const;
    [[nodiscard]] Result<void> check_signed_headers() const;
    [[nodiscard]] Result<std::string> payload_hash() const;
    [[nodiscard]] Result<Verified> verified() const;
    [[nodiscard]] Result<Verified> verified_v2() const;

    // S3 has an error of its own for each place a malformed scope can stand in.
    [[nodiscard]] std::unexpected<base::Error> malformed(const std::string& header_words, const std::string& query_words) const {
        if (presigned)
            return fail(base::code::AuthorizationQueryParametersError,
                        "Error parsing the X-Amz-Credential parameter; " + query_words);
        return fail(base::code::AuthorizationHeaderMalformed, "The authorization header is malformed; " + header_words);
    }
};

Result<void> Verification::check_scope() const {
    const auto& scope = signature.scope;
    const std::string service(options.service);
    if (scope.service != service) {
        if (!is_s3)
            return fail(base::code::SignatureDoesNotMatch, "Credential should be scoped to correct service: '" + service + "'.");
        const auto words = "incorrect service \"" + scope.service + "\". This endpoint belongs to \"s3\".";
        return malformed(words, words);
    }
    TRY(check_region(signature, options.service, options.regions));
    const auto date = signature.amz_date.substr(0, 8);
    if (scope.date == date) return {};
    if (!is_s3)
        return fail(base::code::SignatureDoesNotMatch,
                    "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '" + scope.date +
                        "' != '" + date + "', from '" + signature.amz_date + "'.");
    const auto words = " credential date \"" + scope.date + "\". This date is not the same as X-Amz-Date: \"" + date + "\".";
    return malformed("Invalid" + words, "incorrect" + words);
}

Result<void> Verification::check_time() const {
    std::chrono::seconds window = presigned ? presigned_elsewhere_max : clock_skew_max;
    if (presigned && is_s3) window = signature.expires.value_or(window);
    const bool early = signature.time > options.now + clock_skew_max;
    const bool late = signature.time + window < options.now;
    if (!early && !late) return {};
    if (is_s3 && presigned) {
        base::Error out(base::code::AccessDenied, late ? "Request has expired" : "Request is not yet valid");
        if (late)
            out.notes = {"X-Amz-Expires: " + std::to_string(window.count()), "Expires: " + text::iso8601(signature.time + window),
                         "ServerTime: " + text::iso8601(options.now)};
        return fail(std::move(out));
    }
    if (is_s3)
        return fail(
            base::Error(base::code::RequestTimeTooSkewed,
                        "The difference between the request time and the current time is too large.")
                .note("RequestTime: " + signature.amz_date)
                .note("ServerTime: " + text::iso8601(options.now))
                .note("MaxAllowedSkewMilliseconds: " + std::to_string(std::chrono::milliseconds(clock_skew_max).count())));
    const auto minutes = std::chrono::ceil<std::chrono::minutes>(late ? window : clock_skew_max);
    const auto now = text::amz_date(options.now);
    const auto span = std::to_string(minutes.count()) + " min.)";
    if (late)
        return fail(base::code::SignatureDoesNotMatch, "Signature expired: " + signature.amz_date + " is now earlier than " +
                                                           text::amz_date(options.now - minutes) + " (" + now + " - " + span);
    return fail(base::code::SignatureDoesNotMatch, "Signature not yet current: " + signature.amz_date + " is still later than " +
                                                       text::amz_date(options.now + minutes) + " (" + now + " + " + span);
}

// A header that means something to us but is not signed could have been added by anyone on the way.
Result<void> Verification::check_signed_headers() const {
    const auto is_signed = [&](const std::string& name) {
        return std::ranges::find(signature.signed_headers, name) != signature.signed_headers.end();
    };
    // The whole query is signed, and with it the headers that stand there.
    const auto query = presigned ? text::parse_query(head.query) : std::nullopt;
    std::vector<std::string> missing;
    if (!is_signed("host")) missing.emplace_back("host");
    for (const auto& [name, value] : head.headers.fields())
        if (const auto lower = base::lower(name); must_be_signed(lower) && !is_signed(lower) && lower != "host")
            if (!query || !is_hoisted(*query, lower, value)) missing.push_back(lower);
    if (missing.empty()) return {};
    if (is_s3)
        return fail(base::Error(base::code::AccessDenied, "There were headers present in the request which were not signed")
                        .note("HeadersNotSigned: " + base::join(missing, ", ")));
    if (missing.front() == "host")
        return fail(base::code::SignatureDoesNotMatch,
                    "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
    return fail(base::code::SignatureDoesNotMatch,
                "'" + missing.front() + "' must be a 'SignedHeader' in the AWS Authorization.");
}

Result<std::string> Verification::payload_hash() const {
    if (!is_s3) return std::string(options.body_sha256);
    const auto* declared = head.headers.find("x-amz-content-sha256");
    if (!presigned) {
        if (!declared) return fail(base::code::InvalidRequest, "Missing required header for this request: x-amz-content-sha256");
        return *declared;
    }
    const auto parameters = text::parse_query(head.query);
    const std::string* in_query = nullptr;
    if (parameters)
        for (const auto& [name, value] : *parameters)
            if (name == "X-Amz-Content-Sha256") in_query = &value;
    if (declared && in_query && *declared != *in_query)
        return fail(base::code::InvalidRequest,
                    "The header x-amz-content-sha256 and the query parameter X-Amz-Content-Sha256 differ");
    return declared ? *declared : in_query ? *in_query : std::string(unsigned_payload);
}

// Version 2 knows no payload hash; a payload whose chunks claim Version 4 signatures has nothing to chain them to.
Result<Verified> Verification::verified_v2() const {
    TRY(check_presigned_v2(signature, head, options.secret_access_key));
    Verified out;
    const auto* declared = head.headers.find("x-amz-content-sha256");
    out.payload_hash_ = declared ? *declared : std::string(unsigned_payload);
    if (out.payload_hash_.starts_with("STREAMING-AWS4-"))
        return fail(base::code::InvalidRequest, "Signed chunks need a request that is signed with AWS4-HMAC-SHA256");
    out.scope_ = signature.scope;
    out.place_ = signature.place;
    return out;
}

Result<void> Verification::check_claims() const {
    if (signature.version == SignatureVersion::v2) return check_expiry_v2(signature, options.now);
    TRY(check_scope());
    TRY(check_time());
    return check_signed_headers();
}

Result<Verified> Verification::verified() const {
    TRY(check_claims());
    if (signature.version == SignatureVersion::v2) return verified_v2();
    Verified out;
    out.payload_hash_ = TRY(payload_hash());
    const auto derive = [&] { return signing_key(options.secret_access_key, signature.scope); };
    out.signing_key_ =
        options.signing_key != nullptr ? options.signing_key->find_or_make(signature.scope.text(), derive) : derive();
    const auto canonical = canonical_request(head, signature.signed_headers, out.payload_hash_, is_s3, presigned);
    const auto to_sign = string_to_sign(signature.amz_date, signature.scope, canonical);
    const auto expected = crypto::hex(crypto::hmac_sha256(out.signing_key_, to_sign));
    if (!crypto::equal_in_constant_time(expected, signature.signature)) {
        if (is_s3)
            return fail(signature_mismatch(signature, to_sign)
                            .note("CanonicalRequest: " + canonical)
                            .note("CanonicalRequestBytes: " + shown_bytes(canonical)));
        return fail(base::code::SignatureDoesNotMatch,
                    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
                    "Key and signing method. Consult the service documentation for details.");
    }
    out.seed_signature_ = signature.signature;
    out.amz_date_ = signature.amz_date;
    out.scope_ = signature.scope;
    out.place_ = signature.place;
    return out;
}

Result<void> check_claims(const Signature& signature, const http::RequestHead& head, const VerifyOptions& options) {
    return Verification{signature, head, options}.check_claims();
}

Result<Verified> verify(const Signature& signature, const http::RequestHead& head, const VerifyOptions& options) {
    INVARIANT(!options.secret_access_key.empty());
    INVARIANT(signature.version == SignatureVersion::v4 || options.service == "s3");
    return Verification{signature, head, options}.verified();
}

// --- Signing.

namespace {

// What a proxy or an HTTP library may change on the way is left unsigned.
std::vector<std::string> headers_to_sign(const http::Headers& headers) {
    std::vector<std::string> names;
    for (const auto& [name, value] : headers.fields()) {
        auto lower = base::lower(name);
        if (lower == "user-agent" || lower == "expect" || lower == "accept" || lower == "connection" ||
            lower == "content-length" || lower == "transfer-encoding" || lower == "authorization")
            continue;
        names.push_back(std::move(lower));
    }
    std::ranges::sort(names);
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

}  // namespace

void sign(http::RequestHead& head, const SigningKeys& keys, std::string_view region, std::string_view service, base::Time now,
          std::string_view payload_hash) {
    INVARIANT(head.headers.count("Host") == 1);
    const auto date = text::amz_date(now);
    const Scope scope{date.substr(0, 8), std::string(region), std::string(service)};
    head.headers.set("X-Amz-Date", date);
    if (!keys.session_token.empty()) head.headers.set("X-Amz-Security-Token", std::string(keys.session_token));
    if (service == "s3") head.headers.set("X-Amz-Content-Sha256", std::string(payload_hash));
    const auto names = headers_to_sign(head.headers);
    const auto canonical = canonical_request(head, names, payload_hash, service == "s3", false);
    const auto signature = crypto::hex(
        crypto::hmac_sha256(cached_signing_key(keys.secret_access_key, scope), string_to_sign(date, scope, canonical)));
    head.headers.set("Authorization", std::string(algorithm) + " Credential=" + std::string(keys.access_key_id) + "/" +
                                          scope.text() + ", SignedHeaders=" + base::join(names, ";") +
                                          ", Signature=" + signature);
}

std::string presign(const http::RequestHead& head, const SigningKeys& keys, std::string_view region, std::string_view service,
                    base::Time now, std::chrono::seconds expires) {
    INVARIANT(head.headers.count("Host") == 1);
    const auto date = text::amz_date(now);
    const Scope scope{date.substr(0, 8), std::string(region), std::string(service)};
    const std::vector<std::string> names = {"host"};
    http::RequestHead with = head;
    const auto add = [&](std::string_view name, std::string_view value) {
        if (!with.query.empty()) with.query += '&';
        ((with.query += name) += '=') += text::encode_uri(value);
    };
    add("X-Amz-Algorithm", algorithm);
    add("X-Amz-Credential", std::string(keys.access_key_id) + "/" + scope.text());
    add("X-Amz-Date", date);
    add("X-Amz-Expires", std::to_string(expires.count()));
    if (!keys.session_token.empty()) add("X-Amz-Security-Token", keys.session_token);
    add("X-Amz-SignedHeaders", "host");
    const bool is_s3 = service == "s3";
    const auto payload_hash = is_s3 ? std::string(unsigned_payload) : crypto::hex(crypto::sha256(""));
    const auto canonical = canonical_request(with, names, payload_hash, is_s3, true);
    add("X-Amz-Signature", crypto::hex(crypto::hmac_sha256(cached_signing_key(keys.secret_access_key, scope),
                                                           string_to_sign(date, scope, canonical))));
    return with.query;
}

}  // namespace wire
