#include "lint/arn_formats.hpp"

#include <algorithm>
#include <map>
#include <string>

#include "policy/catalogue.hpp"
#include "policy/vocabulary.hpp"

namespace lint {

namespace {

using Formats = std::map<std::string_view, std::vector<std::string_view>>;

Formats all_formats() {
    Formats out;
    for (const std::string_view action : policy::actions_matching("*"))
        for (const std::string_view format : policy::resource_formats(action)) out[segments_of(format).service].push_back(format);
    for (auto& [service, formats] : out) {
        std::ranges::sort(formats);
        formats.erase(std::unique(formats.begin(), formats.end()), formats.end());
    }
    return out;
}

// `${...}` as `?*`, so that what is left is a pattern of `*` and `?`.
std::string without_variables(std::string_view text) {
    std::string out;
    while (true) {
        const size_t at = text.find("${");
        const size_t end = at == std::string_view::npos ? at : text.find('}', at);
        if (end == std::string_view::npos) return out.append(text);
        out.append(text.substr(0, at)).append("?*");
        text.remove_prefix(end + 1);
    }
}

}  // namespace

const std::vector<std::string_view>& formats_of_service(std::string_view service) {
    static const Formats formats = all_formats();
    static const std::vector<std::string_view> none;
    const auto found = formats.find(service);
    return found == formats.end() ? none : found->second;
}

bool can_meet(std::string_view pattern, std::string_view other) {
    const std::string a = without_variables(pattern), b = without_variables(other);
    // reached[j]: what stands before a[i] and what stands before b[j] can be the same text.
    std::vector<bool> reached(b.size() + 1), next;
    reached[0] = true;
    const auto skip_stars = [&](std::vector<bool>& row) {
        for (size_t j = 0; j < b.size(); ++j)
            if (row[j] && b[j] == '*') row[j + 1] = true;
    };
    skip_stars(reached);
    for (const char c : a) {
        next.assign(b.size() + 1, false);
        for (size_t j = 0; j <= b.size(); ++j) {
            if (c == '*') next[j] = next[j] || reached[j] || (j > 0 && next[j - 1]);
            if (c != '*' && j < b.size() && reached[j]) {
                if (b[j] == '*') {
                    next[j] = true;  // the star takes this character
                } else if (c == '?' || b[j] == '?' || c == b[j]) {
                    next[j + 1] = true;
                }
            }
        }
        skip_stars(next);
        reached.swap(next);
    }
    return reached[b.size()];
}

ArnSegments segments_of(std::string_view arn) {
    ArnSegments out;
    std::string_view* const parts[] = {&out.prefix, &out.partition, &out.service, &out.region, &out.account, &out.resource};
    for (std::string_view* part : parts) {
        ++out.count;
        const size_t colon = part == &out.resource ? std::string_view::npos : arn.find(':');
        *part = arn.substr(0, colon);
        if (colon == std::string_view::npos) break;
        arn.remove_prefix(colon + 1);
    }
    return out;
}

bool can_be(std::string_view pattern, std::string_view format) {
    const ArnSegments has = segments_of(pattern), wanted = segments_of(format);
    const bool runs_on = has.count < 6 || has.partition.ends_with('*') || has.service.ends_with('*') ||
                         has.region.ends_with('*') || has.account.ends_with('*');
    if (runs_on) return can_meet(pattern, format);
    // Names of buckets hold no slash.
    if (wanted.resource == "${BucketName}" && has.resource.contains('/')) return false;
    return can_meet(has.partition, wanted.partition) && can_meet(has.service, wanted.service) &&
           can_meet(has.region, wanted.region) && can_meet(has.account, wanted.account) &&
           can_meet(has.resource, wanted.resource);
}

}  // namespace lint
