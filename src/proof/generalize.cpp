#include "proof/generalize.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "base/strings.hpp"
#include "policy/arn.hpp"
#include "policy/passed_resource.hpp"

namespace proof {

namespace {

// Of the character of UTF-8 that begins there.
size_t character_size(std::string_view text, size_t at) {
    size_t end = at + 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    return end - at;
}

// IAM API Reference, PutRolePolicy, PolicyDocument: line breaks, tabs, and U+0020 to U+00FF.
bool may_be_written(std::string_view character) {
    const auto lead = static_cast<unsigned char>(character.front());
    if (character.size() == 1) return lead >= 0x20 || lead == '\t' || lead == '\n' || lead == '\r';
    return character.size() == 2 && lead <= 0xC3;
}

bool is_run(std::string_view part, std::span<const std::string> runs) {
    return std::ranges::any_of(runs, [&](const std::string& run) { return run == part; });
}

// A path with `*` for the parts that are the name of a run.
std::string of_any_run(std::string_view path, std::span<const std::string> runs) {
    std::string out;
    for (size_t at = 0;;) {
        const size_t end = std::min(path.find('/', at), path.size());
        const std::string_view part = path.substr(at, end - at);
        out += is_run(part, runs) ? "*" : escaped(part);
        if (end == path.size()) return out;
        out += '/';
        at = end + 1;
    }
}

// The folder that a name is in, or the name itself.
std::string of_folder(std::string_view name, std::span<const std::string> runs) {
    const size_t slash = name.rfind('/');
    if (slash == std::string_view::npos) return of_any_run(name, runs);
    return of_any_run(name.substr(0, slash), runs) + "/*";
}

// Where the name of the resource begins behind what says of which kind it is: `training-job/NAME`, `log-group:G:log-stream:NAME`, `BUCKET/KEY`.
// npos: the resource has nothing of the kind, or is not to be generalized.
size_t name_begins(const policy::Arn& arn) {
    if (arn.service == "iam" || arn.service == "sts" || arn.service == "kms") return std::string_view::npos;
    if (arn.service == "logs") {
        constexpr std::string_view stream = ":log-stream:";
        const size_t at = arn.resource.find(stream);
        return at == std::string_view::npos ? at : at + stream.size();
    }
    const size_t at = arn.resource.find_first_of(arn.service == "s3" ? "/" : "/:");
    return at == std::string_view::npos ? at : at + 1;
}

}  // namespace

std::string escaped(std::string_view text) {
    std::string out;
    for (size_t at = 0; at < text.size();) {
        const char c = text[at];
        const size_t size = character_size(text, at);
        if (c == '*' || c == '?' || c == '$')
            out.append("${").append(1, c).append("}");
        else if (may_be_written(text.substr(at, size)))
            out.append(text.substr(at, size));
        else
            out += '?';
        at += size;
    }
    return out;
}

std::string pattern_of_beginning(std::string_view prefix, std::span<const std::string> runs) {
    return of_any_run(prefix, runs) + "*";
}

std::vector<std::string> patterns_for(std::string_view action, std::string_view resource, Generality generality,
                                      std::span<const std::string> runs) {
    if (!policy::names_resource(action)) {
        // A request for it names no resource: what it is decided on says nothing but that.
        std::vector<std::string> out{"*"};
        if (resource != "*") out.push_back(escaped(resource));
        return out;
    }
    const auto arn = policy::parse_arn(resource);
    if (!arn) return {resource == "*" ? "*" : escaped(resource)};
    const auto head = resource.substr(0, resource.size() - arn->resource.size());
    const std::string exact = std::string(head) + escaped(arn->resource);
    const size_t begin = name_begins(*arn);
    if (generality == Generality::exact || begin >= arn->resource.size()) return {exact};
    const std::string before = std::string(head) + escaped(arn->resource.substr(0, begin));
    std::vector<std::string> out;
    if (generality == Generality::bucket) out.push_back(before + "*");
    for (std::string one : {before + of_folder(arn->resource.substr(begin), runs), exact})
        if (std::ranges::find(out, one) == out.end()) out.push_back(std::move(one));
    return out;
}

std::vector<std::string> patterns_below(std::string_view pattern, std::string_view prefix) {
    // The places in the pattern that the prefix can lead to.
    std::set<size_t> places{0};
    const auto with_empty_stars = [&](std::set<size_t> from) {
        for (size_t at = 0; at < pattern.size(); ++at)
            if (pattern[at] == '*' && from.contains(at)) from.insert(at + 1);
        return from;
    };
    places = with_empty_stars(std::move(places));
    for (const char c : prefix) {
        std::set<size_t> next;
        for (const size_t at : places) {
            if (at == pattern.size()) continue;
            if (pattern[at] == '*')
                next.insert(at);
            else if (pattern[at] == '?' || pattern[at] == c)
                next.insert(at + 1);
        }
        places = with_empty_stars(std::move(next));
    }
    std::vector<std::string> out;
    for (const size_t at : places) {
        if (at > 0 && pattern[at - 1] == '*' && places.contains(at - 1)) continue;  // what that one says, too
        out.push_back(std::string(prefix) + std::string(pattern.substr(at)));
    }
    return out;
}

}  // namespace proof
