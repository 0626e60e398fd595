// XML out: AWS Query and REST-XML answers. XML in: the few small documents that S3 clients send (pugixml, no DTDs).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace text {

// Control characters cannot stand in XML 1.0 in any spelling. S3 writes them as references (`&#x1;`) all the same: strict parsers refuse the
// document, so that no client takes another key for the one that is there.
enum class ControlCharacters : uint8_t { replaced, referenced };

// Text with & < > " ' and control characters made safe for element content and attributes.
[[nodiscard]] std::string escape_xml(std::string_view content, ControlCharacters control = ControlCharacters::replaced);

class XmlWriter {
public:
    explicit XmlWriter(ControlCharacters control = ControlCharacters::replaced);  // writes the XML declaration
    void open(std::string_view name, std::string_view xml_namespace = {});
    void open_with(std::string_view name, const std::vector<std::pair<std::string, std::string>>& attributes);
    void text(std::string_view content);  // inside of the innermost open element
    void close();                         // the innermost open element
    void element(std::string_view name, std::string_view content);
    [[nodiscard]] std::string finish();  // REQUIRES: every element closed
private:
    ControlCharacters control_;
    std::string out_;
    std::vector<std::string> open_;
};

// A parsed element; namespaces are dropped (`x:Key` is `Key`).
struct XmlElement {
    std::string name;
    std::string content;  // the text directly inside, untrimmed
    std::string type;     // its xsi:type attribute, if it has one; other attributes are dropped
    std::vector<XmlElement> children;

    [[nodiscard]] const XmlElement* child(std::string_view child_name) const;
    [[nodiscard]] std::string child_text(std::string_view child_name) const;  // "" if absent
};

// Error `MalformedXML`. Refuses DTDs, processing instructions, more than 64 levels.
[[nodiscard]] base::Result<XmlElement> parse_xml(std::string_view document);

}  // namespace text
