#include "proof/generalize.hpp"

#include <algorithm>
#include <array>
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

// A path with `*` for the parts that are the name of a run, or that a run made.
std::string of_any_run(std::string_view path, const Runs& runs) {
    std::string out;
    for (size_t at = 0;;) {
        const size_t end = std::min(path.find('/', at), path.size());
        const std::string_view part = path.substr(at, end - at);
        const size_t made = runs.names.contains(std::string(part)) ? 0 : made_by_a_run(part);
        out += escaped(part.substr(0, made));
        if (made < part.size()) out += '*';
        if (end == path.size()) return out;
        out += '/';
        at = end + 1;
    }
}

// The folder that a name is in, or the name itself.
std::string of_folder(std::string_view name, const Runs& runs) {
    const size_t slash = name.rfind('/');
    if (slash == std::string_view::npos) return of_any_run(name, runs);
    return of_any_run(name.substr(0, slash), runs) + "/*";
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hexadecimal(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_of_word(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// The word of letters and digits that begins there.
std::string_view word_at(std::string_view text, size_t at) {
    size_t end = at;
    while (end < text.size() && is_of_word(text[end])) ++end;
    return text.substr(at, end - at);
}

// `x` stands for a hexadecimal digit, `9` for a decimal one, `-` for one of `-`, `_`, `:`, `T`; anything else for itself.
bool begins_like(std::string_view text, std::string_view shape) {
    if (text.size() < shape.size()) return false;
    for (size_t i = 0; i < shape.size(); ++i) {
        const char c = text[i];
        const bool fits = shape[i] == 'x'   ? is_hexadecimal(c)
                          : shape[i] == '9' ? is_digit(c)
                          : shape[i] == '-' ? c == '-' || c == '_' || c == ':' || c == 'T'
                                            : c == shape[i];
        if (!fits) return false;
    }
    return true;
}

bool is_digest(std::string_view word) {
    constexpr auto sizes = std::to_array<size_t>({32, 40, 56, 64, 96, 128});
    return std::ranges::find(sizes, word.size()) != sizes.end() && std::ranges::all_of(word, is_hexadecimal);
}

bool is_uuid(std::string_view text) {
    constexpr std::string_view shape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    return begins_like(text, shape) && word_at(text, shape.size()).empty();
}

// Month, day, hour and minute are two digits each.
bool is_time_of_day(std::string_view month, std::string_view day, std::string_view hour, std::string_view minute) {
    return month >= "01" && month <= "12" && day >= "01" && day <= "31" && hour <= "23" && minute <= "59";
}

bool is_time(std::string_view text) {
    if (!text.starts_with("19") && !text.starts_with("20")) return false;
    const auto two = [&](size_t at) { return text.substr(at, 2); };
    if (begins_like(text, "9999-99-99-99-99")) return is_time_of_day(two(5), two(8), two(11), two(14));
    if (begins_like(text, "9999-99-99-9999")) return is_time_of_day(two(5), two(8), two(11), two(13));
    if (begins_like(text, "99999999-9999")) return is_time_of_day(two(4), two(6), two(9), two(11));
    if (begins_like(text, "99999999999999")) return is_time_of_day(two(4), two(6), two(8), two(10));
    return false;
}

bool is_seconds_since_1970(std::string_view word) {
    return (word.size() == 10 || word.size() == 13) && word.starts_with('1') && std::ranges::all_of(word, is_digit);
}

// Without the last parts that hold a digit. All of it: the last one holds none.
std::string_view without_number(std::string_view name) {
    for (;;) {
        const size_t hyphen = name.ends_with('-') ? name.rfind('-', name.size() - 2) : name.rfind('-');
        const size_t begin = hyphen == std::string_view::npos || name.size() < 2 ? 0 : hyphen + 1;
        if (std::ranges::none_of(name.substr(begin), is_digit)) return name;
        name = name.substr(0, begin);
        if (name.empty()) return name;
    }
}

// What all of them begin with, up to a hyphen.
std::string common_beginning(const std::set<std::string>& names) {
    const std::string &first = *names.begin(), &last = *names.rbegin();  // what these two share, those between them do
    const auto differ = std::ranges::mismatch(first, last).in1;
    const std::string common(first.begin(), differ);
    const size_t hyphen = common.rfind('-');
    return hyphen == std::string::npos ? std::string() : common.substr(0, hyphen + 1);
}

constexpr std::string_view job_kind = "training-job/";

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

size_t made_by_a_run(std::string_view part) {
    for (size_t at = 0; at < part.size(); ++at) {
        if (at > 0 && is_of_word(part[at - 1])) continue;
        const std::string_view word = word_at(part, at), rest = part.substr(at);
        const bool is_suffix = at > 0 && (part[at - 1] == '-' || part[at - 1] == '_');
        if (is_digest(word) || is_uuid(rest) || is_time(rest) || (is_suffix && is_seconds_since_1970(word))) return at;
    }
    return std::string_view::npos;
}

std::set<std::string> job_beginnings(const std::set<std::string>& jobs) {
    std::set<std::string> out;
    for (const std::string& job : jobs) {
        const std::string_view beginning = without_number(job);
        if (beginning.empty()) return {""};
        if (beginning.size() == job.size() || out.size() == job_beginnings_max)
            return {jobs.size() < 2 ? std::string() : common_beginning(jobs)};
        out.emplace(beginning);
    }
    return out;
}

std::string_view training_job_of(std::string_view arn) {
    const auto parsed = policy::parse_arn(arn);
    if (!parsed || parsed->service != "sagemaker" || !parsed->resource.starts_with(job_kind)) return {};
    return parsed->resource.substr(job_kind.size());
}

std::string pattern_of_beginning(std::string_view prefix, const Runs& runs) {
    std::string out = of_any_run(prefix, runs);
    if (!out.ends_with('*')) out += '*';
    return out;
}

std::vector<std::string> patterns_for(std::string_view action, std::string_view resource, Generality generality,
                                      const Runs& runs) {
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
    const std::string_view name = arn->resource.substr(begin);
    std::string likes = of_folder(name, runs);
    if (!training_job_of(resource).empty())
        for (const std::string& beginning : runs.job_beginnings)  // the shortest that fits is the first
            if (name.starts_with(beginning)) {
                likes = beginning + "*";
                break;
            }
    for (std::string one : {before + likes, exact})
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
