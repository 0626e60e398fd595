#include "policy/vocabulary.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "policy/arn.hpp"
#include "policy/glob.hpp"
#include "policy/value.hpp"
#include "policy/vocabulary_data.hpp"

namespace policy {
namespace {

std::string_view service_of(std::string_view name) { return name.substr(0, name.find(':')); }

std::string_view lower_of(const VocabularyKey& key) { return key.lower; }

constexpr std::string_view bucket_name = "${BucketName}";

// The format as a glob: a variable part is something, whatever it is.
std::string glob_of(std::string_view format) {
    std::string out;
    while (!format.empty()) {
        const size_t at = format.find("${");
        out += format.substr(0, at);
        if (at == std::string_view::npos) break;
        out += "?*";
        const size_t end = format.find('}', at);
        format.remove_prefix(end == std::string_view::npos ? format.size() : end + 1);
    }
    return out;
}

// A segment without colons: what the format says, or something where the format has a variable.
bool fits_segment(std::string_view segment, std::string_view format) {
    return format.starts_with("${") ? !segment.empty() : segment == format;
}

}  // namespace

std::optional<KnownKey> find_key(std::string_view key) {
    const std::string lower = base::lower(key);
    const std::string_view service = service_of(lower);
    if (service.size() == lower.size() || service.empty() || service.size() + 1 == lower.size()) return std::nullopt;
    if (service.contains('.')) return KnownKey{std::string(key), KeyType::text};
    const auto all = vocabulary_keys();
    // The last entry that is not behind the key is the key, or what it begins with.
    auto at = std::ranges::upper_bound(all, std::string_view(lower), {}, lower_of);
    while (at != all.begin()) {
        --at;
        const std::string_view known = lower_of(*at);
        if (service_of(known) != service) return std::nullopt;
        const bool is_prefix = known.ends_with('/') || known.ends_with(':');  // kms:EncryptionContext:NAME
        if (known == lower && !is_prefix) return KnownKey{at->name, at->type};
        if (is_prefix && lower.size() > known.size() && lower.starts_with(known))
            return KnownKey{std::string(at->name).append(key.substr(known.size())), at->type};
    }
    return std::nullopt;
}

std::vector<std::string> keys_beside(std::string_view key) {
    std::vector<std::string> out;
    const std::string service = base::lower(service_of(key));
    for (const VocabularyKey& known : vocabulary_keys())
        if (service_of(lower_of(known)) == service) out.emplace_back(known.name);
    return out;
}

bool has_type(std::string_view value, KeyType type) {
    switch (type) {
        case KeyType::text:
            return true;
        case KeyType::number:
            return Decimal::parse(value).has_value();
        case KeyType::date:
            return parse_date(value).has_value();
        case KeyType::epoch:
            return !value.empty() && value.size() <= 18 &&
                   std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
        case KeyType::boolean:
            return base::equals_ignoring_case(value, "true") || base::equals_ignoring_case(value, "false");
        case KeyType::address:
            return !value.contains('/') && Network::parse(value).has_value();
        case KeyType::arn:
            return parse_arn(value).has_value();
    }
    return false;
}

std::string_view describe(KeyType type) {
    switch (type) {
        case KeyType::text:
            return "text";
        case KeyType::number:
            return "a number, for example 3600";
        case KeyType::date:
            return "a date, for example 2026-01-31T12:00:00Z";
        case KeyType::epoch:
            return "seconds since 1970, for example 1790000000";
        case KeyType::boolean:
            return "true or false";
        case KeyType::address:
            return "an address, for example 10.0.0.1";
        case KeyType::arn:
            return "an ARN";
    }
    return "";
}

std::vector<std::string_view> resource_formats(std::string_view action) {
    const std::string name = base::lower(action);
    const auto all = vocabulary_actions();
    const auto at = std::ranges::lower_bound(all, std::string_view(name), {},
                                             [](const VocabularyAction& one) -> std::string_view { return one.name; });
    if (at == all.end() || at->name != name) return {};
    const auto formats = vocabulary_formats().subspan(at->first, at->count);
    return {formats.begin(), formats.end()};
}

bool has_format(std::string_view arn, std::string_view format) {
    const auto has = parse_arn(arn), wanted = parse_arn(format);
    if (!has || !wanted) return false;
    if (!fits_segment(has->partition, wanted->partition) || has->service != wanted->service ||
        !fits_segment(has->region, wanted->region) || !fits_segment(has->account, wanted->account))
        return false;
    if (wanted->resource == bucket_name && has->resource.contains('/')) return false;
    return glob_matches(glob_of(wanted->resource), has->resource);
}

}  // namespace policy
