#include "wire/post_policy.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "crypto/digest.hpp"
#include "text/base64.hpp"
#include "text/json.hpp"
#include "text/time.hpp"
#include "wire/payload.hpp"

namespace wire {

using base::fail;
using base::Result;

namespace {

constexpr std::string_view v4_algorithm = "AWS4-HMAC-SHA256";

// Names in lower case, as PostForm has them.
constexpr std::string_view policy_field = "policy", signature_v2 = "signature", key_v2 = "awsaccesskeyid",
                           signature_v4 = "x-amz-signature", algorithm_v4 = "x-amz-algorithm", credential_v4 = "x-amz-credential",
                           date_v4 = "x-amz-date", token = "x-amz-security-token";
// Fields that no condition has to name.
constexpr auto unnamed = std::to_array<std::string_view>({policy_field, signature_v2, key_v2, signature_v4});

std::unexpected<base::Error> missing(std::string_view field) {
    return fail(base::Error(base::code::InvalidArgument, "Bucket POST must contain a field named '" + std::string(field) +
                                                             "'.  If it is specified, please check the order of the fields.")
                    .note("ArgumentName: " + std::string(field)));
}

std::unexpected<base::Error> invalid(std::string_view field, const std::string& value, std::string message) {
    return fail(base::Error(base::code::InvalidArgument, std::move(message))
                    .note("ArgumentName: " + std::string(field))
                    .note("ArgumentValue: " + value));
}

std::unexpected<base::Error> not_a_policy(const std::string& why) {
    return fail(base::code::InvalidPolicyDocument, "Invalid Policy: " + why);
}

std::unexpected<base::Error> refused(const std::string& why) {
    return fail(base::code::AccessDenied, "Invalid according to Policy: " + why);
}

// S3's policies may have `\$`, which JSON does not know.
std::string as_json(std::string_view policy) {
    std::string out;
    for (size_t at = 0; at < policy.size(); ++at) {
        if (policy[at] == '\\' && at + 1 < policy.size()) {
            if (policy[at + 1] != '$') out += '\\';
            out += policy[++at];
        } else {
            out += policy[at];
        }
    }
    return out;
}

struct Condition {
    std::string shown;  // as it stands in the policy
    bool begins = false;
    std::string field, value;  // the field in lower case, without `$`
};

struct Policy {
    base::Time expiration;
    std::vector<Condition> conditions;
    SizeRange size;
};

Result<uint64_t> whole_number(const text::Json& value) {
    if (value.is_number() && value.as_int(-1) >= 0) return static_cast<uint64_t>(value.as_int());
    if (value.is_string()) {
        const auto& digits = value.as_string();
        if (!digits.empty() && digits.size() <= 18 && digits.find_first_not_of("0123456789") == std::string::npos)
            return std::stoull(digits);
    }
    return not_a_policy("Invalid content-length-range: the limits are whole numbers.");
}

Result<void> read_list(const text::Json& list, Policy& policy) {
    const auto& items = list.items();
    if (items.size() != 3 || !items[0].is_string()) return not_a_policy("Invalid Condition: it has not three elements.");
    const std::string kind = base::lower(items[0].as_string());
    if (kind == "content-length-range") {
        policy.size.least = std::max(policy.size.least, TRY(whole_number(items[1])));
        policy.size.most = std::min(policy.size.most, TRY(whole_number(items[2])));
        return {};
    }
    if (kind != "eq" && kind != "starts-with") return not_a_policy("Invalid Condition: unknown operation '" + kind + "'.");
    if (!items[1].is_string() || !items[2].is_string() || !items[1].as_string().starts_with('$') ||
        items[1].as_string().size() < 2)
        return not_a_policy("Invalid Condition: a field is written as \"$name\", and its value is a string.");
    policy.conditions.push_back({.shown = list.dump(),
                                 .begins = kind == "starts-with",
                                 .field = base::lower(items[1].as_string().substr(1)),
                                 .value = items[2].as_string()});
    return {};
}

Result<void> read_condition(const text::Json& condition, Policy& policy) {
    if (condition.is_array()) return read_list(condition, policy);
    if (!condition.is_object() || condition.members().size() != 1)
        return not_a_policy("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.");
    const auto& [field, value] = condition.members().front();
    if (!value.is_string()) return not_a_policy("Invalid Simple-Condition: value must be a string.");
    policy.conditions.push_back({.shown = text::Json::array({"eq", "$" + field, value}).dump(),
                                 .begins = false,
                                 .field = base::lower(field),
                                 .value = value.as_string()});
    return {};
}

Result<Policy> read_policy(const std::string& encoded) {
    const auto decoded = text::decode_base64(encoded);
    if (!decoded) return not_a_policy("Invalid Base64 Encoding.");
    const auto json = text::parse_json(as_json(*decoded));
    if (!json || !json->is_object()) return not_a_policy("Invalid JSON.");
    Policy policy;
    const auto* expiration = json->find("expiration");
    const auto* conditions = json->find("conditions");
    if (expiration == nullptr) return not_a_policy("Policy missing expiration.");
    if (conditions == nullptr || !conditions->is_array()) return not_a_policy("Policy missing conditions.");
    const auto time = expiration->is_string() ? text::parse_iso8601(expiration->as_string()) : std::nullopt;
    if (!time || !expiration->as_string().ends_with('Z'))
        return not_a_policy("Invalid 'expiration' value: '" + expiration->as_string() + "'");
    policy.expiration = *time;
    for (const auto& [name, value] : json->members())
        if (name != "expiration" && name != "conditions") return not_a_policy("Unexpected: '" + name + "'");
    if (conditions->items().size() > policy_conditions_max) return not_a_policy("it has too many conditions.");
    for (const auto& condition : conditions->items()) TRY(read_condition(condition, policy));
    return policy;
}

// Of a list (`text/plain, text/html`) each item is compared, as AWS does it for Content-Type alone.
bool begins(std::string_view value, const Condition& condition) {
    if (condition.field != "content-type") return value.starts_with(condition.value);
    return std::ranges::all_of(base::split(value, ','),
                               [&](std::string_view item) { return base::trim(item).starts_with(condition.value); });
}

// What the file's content must be lets nothing through.
bool is_checksum(std::string_view field) {
    constexpr std::string_view prefix = "x-amz-checksum-";
    return field.starts_with(prefix) && checksum_kind(field.substr(prefix.size())).has_value();
}

bool needs_condition(std::string_view field) {
    return !is_checksum(field) && std::ranges::find(unnamed, field) == unnamed.end() && !field.starts_with("x-ignore-");
}

Result<Signature> read_v4(const PostForm& form) {
    for (const auto field : {algorithm_v4, credential_v4, date_v4, signature_v4})
        if (form.find(field) == nullptr) return missing(field);
    if (*form.find(algorithm_v4) != v4_algorithm)
        return invalid(algorithm_v4, *form.find(algorithm_v4), "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"");
    Signature out{.version = SignatureVersion::v4, .place = SignaturePlace::form};
    const auto& credential = *form.find(credential_v4);
    const auto parts = base::split(credential, '/');
    const auto is_word = [](std::string_view part) {
        return !part.empty() && part.size() <= 128 && std::ranges::all_of(part, [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
        });
    };
    if (parts.size() != 5 || parts[4] != "aws4_request" || !std::ranges::all_of(parts, is_word))
        return invalid(credential_v4, credential,
                       "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
    out.access_key_id = parts[0];
    out.scope = {.date = std::string(parts[1]), .region = std::string(parts[2]), .service = std::string(parts[3])};
    out.amz_date = *form.find(date_v4);
    const auto time = text::parse_amz_date(out.amz_date);
    if (!time) return invalid(date_v4, out.amz_date, "X-Amz-Date must be formated via ISO8601 Long format");
    out.time = *time;
    out.signature = *form.find(signature_v4);
    return out;
}

}  // namespace

Result<std::optional<Signature>> read_form_signature(const PostForm& form) {
    const bool is_v4 =
        form.find(algorithm_v4) != nullptr || form.find(credential_v4) != nullptr || form.find(signature_v4) != nullptr;
    const bool is_v2 = form.find(key_v2) != nullptr || form.find(signature_v2) != nullptr;
    if (is_v4 && is_v2) return fail(base::code::InvalidArgument, "Only one auth mechanism allowed");
    if (!is_v4 && !is_v2) {
        if (form.find(policy_field) != nullptr) return missing("AWSAccessKeyId");
        return std::nullopt;
    }
    if (form.find(policy_field) == nullptr) return missing("policy");
    Signature out{.version = SignatureVersion::v2, .place = SignaturePlace::form};
    if (is_v4) {
        out = TRY(read_v4(form));
    } else {
        if (form.find(key_v2) == nullptr) return missing("AWSAccessKeyId");
        if (form.find(signature_v2) == nullptr) return missing("Signature");
        out.access_key_id = *form.find(key_v2);
        out.signature = *form.find(signature_v2);
        out.scope.service = "s3";  // it names no region
    }
    if (const auto* session = form.find(token)) out.session_token = *session;
    return out;
}

Result<void> verify_form(const Signature& signature, const PostForm& form, const VerifyOptions& options) {
    const auto& policy = *form.find(policy_field);
    std::string expected;
    if (signature.version == SignatureVersion::v2) {
        expected = text::encode_base64(crypto::hmac_sha1(options.secret_access_key, policy));
    } else {
        const auto& scope = signature.scope;
        if (scope.service != options.service)
            return invalid(credential_v4, *form.find(credential_v4),
                           "incorrect service \"" + scope.service + "\". This endpoint belongs to \"s3\".");
        if (scope.date != signature.amz_date.substr(0, 8))
            return invalid(credential_v4, *form.find(credential_v4),
                           "incorrect credential date \"" + scope.date + "\". This date is not the same as X-Amz-Date: \"" +
                               signature.amz_date.substr(0, 8) + "\".");
        if (signature.time > options.now + clock_skew_max) return fail(base::code::AccessDenied, "Request is not yet valid");
        expected = crypto::hex(crypto::hmac_sha256(signing_key(options.secret_access_key, scope), policy));
    }
    if (!crypto::equal_in_constant_time(expected, signature.signature)) return fail(signature_mismatch(signature, policy));
    return {};
}

Result<SizeRange> check_form_policy(const PostForm& form, std::string_view bucket, std::string_view key, base::Time now) {
    const Policy policy = TRY(read_policy(*form.find(policy_field)));
    if (policy.expiration <= now) return refused("Policy expired.");
    std::set<std::string_view> named;
    for (const auto& condition : policy.conditions) {
        named.insert(condition.field);
        const auto* field = form.find(condition.field);
        const std::string_view value = condition.field == "bucket" ? bucket
                                       : condition.field == "key"  ? key
                                       : field != nullptr          ? *field
                                                                   : std::string_view();
        const bool holds = condition.begins ? begins(value, condition) : value == condition.value;
        const bool is_there = field != nullptr || condition.field == "bucket" || (condition.begins && condition.value.empty());
        if (!holds || !is_there) return refused("Policy Condition failed: " + condition.shown);
    }
    if (!named.contains("bucket"))
        return refused("Policy Condition failed: [\"eq\", \"$bucket\", \"" + std::string(bucket) + "\"]");
    for (const auto& [name, value] : form.fields())
        if (needs_condition(name) && !named.contains(name)) return refused("Extra input fields: " + name);
    return policy.size;
}

}  // namespace wire
