#include "text/json.hpp"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <set>

#include "base/error_codes.hpp"
#include "base/utf8.hpp"

namespace text {

namespace ondemand = simdjson::ondemand;
using base::fail;
using base::Result;

Json::Json(double value) : type_(Type::number) {
    char buffer[32];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value);
    text_.assign(buffer, end.ptr);
    if (!std::isfinite(value)) type_ = Type::null, text_.clear();  // JSON has no word for them.
}

Json Json::array(std::vector<Json> items) {
    Json out;
    out.type_ = Type::array;
    out.items_ = std::move(items);
    return out;
}

Json Json::object(std::initializer_list<Member> members) {
    Json out;
    out.type_ = Type::object;
    out.members_.assign(members.begin(), members.end());
    return out;
}

Json Json::number(std::string text) {
    Json out;
    out.type_ = Type::number;
    out.text_ = std::move(text);
    return out;
}

int64_t Json::as_int(int64_t fallback) const {
    if (!is_number()) return fallback;
    int64_t value = 0;
    const auto end = text_.data() + text_.size();
    const auto got = std::from_chars(text_.data(), end, value);
    return got.ec == std::errc() && got.ptr == end ? value : fallback;
}

double Json::as_double(double fallback) const {
    if (!is_number()) return fallback;
    double value = 0;
    const auto end = text_.data() + text_.size();
    const auto got = std::from_chars(text_.data(), end, value);
    return got.ec == std::errc() && got.ptr == end ? value : fallback;
}

const std::string& Json::as_string() const {
    static const std::string empty;
    return is_string() || is_number() ? text_ : empty;
}

std::string Json::as_string_or(std::string_view fallback) const { return is_string() ? text_ : std::string(fallback); }

const Json::Array& Json::items() const {
    static const Array none;
    return is_array() ? items_ : none;
}

const Json::Object& Json::members() const {
    static const Object none;
    return is_object() ? members_ : none;
}

Json::Array& Json::items() { return items_; }
Json::Object& Json::members() { return members_; }

const Json* Json::find(std::string_view key) const {
    const auto found = std::ranges::find(members_, key, &Member::first);
    return found == members_.end() ? nullptr : &found->second;
}

Json* Json::find(std::string_view key) {
    const auto found = std::ranges::find(members_, key, &Member::first);
    return found == members_.end() ? nullptr : &found->second;
}

const Json& Json::operator[](std::string_view key) const {
    static const Json nothing;
    const auto* found = find(key);
    return found ? *found : nothing;
}

Json& Json::set(std::string_view key, Json value) {
    if (is_null()) type_ = Type::object;
    if (auto* found = find(key)) return *found = std::move(value);
    return members_.emplace_back(std::string(key), std::move(value)).second;
}

bool Json::erase(std::string_view key) {
    return std::erase_if(members_, [&](const Member& member) { return member.first == key; }) > 0;
}

Json& Json::push(Json value) {
    if (is_null()) type_ = Type::array;
    return items_.emplace_back(std::move(value));
}

std::string quote_json(std::string_view content) {
    std::string valid;
    if (std::ranges::any_of(content, [](char c) { return (c & 0x80) != 0; })) content = valid = base::valid_utf8(content);
    std::string out;
    out.reserve(content.size() + 2);
    out += '"';
    for (const char c : content) {
        switch (c) {
            case '"':
                out += "\\\"";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '\b':
                out += "\\b";
                break;
            case '\f':
                out += "\\f";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\t':
                out += "\\t";
                break;
            default:
                if (static_cast<unsigned char>(c) < 0x20) {
                    char buffer[8];
                    std::snprintf(buffer, sizeof buffer, "\\u%04x", static_cast<unsigned>(c));
                    out += buffer;
                } else {
                    out += c;
                }
        }
    }
    out += '"';
    return out;
}

namespace {

struct Style {
    bool sorted = false;
    int indent = 0;  // spaces a level; 0 is compact
};

void write(const Json& value, const Style& style, int level, std::string& out);

void new_line(const Style& style, int level, std::string& out) {
    if (style.indent == 0) return;
    out += '\n';
    out.append(static_cast<size_t>(level * style.indent), ' ');
}

void write_object(const Json& value, const Style& style, int level, std::string& out) {
    std::vector<const Json::Member*> members;
    members.reserve(value.members().size());
    for (const auto& member : value.members()) members.push_back(&member);
    if (style.sorted) std::ranges::sort(members, {}, [](const auto* m) -> const std::string& { return m->first; });
    out += '{';
    bool first = true;
    for (const auto* member : members) {
        if (!first) out += ',';
        first = false;
        new_line(style, level + 1, out);
        out += quote_json(member->first);
        out += style.indent ? ": " : ":";
        write(member->second, style, level + 1, out);
    }
    if (!first) new_line(style, level, out);
    out += '}';
}

void write_array(const Json& value, const Style& style, int level, std::string& out) {
    out += '[';
    bool first = true;
    for (const auto& item : value.items()) {
        if (!first) out += ',';
        first = false;
        new_line(style, level + 1, out);
        write(item, style, level + 1, out);
    }
    if (!first) new_line(style, level, out);
    out += ']';
}

void write(const Json& value, const Style& style, int level, std::string& out) {
    switch (value.type()) {
        case Json::Type::null:
            out += "null";
            break;
        case Json::Type::boolean:
            out += value.as_bool() ? "true" : "false";
            break;
        case Json::Type::number:
            out += value.as_string();
            break;
        case Json::Type::string:
            out += quote_json(value.as_string());
            break;
        case Json::Type::array:
            write_array(value, style, level, out);
            break;
        case Json::Type::object:
            write_object(value, style, level, out);
            break;
    }
}

std::string written(const Json& value, Style style) {
    std::string out;
    write(value, style, 0, out);
    return out;
}

}  // namespace

std::string Json::dump() const { return written(*this, {}); }
std::string Json::pretty() const { return written(*this, {.indent = 4}); }
std::string Json::canonical() const { return written(*this, {.sorted = true}); }

bool Json::operator==(const Json& other) const {
    if (type_ != other.type_) return false;
    switch (type_) {
        case Type::null:
            return true;
        case Type::boolean:
            return flag_ == other.flag_;
        case Type::number:
        case Type::string:
            return text_ == other.text_;
        case Type::array:
            return items_ == other.items_;
        case Type::object:
            return members_.size() == other.members_.size() && std::ranges::all_of(members_, [&](const Member& member) {
                       const auto* twin = other.find(member.first);
                       return twin && *twin == member.second;
                   });
    }
    return false;
}

// Walks simdjson's on-demand cursor into a Json tree. simdjson throws; the exceptions stop in parse_json.
class JsonReader {
public:
    explicit JsonReader(std::string_view document) : padded_(document) {
        for (auto at = document.find('\n'); at != std::string_view::npos; at = document.find('\n', at + 1))
            line_starts_.push_back(at + 1);
    }

    Result<Json> read() {
        ondemand::parser parser;
        try {
            ondemand::document document = parser.iterate(padded_);
            Json out;
            if (document.is_scalar()) {
                out = read_scalar_document(document);
            } else {
                ondemand::value root = document.get_value();
                out = read_value(root, 0);
            }
            if (!failure_.empty()) return fail(base::code::InvalidJson, failure_);
            // At the end of the text there is no location to give.
            const char* here = nullptr;
            if (is_lone_number_ ? lone_number_has_company() : document.current_location().get(here) == simdjson::SUCCESS)
                return fail(base::code::InvalidJson,
                            "unexpected text after the JSON value" + (here ? place(position(here)) : std::string()));
            return out;
        } catch (const simdjson::simdjson_error& error) {
            return fail(base::code::InvalidJson,
                        failure_.empty() ? std::string(simdjson::error_message(error.error())) + place(last_) : failure_);
        }
    }

private:
    [[nodiscard]] bool lone_number_has_company() const {
        const std::string_view all(padded_.data(), padded_.size());
        const auto first = all.find_first_not_of(" \t\r\n");
        const auto last = all.find_last_not_of(" \t\r\n");
        return all.substr(first, last - first + 1).find_first_of(" \t\r\n,:[]{}\"") != std::string_view::npos;
    }

    static std::string place(Position where) {
        if (where.line == 0) return "";
        return " at line " + std::to_string(where.line) + ", column " + std::to_string(where.column);
    }

    Position position(const char* here) const {
        const auto offset = static_cast<size_t>(here - padded_.data());
        const auto next = std::ranges::upper_bound(line_starts_, offset);
        const auto line = static_cast<size_t>(next - line_starts_.begin());
        return {static_cast<uint32_t>(line), static_cast<uint32_t>(offset - line_starts_[line - 1] + 1)};
    }

    Json read_scalar_document(ondemand::document& document) {
        last_ = position(document.raw_json_token().value().data());
        Json out;
        switch (document.type().value()) {
            case ondemand::json_type::null:
                if (!document.is_null()) failure_ = "the text is not JSON" + place(last_);
                break;
            case ondemand::json_type::boolean:
                out = Json(bool(document.get_bool()));
                break;
            case ondemand::json_type::string:
                out = Json(std::string_view(document.get_string()));
                break;
            case ondemand::json_type::number: {
                // A number alone is the whole document; simdjson would refuse integers beyond 64 bits.
                out = read_number(base_trim(document.raw_json_token().value()));
                is_lone_number_ = true;
                break;
            }
            default:
                failure_ = "the text is not JSON" + place(last_);
        }
        out.position_ = last_;
        return out;
    }

    // Kept as text, so any size is fine; simdjson's own check would refuse integers beyond 64 bits.
    Json read_number(std::string_view token) const {
        const auto digits = [&](size_t from) {
            while (from < token.size() && token[from] >= '0' && token[from] <= '9') ++from;
            return from;
        };
        size_t at = token.starts_with('-') ? 1 : 0;
        const auto whole = digits(at);
        bool good = whole > at && (token[at] != '0' || whole == at + 1);
        at = whole;
        if (at < token.size() && token[at] == '.') {
            const auto fraction = digits(at + 1);
            good = good && fraction > at + 1;
            at = fraction;
        }
        if (at < token.size() && (token[at] == 'e' || token[at] == 'E')) {
            ++at;
            if (at < token.size() && (token[at] == '+' || token[at] == '-')) ++at;
            const auto exponent = digits(at);
            good = good && exponent > at;
            at = exponent;
        }
        if (!good || at != token.size()) throw simdjson::simdjson_error(simdjson::NUMBER_ERROR);
        return Json::number(std::string(token));
    }

    static std::string_view base_trim(std::string_view token) {
        const auto end = token.find_last_not_of(" \t\r\n");
        return token.substr(0, end + 1);
    }

    Json read_value(ondemand::value value, int depth) {
        last_ = position(value.raw_json_token().data());
        const auto where = last_;
        Json out;
        if (depth >= json_depth_max) {
            failure_ = "the JSON is nested more than " + std::to_string(json_depth_max) + " levels deep" + place(where);
            throw simdjson::simdjson_error(simdjson::DEPTH_ERROR);
        }
        switch (value.type().value()) {
            case ondemand::json_type::object:
                out = read_object(value, depth);
                break;
            case ondemand::json_type::array:
                out = Json::array();
                out.items_.reserve(4);
                for (auto item : value.get_array()) out.push(read_value(item.value(), depth + 1));
                break;
            case ondemand::json_type::string:
                out = Json(std::string_view(value.get_string()));
                break;
            case ondemand::json_type::number: {
                out = read_number(base_trim(value.raw_json_token()));
                (void)value.get_number().error();  // Moves the cursor on; what it thinks of the size does not matter.
                break;
            }
            case ondemand::json_type::boolean:
                out = Json(bool(value.get_bool()));
                break;
            case ondemand::json_type::null:
                if (!value.is_null()) throw simdjson::simdjson_error(simdjson::N_ATOM_ERROR);
                break;
        }
        out.position_ = where;
        return out;
    }

    Json read_object(ondemand::value& value, int depth) {
        Json out = Json::object();
        out.members_.reserve(4);
        std::set<std::string> seen;  // once there are many: the text's author chooses how many
        const auto repeated = [&](const std::string& key) {
            if (out.members_.size() < 32) return out.contains(key);
            if (seen.empty())
                for (const auto& member : out.members_) seen.insert(member.first);
            return !seen.insert(key).second;
        };
        for (auto field : value.get_object()) {
            std::string key(std::string_view(field.unescaped_key()));
            const auto where = last_;
            auto member = read_value(field.value(), depth + 1);
            if (repeated(key)) {
                failure_ = "duplicate key `" + key + "`" + place(member.position_);
                throw simdjson::simdjson_error(simdjson::TAPE_ERROR);
            }
            last_ = where;
            out.members_.emplace_back(std::move(key), std::move(member));
        }
        return out;
    }

    simdjson::padded_string padded_;
    std::vector<size_t> line_starts_ = {0};
    std::string failure_;
    Position last_;
    bool is_lone_number_ = false;
};

Result<Json> parse_json(std::string_view document) {
    if (document.size() > 64u * 1024 * 1024) return fail(base::code::InvalidJson, "the JSON text is larger than 64 MiB");
    return JsonReader(document).read();
}

}  // namespace text
