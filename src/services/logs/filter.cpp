#include "services/logs/filter.hpp"

#include <algorithm>

namespace services::logs {
namespace {

std::unexpected<base::Error> invalid(std::string message) { return base::fail("InvalidParameterException", std::move(message)); }

// The term that starts at `at`, quoted or bare; moves past it.
base::Result<std::string> read_term(std::string_view pattern, size_t& at) {
    std::string term;
    if (at < pattern.size() && pattern[at] == '"') {
        for (++at; at < pattern.size() && pattern[at] != '"'; ++at) {
            if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
            term += pattern[at];
        }
        if (at == pattern.size()) return invalid("Invalid filter pattern: a quoted phrase does not end");
        ++at;
        return term;
    }
    while (at < pattern.size() && pattern[at] != ' ') term += pattern[at++];
    return term;
}

}  // namespace

base::Result<Filter> Filter::parse(std::string_view pattern) {
    Filter filter;
    size_t at = 0;
    while (at < pattern.size()) {
        if (pattern[at] == ' ') {
            ++at;
            continue;
        }
        if (pattern[at] == '{' || pattern[at] == '[' || pattern[at] == '%') {
            return invalid(
                "JSON, space-delimited and regular expression filter patterns are not supported by this server: use terms");
        }
        std::vector<std::string>* into = &filter.all_;
        if (pattern[at] == '-') into = &filter.none_;
        if (pattern[at] == '?') into = &filter.any_;
        if (into != &filter.all_) ++at;
        std::string term = TRY(read_term(pattern, at));
        if (!term.empty()) into->push_back(std::move(term));
    }
    return filter;
}

bool Filter::matches(std::string_view message) const {
    auto appears = [&](const std::string& term) { return message.find(term) != std::string_view::npos; };
    if (std::any_of(none_.begin(), none_.end(), appears)) return false;
    if (!all_.empty()) return std::all_of(all_.begin(), all_.end(), appears);
    return any_.empty() || std::any_of(any_.begin(), any_.end(), appears);
}

}  // namespace services::logs
