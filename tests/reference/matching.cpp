// What one item of a policy matches: patterns, variables, actions, resources, condition values.
#include <algorithm>
#include <chrono>
#include <compare>

#include "base/invariant.hpp"
#include "base/strings.hpp"
#include "reference.hpp"
#include "text/base64.hpp"
#include "text/time.hpp"

namespace reference {

using policy::Context;
using policy::PolicyKind;

namespace {

std::string lower(std::string_view text) { return base::lower(text); }

// One character of a pattern or of a text: a code point, `*` or `?`, and the two that stay inside their segment (R41).
enum : uint32_t { star = 0xFFFF0001, question = 0xFFFF0002, star_inside = 0xFFFF0003, question_inside = 0xFFFF0004 };
using Characters = std::vector<uint32_t>;

void append_text(Characters& out, std::string_view text) {
    for (size_t at = 0; at < text.size();) {
        const auto lead = static_cast<unsigned char>(text[at]);
        size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
        length = std::min(length, text.size() - at);
        uint32_t code = 0;
        for (size_t i = 0; i < length; ++i) code = code << 8 | static_cast<unsigned char>(text[at + i]);
        out.push_back(code);
        at += length;
    }
}

Characters characters(std::string_view text) {
    Characters out;
    append_text(out, text);
    return out;
}

// R57, R40: the textbook table, `reach[j]`: the pattern so far matches the first j characters.
bool glob(const Characters& pattern, const Characters& letters, const Reading& reading) {
    std::vector<char> reach(letters.size() + 1, 0);
    reach[0] = 1;
    for (const auto c : pattern) {
        std::vector<char> next(letters.size() + 1, 0);
        for (size_t j = 0; j <= letters.size(); ++j) {
            const auto letter = j > 0 ? letters[j - 1] : 0;
            const bool inside = c == star_inside || c == question_inside;
            const bool wild = !(inside && letter == ':') && !(reading.wildcards_stop_at_newline && letter == '\n');
            if (c == star || c == star_inside)
                next[j] = reach[j] || (j > 0 && next[j - 1] && wild);
            else if (j > 0)
                next[j] = reach[j - 1] && (c == question || c == question_inside ? wild : c == letter);
        }
        reach = next;
    }
    return reach[letters.size()];
}

// A policy's text with its variables replaced (R64-R70); nullopt if one has no value.
std::optional<Characters> substitute(std::string_view text, bool wildcards, bool variables, const Context& context,
                                     const Reading& reading) {
    Characters out;
    while (!text.empty()) {
        const auto variable = variables && text.starts_with("${") ? read_variable(text) : std::nullopt;
        if (variable) {
            text.remove_prefix(variable->end);
            if (variable->key == "*" || variable->key == "?" || variable->key == "$") {
                const bool verbatim = reading.escapes_only_beside_wildcards && !wildcards;
                append_text(out, verbatim ? "${" + variable->key + "}" : variable->key);  // R66
                continue;
            }
            const auto* entry = context.find(variable->key);
            if (entry && entry->ambiguous) {  // R81: any text
                out.push_back(star);
                continue;
            }
            const bool list = entry && (entry->multivalued || entry->values.size() > 1);
            const bool empty = reading.empty_value_is_no_value && entry && entry->values == std::vector<std::string>{""};
            const bool given = entry && !entry->values.empty() && !empty;
            if (given && !list)
                append_text(out, entry->values[0]);  // R69
            else if (variable->fallback && (!given || reading.list_takes_default))
                append_text(out, *variable->fallback);  // R67
            else if (empty)
                out.push_back(0xFFFFFFFF);  // no text holds it
            else
                return std::nullopt;  // R68, R70
            continue;
        }
        if (wildcards && text[0] == '*')
            out.push_back(star), text.remove_prefix(1);
        else if (wildcards && text[0] == '?')
            out.push_back(question), text.remove_prefix(1);
        else {
            const auto stop = std::min(text.find_first_of("*?$", 1), text.size());
            append_text(out, text.substr(0, stop));
            text.remove_prefix(stop);
        }
    }
    return out;
}

Characters without_variables(std::string_view text) { return *substitute(text, true, false, Context(), {}); }

std::vector<Characters> segments(const Characters& text) {
    std::vector<Characters> out(1);
    for (const auto c : text) {
        if (c == ':' && out.size() < 6)
            out.emplace_back();
        else
            out.back().push_back(c);
    }
    return out;
}

Characters folded(Characters text) {
    for (auto& c : text)
        if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
    return text;
}

// R59
bool arn_like(const Characters& pattern, const Characters& value, const Reading& reading) {
    const auto wanted = segments(pattern), given = segments(value);
    if (wanted.size() != 6 || given.size() != 6) return false;
    for (size_t i = 0; i < 6; ++i)
        if (!glob(wanted[i], given[i], reading)) return false;
    return true;
}

// R60, exactly: a number written out in full, as digits before and behind its point.
struct Number {
    bool negative = false;
    std::string whole, fraction;
};

std::optional<Number> number(std::string text, const Reading& reading) {
    if (reading.numbers_by_prefix) {
        const auto known = text.find('.') == std::string::npos ? "+-0123456789" : "+-0123456789.eE";
        text.resize(std::min(text.find_first_not_of(known), text.size()));
    }
    if (!is_number(text)) return std::nullopt;
    Number out{.negative = text[0] == '-'};
    if (text[0] == '-' || text[0] == '+') text.erase(0, 1);
    const auto e = text.find_first_of("eE");
    int shift = e == std::string::npos ? 0 : std::stoi(text.substr(e + 1));
    text = text.substr(0, e);
    const auto point = text.find('.');
    out.whole = text.substr(0, point);
    if (point != std::string::npos) out.fraction = text.substr(point + 1);
    for (; shift > 0; --shift) {
        out.whole += out.fraction.empty() ? '0' : out.fraction[0];
        if (!out.fraction.empty()) out.fraction.erase(0, 1);
    }
    for (; shift < 0; ++shift) {
        out.fraction.insert(0, 1, out.whole.empty() ? '0' : out.whole.back());
        if (!out.whole.empty()) out.whole.pop_back();
    }
    return out;
}

std::strong_ordering compare(Number a, Number b) {
    const auto whole = std::max(a.whole.size(), b.whole.size()), fraction = std::max(a.fraction.size(), b.fraction.size());
    const auto pad = [&](Number& n) {
        n.whole.insert(0, whole - n.whole.size(), '0');
        n.fraction.resize(fraction, '0');
        const auto digits = n.whole + n.fraction;
        if (digits.find_first_not_of('0') == std::string::npos) n.negative = false;
        return digits;
    };
    const auto x = pad(a), y = pad(b);
    if (a.negative != b.negative) return a.negative ? std::strong_ordering::less : std::strong_ordering::greater;
    return a.negative ? y <=> x : x <=> y;
}

// R61: milliseconds since the epoch.
std::optional<int64_t> date(const std::string& text, const Reading& reading) {
    if (!is_date(text) && !reading.epochs_and_dates_unmixed) return std::nullopt;
    const bool digits = !text.empty() && text.find_first_not_of("0123456789", text[0] == '-') == std::string::npos;
    const auto unit = reading.epochs_and_dates_unmixed ? 1 : 1000;  // the simulator takes seconds for milliseconds
    if (digits && (text.size() != 4 || reading.epochs_and_dates_unmixed)) return std::stoll(text) * unit;
    const auto time = text::parse_iso8601(text);
    if (!time) return std::nullopt;
    return std::chrono::duration_cast<std::chrono::milliseconds>(time->time_since_epoch()).count();
}

bool orders(const std::string& how, std::strong_ordering order) {
    if (how == "equals") return order == 0;
    if (how == "lessthan") return order < 0;
    if (how == "lessthanequals") return order <= 0;
    if (how == "greaterthan") return order > 0;
    INVARIANT(how == "greaterthanequals");
    return order >= 0;
}

enum class Match { no, yes, incomparable };

Match when(bool yes) { return yes ? Match::yes : Match::no; }

// Does the value of the request match the value of the policy, the operator taken positively? Incomparable is no match.
Match matches(const std::string& op, const std::string& given, const std::string& wanted, bool variables, const Context& context,
              const Reading& reading) {
    const bool substitutes = variables || reading.variables_in_every_version;
    if (op.starts_with("string") || op.starts_with("arn") || op == "bool") {
        const bool wildcards = op == "stringlike" || op.starts_with("arn");
        const auto pattern = substitute(wanted, wildcards, substitutes, context, reading);
        if (!pattern) return Match::incomparable;
        const auto letters = characters(given);
        if (op.starts_with("arn")) {
            if (std::min(segments(letters).size(), segments(*pattern).size()) < 5) return Match::incomparable;
            return when(arn_like(*pattern, letters, reading));
        }
        if (op == "bool" && reading.booleans_only) {
            const auto truth = [](const Characters& text) { return text == characters("true") || text == characters("false"); };
            if (!truth(folded(*pattern)) || !truth(folded(letters))) return Match::incomparable;
        }
        if (op == "stringlike") return when(glob(*pattern, letters, reading));
        return when(op == "stringequals" ? *pattern == letters : folded(*pattern) == folded(letters));
    }
    if (op == "binaryequals") {
        const auto a = text::decode_base64(given), b = text::decode_base64(wanted);  // R63
        return a && b ? when(*a == *b) : Match::incomparable;
    }
    if (op == "ipaddress") {  // R62
        const auto address = read_block(given), block = read_block(wanted);
        if (!address || !block) return Match::incomparable;
        const bool alone = wanted.find('/') == std::string::npos;
        if (reading.incomparable_fails_negation && alone && address->v6 != block->v6) return Match::incomparable;
        if (reading.ipv6_as_text && alone && block->v6) return when(given == wanted);
        if (reading.zero_prefix_is_one_address && !block->v6 && wanted.ends_with("/0"))
            return when(!address->v6 && given + "/0" == wanted);
        return when(address->v6 == block->v6 && address->bits.starts_with(block->bits));
    }
    if (op.starts_with("date")) {
        const auto a = date(given, reading), b = date(wanted, reading);
        return a && b ? when(orders(op.substr(4), *a <=> *b)) : Match::incomparable;
    }
    const auto a = number(given, reading), b = number(wanted, reading);
    return a && b ? when(orders(op.substr(7), compare(*a, *b))) : Match::incomparable;
}

}  // namespace

// R50-R56
bool condition_holds(std::string op, const std::string& key, const std::vector<std::string>& wanted, bool variables,
                     const Context& context, const Reading& reading) {
    op = lower(op);
    bool for_all = false, for_any = false, if_exists = false;
    if (op.starts_with("forallvalues:")) for_all = true, op = op.substr(13);
    if (op.starts_with("foranyvalue:")) for_any = true, op = op.substr(12);
    if (op.ends_with("ifexists")) if_exists = true, op = op.substr(0, op.size() - 8);
    const auto* entry = context.find(key);
    const bool missing = !entry || (entry->values.empty() && !reading.empty_list_is_present);
    if (op == "null") {
        if (for_all || for_any) return for_all;
        return std::ranges::any_of(wanted, [&](const std::string& value) { return (lower(value) == "true") == missing; });
    }
    const auto positive = positive_operator(op);
    INVARIANT(positive.has_value());
    const bool negated = *positive != op;
    if (missing) {  // R51
        if (for_all) return true;
        if (if_exists) return !(for_any && reading.any_value_if_exists_fails);
        if (for_any) return false;
        return negated;
    }
    const auto passes = [&](const std::string& given) {
        bool any = false, incomparable = false;
        for (const auto& value : wanted) {
            const auto match = matches(*positive, given, value, variables, context, reading);
            any = any || match == Match::yes, incomparable = incomparable || match == Match::incomparable;
        }
        if (negated && incomparable && reading.incomparable_fails_negation) return false;
        return negated ? !any : any;
    };
    if (for_all) {
        bool only_empty = true, all = true;
        for (const auto& given : entry->values) only_empty = only_empty && given.empty(), all = all && passes(given);
        return (only_empty && !reading.empty_values_compared) || all;  // R52
    }
    if (for_any) return std::ranges::any_of(entry->values, passes);
    if (entry->multivalued || entry->values.size() != 1) return false;  // R54
    return passes(entry->values[0]);
}

bool action_matches(const std::string& item, const std::string& action) {
    const auto text = lower(item);
    if (text.find_first_of(" ,\t\r\n") != std::string::npos || text.ends_with(':') || text.empty()) return false;  // R38
    return glob(without_variables(text), characters(action), {});
}

namespace {

// The sixth part of an ARN: what stands behind the fifth colon; the end if there are fewer.
size_t sixth_part(std::string_view arn) {
    size_t at = 0;
    for (int i = 0; i < 5; ++i) {
        at = arn.find(':', at);
        if (at == std::string_view::npos) return arn.size();
        ++at;
    }
    return at;
}

// The simulator's way (`arns_by_segment`): short ARNs are filled up to six parts wherever they hold a wildcard, the first five
// parts match one by one, the resource's type is only text.
ResourceMatch matches_by_segment(std::string item, const std::string& resource, PolicyKind kind, bool variables,
                                 const Context& context, const Reading& reading) {
    const bool was_short = std::ranges::count(item, ':') < 5;
    if (was_short) {
        const bool scp = kind == PolicyKind::service_control;
        const bool fills = kind == PolicyKind::identity || kind == PolicyKind::session ||
                           (scp ? item.ends_with('*') : item.find('*') != std::string::npos);
        if (!fills) return {false, scp};
        while (std::ranges::count(item, ':') < 5) item += ":*";
    }
    const ResourceMatch mismatch = {false, was_short};
    if (resource == "*") return mismatch;
    const auto wanted = base::split(item, ':'), given = base::split(resource, ':');
    for (size_t i = 1; i < 5; ++i)
        if (!glob(without_variables(wanted[i]), characters(given[i]), reading)) return mismatch;
    auto what = std::string_view(item).substr(sixth_part(item)), named = std::string_view(resource).substr(sixth_part(resource));
    if (!item.starts_with("arn:aws:s3:::")) {
        const auto type = what.substr(0, what.find_first_of("/:") + 1);
        if (!named.starts_with(type)) return mismatch;
        what.remove_prefix(type.size()), named.remove_prefix(type.size());
    }
    const auto pattern = substitute(what, true, variables, context, reading);
    if (!pattern) return {false, true};
    return glob(*pattern, characters(named), reading) ? ResourceMatch{true, false} : mismatch;
}

}  // namespace

ResourceMatch resource_matches(const std::string& written, const std::string& resource, PolicyKind kind, bool variables,
                               const Context& context, const Reading& reading) {
    if (written == "*") return {true, false};
    variables = variables || reading.variables_in_every_version;
    if (reading.arns_by_segment) return matches_by_segment(written, resource, kind, variables, context, reading);
    auto item = written;
    if ((kind == PolicyKind::identity || kind == PolicyKind::service_control) && !item.ends_with('*'))  // R43
        while (std::ranges::count(item, ':') < 5) item += ":*";
    const auto sixth = sixth_part(item);
    auto pattern = without_variables(std::string_view(item).substr(0, sixth));  // R64: before it `${` is only text
    for (size_t i = 0; i < pattern.size(); ++i) {                               // R41
        const bool ends_segment = i + 1 == pattern.size() ? sixth == item.size() : pattern[i + 1] == ':';
        if (pattern[i] == question) pattern[i] = question_inside;
        if (pattern[i] == star && !ends_segment) pattern[i] = star_inside;
    }
    const auto rest = substitute(std::string_view(item).substr(sixth), true, variables, context, reading);
    if (!rest) return {false, true};  // R68
    pattern.insert(pattern.end(), rest->begin(), rest->end());
    return {glob(pattern, characters(resource), reading), false};
}

}  // namespace reference
