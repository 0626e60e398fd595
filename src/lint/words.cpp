#include "lint/words.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "base/strings.hpp"
#include "lint/arn_formats.hpp"
#include "policy/catalogue.hpp"
#include "policy/glob.hpp"

namespace lint {

const std::vector<std::string>& known_services() {
    static const auto services = [] {
        std::vector<std::string> out;
        for (const std::string_view action : policy::actions_matching("*"))
            out.push_back(base::lower(action.substr(0, action.find(':'))));
        std::ranges::sort(out);
        out.erase(std::unique(out.begin(), out.end()), out.end());
        return out;
    }();
    return services;
}

bool is_service(std::string_view prefix) { return std::ranges::binary_search(known_services(), base::lower(prefix)); }

bool is_retired(std::string_view lower_prefix) {
    constexpr std::array<std::string_view, 5> retired = {"deepcomposer", "deeplens", "deepracer", "iot1click", "zocalo"};
    return std::ranges::binary_search(retired, lower_prefix);
}

bool covers(std::string_view pattern, std::string_view other) {
    if (pattern == other) return true;
    // A `*` is any number of characters, which a `?` is not.
    if (pattern.contains('?') && other.contains('*')) return false;
    return has_wildcard(pattern) && policy::glob_matches(pattern, other);
}

namespace {

// Is a `*` in the first five segments of the ARN, if there is one, the last of its segment, and no `?` in them? Then every one of them runs on past colons (R41), and
// the pattern means what it does as a text.
bool runs_past_colons(std::string_view pattern) {
    constexpr size_t fixed_segments = 5;
    size_t segment = 0;
    for (size_t at = 0; at < pattern.size() && segment < fixed_segments; ++at) {
        if (pattern[at] == ':') ++segment;
        const bool is_last = at + 1 == pattern.size() || pattern[at + 1] == ':';
        if (pattern[at] == '?' || (pattern[at] == '*' && !is_last)) return false;
    }
    return segment == fixed_segments;
}

}  // namespace

bool arn_covers(std::string_view pattern, std::string_view other) {
    if (pattern == other || pattern == "*") return true;
    const ArnSegments a = segments_of(pattern), b = segments_of(other);
    // A variable's value is not known: what it is compared with must be a `*`.
    if (a.count != b.count || (pattern.contains('?') && other.contains("${"))) return false;
    if (runs_past_colons(pattern) && covers(pattern, other)) return true;
    return covers(a.prefix, b.prefix) && covers(a.partition, b.partition) && covers(a.service, b.service) &&
           covers(a.region, b.region) && covers(a.account, b.account) && covers(a.resource, b.resource);
}

std::vector<Covered> find_covered(const std::vector<std::string>& patterns, size_t& work,
                                  bool (*covering)(std::string_view, std::string_view)) {
    std::map<size_t, std::vector<size_t>> found;
    std::unordered_map<std::string_view, size_t> first;
    std::vector<size_t> wild;
    std::vector<bool> is_covered(patterns.size());
    for (size_t i = 0; i < patterns.size(); ++i) {
        const auto [entry, added] = first.try_emplace(patterns[i], i);
        if (!added) {
            found[entry->second].push_back(i);
            is_covered[i] = true;
        } else if (has_wildcard(patterns[i])) {
            wild.push_back(i);
        }
    }
    // The shortest first: what covers another one with a wildcard is shorter, or as long.
    std::ranges::sort(wild, {}, [&](size_t i) { return std::pair(patterns[i].size(), i); });
    for (const size_t by : wild) {
        if (is_covered[by]) continue;
        for (size_t i = 0; i < patterns.size(); ++i) {
            if (i == by || is_covered[i]) continue;
            if (work == 0) break;
            --work;
            if (!covering(patterns[by], patterns[i])) continue;
            found[by].push_back(i);
            is_covered[i] = true;
        }
    }
    std::vector<Covered> out;
    for (auto& [by, covered] : found) {
        std::ranges::sort(covered);
        out.push_back({by, std::move(covered)});
    }
    return out;
}

}  // namespace lint
