#include "cli/program_code.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

namespace cli {

namespace {

using text::Json;

constexpr size_t step = 4;

// Of a string: text, or a reference.
struct Piece {
    std::string text;       // or the attribute
    std::string reference;  // the resource's name; empty: it is text
};

// `${name.attribute}` is a reference, `$${` is `${`.
std::vector<Piece> pieces_of(std::string_view text) {
    std::vector<Piece> out;
    std::string plain;
    const auto end_plain = [&] {
        if (!plain.empty()) out.push_back({.text = plain, .reference = ""});
        plain.clear();
    };
    for (size_t at = 0; at < text.size(); ++at) {
        const std::string_view rest = text.substr(at);
        if (rest.starts_with("$${")) {
            plain += "${";
            at += 2;
            continue;
        }
        const size_t end = rest.find('}');
        const size_t dot = rest.substr(0, end).rfind('.');
        if (!rest.starts_with("${") || end == std::string_view::npos || dot == std::string_view::npos) {
            plain += text[at];
            continue;
        }
        end_plain();
        out.push_back(
            {.text = std::string(rest.substr(dot + 1, end - dot - 1)), .reference = std::string(rest.substr(2, dot - 2))});
        at += end;
    }
    end_plain();
    return out;
}

std::string in_template(const std::string& text) {
    std::string out;
    for (size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '`' || text[at] == '\\' || text.substr(at, 2) == "${") out += '\\';
        out += text[at];
    }
    return out;
}

class Writer {
public:
    Writer(Language language, std::set<std::string>& resources) : language_(language), resources_(resources) {}

    std::string value(const Json& value, size_t indent) {
        if (value.is_string()) return string(value.as_string());
        if (value.is_array()) return list(value, indent);
        if (!value.is_object()) return is_python() && value.is_bool() ? (value.as_bool() ? "True" : "False") : value.dump();
        if (const Json* document = value.find("fn::toJSON"))
            return (is_python() ? "pulumi.Output.json_dumps(" : "pulumi.jsonStringify(") + this->value(*document, indent) + ")";
        return object(value, indent);
    }

private:
    [[nodiscard]] bool is_python() const { return language_ == Language::python; }

    std::string list(const Json& value, size_t indent) {
        std::string out = "[\n";
        for (const Json& one : value.items()) out += std::string(indent + step, ' ') + this->value(one, indent + step) + ",\n";
        return value.size() == 0 ? "[]" : out + std::string(indent, ' ') + "]";
    }

    std::string object(const Json& value, size_t indent) {
        std::string out = "{\n";
        for (const auto& [name, member] : value.members())
            if (!member.is_null())
                out += std::string(indent + step, ' ') + quoted(name) + ": " + this->value(member, indent + step) + ",\n";
        return out + std::string(indent, ' ') + "}";
    }

    std::string string(const std::string& text) {
        const auto pieces = pieces_of(text);
        const auto reference = [&](const Piece& one) {
            resources_.insert(one.reference);
            return variable_of(one.reference) + "." + one.text;
        };
        if (pieces.empty()) return quoted("");
        if (pieces.size() == 1) return pieces[0].reference.empty() ? quoted(pieces[0].text) : reference(pieces[0]);
        std::string out;
        for (const Piece& one : pieces) {
            if (is_python())
                out += (out.empty() ? "" : ", ") + (one.reference.empty() ? quoted(one.text) : reference(one));
            else
                out += one.reference.empty() ? in_template(one.text) : "${" + reference(one) + "}";
        }
        return is_python() ? "pulumi.Output.concat(" + out + ")" : "pulumi.interpolate`" + out + "`";
    }

    Language language_;
    std::set<std::string>& resources_;
};

}  // namespace

std::string code_of(const Json& value, Language language, size_t indent, std::set<std::string>& resources) {
    return Writer(language, resources).value(value, indent);
}

std::string variable_of(const std::string& resource) {
    std::string out;
    for (const char c : resource) {
        const bool digit = c >= '0' && c <= '9';
        const bool fine = digit || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (digit && out.empty()) out += '_';
        out += fine ? c : '_';
    }
    return out;
}

std::string argument_of(const std::string& property, Language language) {
    if (language != Language::python) return property;
    std::string out;
    for (const char c : property) {
        if (c >= 'A' && c <= 'Z') out += '_';
        out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return out;
}

// What JSON escapes, both languages read.
std::string quoted(const std::string& text) { return Json(text).dump(); }

}  // namespace cli
