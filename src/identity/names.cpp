#include "identity/names.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "base/strings.hpp"
#include "policy/arn.hpp"

namespace identity {

namespace {

constexpr std::string_view base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr std::string_view alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
constexpr std::string_view base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr size_t path_length_max = 512;
constexpr size_t tag_key_length_max = 128;
constexpr size_t tag_value_length_max = 256;

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// Tags may hold letters, digits and spaces of any script and _.:/=+-@: bytes above ASCII are taken as letters.
bool is_tag_character(char c) {
    return is_alphanumeric(c) || static_cast<unsigned char>(c) >= 0x80 || std::string_view(" _.:/=+-@").contains(c);
}

// UTF-8 continuation bytes do not begin a character.
bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

}  // namespace

std::string key_of(std::string_view name) { return base::lower(name); }

base::Result<void> check_name(std::string_view name, std::string_view field, size_t length_max) {
    if (name.empty() || name.size() > length_max) {
        return base::fail(
            base::code::ValidationError,
            fmt::format("1 validation error detected: Value '{}' at '{}' failed to satisfy constraint: Member must have "
                        "length less than or equal to {}, and greater than or equal to 1",
                        name, field, length_max));
    }
    if (!std::ranges::all_of(name, [](char c) { return is_alphanumeric(c) || std::string_view("+=,.@_-").contains(c); })) {
        return base::fail(base::code::ValidationError,
                          fmt::format("The specified value for {} is invalid. It must contain only alphanumeric "
                                      "characters and/or the following: +=,.@_-",
                                      field));
    }
    return {};
}

base::Result<void> check_path(std::string_view path) {
    const bool printable = std::ranges::all_of(path, [](char c) { return c >= '!' && c <= '~'; });
    if (path.empty() || path.size() > path_length_max || !path.starts_with('/') || !path.ends_with('/') || !printable ||
        path.find("//") != std::string_view::npos) {
        return base::fail(base::code::ValidationError,
                          "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric "
                          "characters and/or / characters.");
    }
    return {};
}

base::Result<void> check_policy_arn(const std::string& text) {
    constexpr std::string_view type = "policy/";
    const auto arn = policy::parse_arn(text);
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const bool account =
        arn && (arn->account == "aws" || (arn->account.size() == 12 && std::ranges::all_of(arn->account, is_digit)));
    const bool good = account && arn->service == "iam" && arn->region.empty() && arn->resource.starts_with(type) &&
                      arn->resource.size() > type.size() && !arn->resource.ends_with('/') &&
                      arn->resource.find_first_of(" \t\r\n:*?") == std::string_view::npos;
    if (!good) return base::fail(base::code::InvalidInput, fmt::format("ARN {} is not valid.", text));
    if (arn->partition != "aws") return base::fail(base::code::ValidationError, "Invalid ARN partition");
    return {};
}

base::Result<void> check_tags(const Tags& tags) {
    if (tags.size() > tags_max) {
        return base::fail(base::code::ValidationError,
                          fmt::format("1 validation error detected: Value at 'tags' failed to satisfy constraint: "
                                      "Member must have length less than or equal to {}",
                                      tags_max));
    }
    for (size_t i = 0; i < tags.size(); ++i) {
        const auto& [key, value] = tags[i];
        if (key.empty() || characters(key) > tag_key_length_max || !std::ranges::all_of(key, is_tag_character)) {
            return base::fail(base::code::ValidationError,
                              fmt::format("1 validation error detected: Value '{}' at 'tags.{}.member.key' failed to "
                                          "satisfy constraint: Member must satisfy regular expression pattern: "
                                          "[\\p{{L}}\\p{{Z}}\\p{{N}}_.:/=+\\-@]+",
                                          key, i + 1));
        }
        if (characters(value) > tag_value_length_max || !std::ranges::all_of(value, is_tag_character)) {
            return base::fail(base::code::ValidationError,
                              fmt::format("1 validation error detected: Value '{}' at 'tags.{}.member.value' failed "
                                          "to satisfy constraint: Member must satisfy regular expression pattern: "
                                          "[\\p{{L}}\\p{{Z}}\\p{{N}}_.:/=+\\-@]*",
                                          value, i + 1));
        }
        if (base::lower(key).starts_with("aws:")) {
            return base::fail(base::code::InvalidInput, "Tag keys starting with 'aws:' are reserved for system use.");
        }
        for (size_t j = 0; j < i; ++j) {
            if (base::equals_ignoring_case(tags[j].first, key)) {
                return base::fail(base::code::InvalidInput,
                                  "Duplicate tag keys found. Please note that Tag keys are case insensitive.");
            }
        }
    }
    return {};
}

Tags merge_tags(Tags old_tags, const Tags& new_tags) {
    for (const auto& tag : new_tags) {
        const auto found = std::ranges::find_if(
            old_tags, [&](const auto& old_tag) { return base::equals_ignoring_case(old_tag.first, tag.first); });
        if (found != old_tags.end()) {
            *found = tag;
        } else {
            old_tags.push_back(tag);
        }
    }
    return old_tags;
}

Tags without_tags(Tags tags, const std::vector<std::string>& keys) {
    std::erase_if(tags, [&](const auto& tag) {
        return std::ranges::any_of(keys, [&](const auto& key) { return base::equals_ignoring_case(key, tag.first); });
    });
    return tags;
}

std::string make_unique_id(crypto::Random& random, std::string_view prefix) {
    return std::string(prefix) + random.text(17, alphanumeric);
}

std::string make_access_key_id(crypto::Random& random, std::string_view prefix, std::string_view account) {
    // 80 bits: 1, the account in 40 bits, 39 random ones.
    uint64_t account_number = 0;
    for (const char digit : account) {
        INVARIANT(digit >= '0' && digit <= '9');
        account_number = account_number * 10 + static_cast<uint64_t>(digit - '0');
    }
    INVARIANT(account_number < (1ull << 40));
    const std::string noise = random.bytes(5);
    unsigned __int128 bits = 1;
    bits = bits << 40 | account_number;
    uint64_t tail = 0;
    for (const char byte : noise) tail = tail << 8 | static_cast<unsigned char>(byte);
    bits = bits << 39 | (tail & ((1ull << 39) - 1));
    std::string id(16, 'A');
    for (size_t i = id.size(); i-- > 0; bits >>= 5) id[i] = base32[static_cast<size_t>(bits & 31)];
    return std::string(prefix) + id;
}

std::string make_secret(crypto::Random& random) { return random.text(40, base64); }

size_t characters(std::string_view text) { return static_cast<size_t>(std::ranges::count_if(text, begins_character)); }

size_t measure(std::string_view document) {
    return static_cast<size_t>(std::ranges::count_if(
        document, [](char c) { return c != ' ' && c != '\t' && c != '\r' && c != '\n' && begins_character(c); }));
}

}  // namespace identity
