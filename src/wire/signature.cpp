// Reads the credentials that a request claims: the one place that decides which they are.
#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "text/time.hpp"
#include "text/uri.hpp"
#include "wire/model.hpp"
#include "wire/presigned_v2.hpp"
#include "wire/sigv4.hpp"

namespace wire {

using base::fail;
using base::Result;

namespace {

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";

// Whose words an error is in, before anything says which service was meant.
bool speaks_s3(const http::RequestHead& head) {
    if (head.headers.find("X-Amz-Target") || says_cbor(head)) return false;
    if (base::lower(head.headers.get("Content-Type")).starts_with("application/x-www-form-urlencoded")) return false;
    return !(head.path == "/" && (head.query.starts_with("Action=") || head.query.find("&Action=") != std::string::npos));
}

// Headers that policies decide on, or that say what is done: of two different values some programs take
// the first and others the last. Lists are joined.
bool means_one_thing(std::string_view lower_name) {
    constexpr std::array names = std::to_array<std::string_view>(
        {"user-agent", "referer", "date", "content-type", "content-md5", "range", "smithy-protocol"});
    if (lower_name.starts_with("x-amz-meta-") || lower_name.ends_with("-object-attributes")) return false;  // lists
    return lower_name.starts_with("x-amz-") || std::ranges::find(names, lower_name) != names.end();
}

struct CredentialText {
    std::string access_key_id;
    Scope scope;
};

// AKID/date/region/service/aws4_request, read from the right: nothing but the key id could hold a slash.
std::optional<CredentialText> parse_credential(std::string_view text) {
    const auto parts = base::split(text, '/');
    if (parts.size() != 5 || parts[4] != "aws4_request") return std::nullopt;
    const auto is_word = [](std::string_view part, size_t most) {
        return !part.empty() && part.size() <= most && std::ranges::all_of(part, [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
        });
    };
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (!is_word(parts[0], 128) || !is_word(parts[2], 64) || !is_word(parts[3], 64)) return std::nullopt;
    if (parts[1].size() != 8 || !std::ranges::all_of(parts[1], is_digit)) return std::nullopt;
    return CredentialText{std::string(parts[0]), {std::string(parts[1]), std::string(parts[2]), std::string(parts[3])}};
}

std::optional<std::vector<std::string>> parse_signed_headers(std::string_view text) {
    if (static_cast<size_t>(std::ranges::count(text, ';')) >= signed_headers_max) return std::nullopt;
    std::vector<std::string> out;
    for (const auto name : base::split(text, ';')) {
        if (name.empty() || base::lower(name) != name || name.find_first_of("\r\n: ") != std::string_view::npos)
            return std::nullopt;
        out.emplace_back(name);
    }
    return out;
}

bool is_signature(std::string_view text) {
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// A Date header. HTTP's ends in GMT; clients that take mail's for it write a numeric zone, of which botocore's is `-0000` (RFC
// 5322, section 3.3: hours and minutes, and minutes below 60).
std::optional<base::Time> parse_date(std::string_view text) {
    constexpr size_t zone_bytes = 6;  // " +0000"
    if (text.size() <= zone_bytes) return text::parse_http_date(text);
    const auto zone = text.substr(text.size() - zone_bytes);
    const bool numeric = zone[0] == ' ' && (zone[1] == '+' || zone[1] == '-') &&
                         std::ranges::all_of(zone.substr(2), [](char c) { return c >= '0' && c <= '9'; });
    if (!numeric) return text::parse_http_date(text);
    const auto two = [&](size_t at) { return (zone[at] - '0') * 10 + (zone[at + 1] - '0'); };
    if (two(2) > 23 || two(4) > 59) return std::nullopt;
    const auto local = text::parse_http_date(std::string(text.substr(0, text.size() - zone_bytes)) + " GMT");
    if (!local) return std::nullopt;
    const auto offset = std::chrono::hours(two(2)) + std::chrono::minutes(two(4));
    return zone[1] == '+' ? *local - offset : *local + offset;
}

Result<std::optional<Signature>> read_header(const http::RequestHead& head, const std::string& authorization) {
    const bool s3 = speaks_s3(head);
    if (authorization.starts_with("AWS ") || authorization.starts_with("AWS4-ECDSA"))
        return fail(base::code::InvalidRequest,
                    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.");
    const auto malformed = [&](std::string words) {
        if (s3) return fail(base::code::AuthorizationHeaderMalformed, "The authorization header is malformed; " + words);
        return fail(base::code::IncompleteSignature, "Authorization header is malformed; " + words);
    };
    if (!authorization.starts_with(algorithm) || authorization.size() == algorithm.size() ||
        authorization[algorithm.size()] != ' ')
        return s3 ? fail(base::code::InvalidArgument, "Unsupported Authorization Type")
                  : fail(base::code::IncompleteSignature,
                         "The authorization mechanism is not supported. Please use AWS4-HMAC-SHA256.");

    std::map<std::string_view, std::string_view> parts;
    for (const auto part : base::split(std::string_view(authorization).substr(algorithm.size()), ',')) {
        const auto text = base::trim(part);
        const auto equals = text.find('=');
        if (equals == std::string_view::npos) return malformed("a component has no '='.");
        if (!parts.emplace(text.substr(0, equals), text.substr(equals + 1)).second)
            return malformed("the component \"" + std::string(text.substr(0, equals)) + "\" appears twice.");
    }
    for (const auto* required : {"Credential", "SignedHeaders", "Signature"})
        if (!parts.contains(required))
            return s3 ? malformed(std::string("the authorization component \"") + required + "\" is missing.")
                      : fail(base::code::IncompleteSignature,
                             std::string("Authorization header requires '") + required + "' parameter.");
    if (parts.size() != 3) return malformed("it has components other than Credential, SignedHeaders and Signature.");

    Signature out;
    auto credential = parse_credential(parts["Credential"]);
    if (!credential)
        return malformed("the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
    out.access_key_id = std::move(credential->access_key_id);
    out.scope = std::move(credential->scope);
    auto names = parse_signed_headers(parts["SignedHeaders"]);
    if (!names) return malformed("the SignedHeaders are mal-formed.");
    out.signed_headers = std::move(*names);
    out.signature = parts["Signature"];
    if (!is_signature(out.signature)) return malformed("the Signature is not 64 lower-case hexadecimal digits.");

    std::optional<base::Time> time;
    if (const auto* amz_date = head.headers.find("X-Amz-Date")) {
        time = text::parse_amz_date(*amz_date);
    } else if (const auto* date = head.headers.find("Date")) {
        time = parse_date(*date);
        if (!time) time = text::parse_amz_date(*date);
    }
    if (!time)
        return s3 ? fail(base::code::AccessDenied, "AWS authentication requires a valid Date or x-amz-date header")
                  : fail(base::code::IncompleteSignature,
                         "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.");
    out.time = *time;
    out.amz_date = text::amz_date(*time);
    out.session_token = head.headers.get("X-Amz-Security-Token");
    return out;
}

Result<std::optional<Signature>> read_query(const http::RequestHead& head, const text::QueryParameters& parameters) {
    const bool s3 = speaks_s3(head);
    const auto refuse = [&](std::string words) {
        return fail(s3 ? base::code::AuthorizationQueryParametersError : base::code::IncompleteSignature, std::move(words));
    };
    std::map<std::string_view, std::string_view> found;
    for (const auto& [name, value] : parameters) {
        if (!name.starts_with("X-Amz-")) continue;
        if (!found.emplace(name, value).second) return refuse("The query parameter " + name + " appears twice.");
    }
    if (found["X-Amz-Algorithm"] != algorithm) return refuse("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"");
    for (const auto* required : {"X-Amz-Credential", "X-Amz-Signature", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Expires"})
        // Only S3 insists on an expiry.
        if (!found.contains(required) && (s3 || std::string_view(required) != "X-Amz-Expires"))
            return refuse(
                "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
                "X-Amz-Date, "
                "X-Amz-SignedHeaders, and X-Amz-Expires parameters.");
    Signature out{.place = SignaturePlace::query};
    auto credential = parse_credential(found["X-Amz-Credential"]);
    if (!credential)
        return refuse(
            "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
            "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
    out.access_key_id = std::move(credential->access_key_id);
    out.scope = std::move(credential->scope);
    auto names = parse_signed_headers(found["X-Amz-SignedHeaders"]);
    if (!names) return refuse("X-Amz-SignedHeaders is mal-formed.");
    out.signed_headers = std::move(*names);
    out.signature = found["X-Amz-Signature"];
    if (!is_signature(out.signature)) return refuse("X-Amz-Signature is not 64 lower-case hexadecimal digits.");
    const auto time = text::parse_amz_date(found["X-Amz-Date"]);
    if (!time) return refuse("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
    out.time = *time;
    out.amz_date = found["X-Amz-Date"];
    if (found.contains("X-Amz-Expires")) {
        const auto text = found["X-Amz-Expires"];
        int64_t seconds = 0;
        const auto got = std::from_chars(text.data(), text.data() + text.size(), seconds);
        if (got.ec != std::errc() || got.ptr != text.data() + text.size()) return refuse("X-Amz-Expires should be a number");
        if (seconds < 0) return refuse("X-Amz-Expires must be non-negative");
        if (seconds > presigned_expires_max.count())
            return refuse(
                "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 "
                "seconds");
        out.expires = std::chrono::seconds(seconds);
    }
    if (found.contains("X-Amz-Security-Token")) out.session_token = found["X-Amz-Security-Token"];
    // The token in a header beside a query signature: two places again.
    if (const auto* token = head.headers.find("X-Amz-Security-Token");
        token && found.contains("X-Amz-Security-Token") && *token != out.session_token)
        return refuse("The security token of the header and of the query differ.");
    else if (token)
        out.session_token = *token;
    return out;
}

}  // namespace

Result<void> check_repeated_headers(const http::RequestHead& head) {
    std::map<std::string, std::string_view> seen;
    for (const auto& [name, value] : head.headers.fields()) {
        auto lower = base::lower(name);
        if (!means_one_thing(lower)) continue;
        const auto [first, fresh] = seen.emplace(std::move(lower), value);
        if (!fresh && first->second != value)
            return fail(speaks_s3(head) ? base::code::InvalidArgument : base::code::InvalidRequest,
                        "The header " + first->first + " is there more than once, with different values.");
    }
    return {};
}

Result<std::optional<Signature>> read_signature(const http::RequestHead& head) {
    const bool s3 = speaks_s3(head);
    if (static_cast<size_t>(std::ranges::count(head.query, '&')) >= head_parameters_max)
        return fail(s3 ? base::code::InvalidURI : base::code::MalformedQueryString,
                    "The query has more than " + std::to_string(head_parameters_max) + " parameters.");
    const auto parameters = text::parse_query(head.query);
    if (!parameters)
        return fail(s3 ? base::code::InvalidURI : base::code::MalformedQueryString, "Couldn't parse the specified URI.");
    bool version_4_query = false, version_2_query = false;
    for (const auto& [name, value] : *parameters) {
        if (name == "X-Amz-Algorithm" || name == "X-Amz-Credential" || name == "X-Amz-Signature") version_4_query = true;
        if (name == "AWSAccessKeyId" || name == "Signature") version_2_query = true;
    }
    const auto headers = head.headers.count("Authorization");
    if (headers > 1 || (headers == 1 && (version_4_query || version_2_query)) || (version_4_query && version_2_query))
        return s3 ? fail(base::code::InvalidArgument,
                         "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
                         "parameter or the "
                         "Authorization header should be specified")
                  : fail(base::code::IncompleteSignature, "Only one auth mechanism allowed; the request carries more than one.");
    if (version_2_query && s3) return std::optional(TRY(read_presigned_v2(head, *parameters)));
    if (version_2_query)
        return fail(base::code::InvalidRequest,
                    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.");
    if (headers == 1) return read_header(head, head.headers.get("Authorization"));
    if (version_4_query) return read_query(head, *parameters);
    return std::optional<Signature>();
}

}  // namespace wire
