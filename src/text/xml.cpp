#include "text/xml.hpp"

#include <algorithm>
#include <cstring>
#include <pugixml.hpp>

#include "base/error_codes.hpp"
#include "base/invariant.hpp"

namespace text {

using base::fail;
using base::Result;

std::string escape_xml(std::string_view content, ControlCharacters control) {
    std::string out;
    out.reserve(content.size());
    for (const char c : content) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            case '\r':
                out += "&#13;";
                break;
            case '\n':
            case '\t':
                out += c;
                break;
            default:
                if (static_cast<unsigned char>(c) >= 0x20) {
                    out += c;
                } else if (control == ControlCharacters::replaced) {
                    out += "\xEF\xBF\xBD";
                } else {
                    constexpr std::string_view digits = "0123456789abcdef";
                    out += "&#x";
                    if (c >= 0x10) out += digits[static_cast<size_t>(c) >> 4];
                    (out += digits[static_cast<size_t>(c) & 15]) += ';';
                }
        }
    }
    return out;
}

XmlWriter::XmlWriter(ControlCharacters control) : control_(control), out_("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n") {}

void XmlWriter::open(std::string_view name, std::string_view xml_namespace) {
    out_ += '<';
    out_ += name;
    if (!xml_namespace.empty()) {
        out_ += " xmlns=\"";
        out_ += escape_xml(xml_namespace);
        out_ += '"';
    }
    out_ += '>';
    open_.emplace_back(name);
}

void XmlWriter::open_with(std::string_view name, const std::vector<std::pair<std::string, std::string>>& attributes) {
    (out_ += '<') += name;
    for (const auto& [attribute, value] : attributes) out_ += " " + attribute + "=\"" + escape_xml(value) + "\"";
    out_ += '>';
    open_.emplace_back(name);
}

void XmlWriter::text(std::string_view content) { out_ += escape_xml(content, control_); }

void XmlWriter::close() {
    INVARIANT(!open_.empty());
    out_ += "</" + open_.back() + ">";
    open_.pop_back();
}

void XmlWriter::element(std::string_view name, std::string_view content) {
    open(name);
    out_ += escape_xml(content, control_);
    close();
}

std::string XmlWriter::finish() {
    INVARIANT(open_.empty());
    return std::move(out_);
}

const XmlElement* XmlElement::child(std::string_view child_name) const {
    for (const auto& candidate : children)
        if (candidate.name == child_name) return &candidate;
    return nullptr;
}

std::string XmlElement::child_text(std::string_view child_name) const {
    const auto* found = child(child_name);
    return found ? found->content : std::string();
}

namespace {

constexpr int depth_max = 64;
constexpr size_t elements_max = 100'000;  // CompleteMultipartUpload names 10,000 parts, of a few elements each

Result<XmlElement> convert(const pugi::xml_node& node, int depth) {
    if (depth > depth_max) return fail(base::code::MalformedXML, "The XML is nested more than 64 levels deep.");
    XmlElement out;
    const char* name = node.name();
    const char* colon = std::strchr(name, ':');
    out.name = colon ? colon + 1 : name;
    out.type = node.attribute("xsi:type").value();
    if (out.name.empty()) return fail(base::code::MalformedXML, "The XML holds an element without a name.");
    for (const auto& child : node.children()) {
        switch (child.type()) {
            case pugi::node_element:
                out.children.push_back(TRY(convert(child, depth + 1)));
                break;
            case pugi::node_pcdata:
            case pugi::node_cdata:
                out.content += child.value();
                break;
            case pugi::node_comment:
                break;
            default:
                return fail(base::code::MalformedXML, "The XML holds a node that is not allowed.");
        }
    }
    return out;
}

}  // namespace

Result<XmlElement> parse_xml(std::string_view document) {
    // pugixml takes a NUL for the end of the text: what follows would go unread.
    if (document.find('\0') != std::string_view::npos) return fail(base::code::MalformedXML, "The XML holds a NUL byte.");
    // Counted first: a tree takes a hundred times the bytes of the smallest elements. `<` stands before both tags of each.
    if (static_cast<size_t>(std::ranges::count(document, '<')) > 2 * elements_max)
        return fail(base::code::MalformedXML, "The XML holds more than " + std::to_string(elements_max) + " elements.");
    pugi::xml_document parsed;
    // parse_fragment: text outside the root element is seen, and so refused. parse_ws_pcdata_single: a key of blanks is a key.
    // DTDs and processing instructions are parsed only to be refused.
    const auto flags =
        pugi::parse_default | pugi::parse_ws_pcdata_single | pugi::parse_doctype | pugi::parse_pi | pugi::parse_fragment;
    const auto result = parsed.load_buffer(document.data(), document.size(), flags, pugi::encoding_utf8);
    if (!result)
        return std::unexpected(
            base::Error(base::code::MalformedXML,
                        "The XML you provided was not well-formed or did not validate against our published schema")
                .note(std::string(result.description()) + " at byte " + std::to_string(result.offset)));
    const pugi::xml_node* root = nullptr;
    pugi::xml_node found;
    for (const auto& node : parsed.children()) {
        if (node.type() == pugi::node_declaration || node.type() == pugi::node_comment) continue;
        if (node.type() == pugi::node_pcdata &&
            std::string_view(node.value()).find_first_not_of(" \t\r\n") == std::string_view::npos)
            continue;
        if (node.type() != pugi::node_element || root)
            return fail(base::code::MalformedXML, "The XML must be one element, without DTD or processing instructions.");
        found = node;
        root = &found;
    }
    if (!root) return fail(base::code::MalformedXML, "The XML holds no element.");
    return convert(found, 1);
}

}  // namespace text
