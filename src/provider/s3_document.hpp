// S3's XML documents from properties and back, by the `member` of each rule. Pure.
//
//   A/B        the element B inside of A; of a list: B again and again
//   A[Name=x]  the A whose Name is x, in whatever case
//   @type      the xsi:type of the element
//   .          the element itself: a block that groups properties and has no element of its own
//
// A rule without a member stands in no document.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "provider/schema.hpp"
#include "text/xml.hpp"

namespace provider {

constexpr std::string_view s3_namespace = "http://s3.amazonaws.com/doc/2006-03-01/";
constexpr std::string_view s3_control_namespace = "http://awss3control.amazonaws.com/doc/2018-08-20/";

// What `properties` say, as the element `root`. What they leave out, the document leaves out, but for flags and blocks with a fallback.
[[nodiscard]] text::XmlElement document_of(const std::vector<Rule>& rules, std::string_view root, const Property& properties);
[[nodiscard]] std::string xml_text(const text::XmlElement& root, std::string_view xml_namespace);
// What an element says of these rules.
[[nodiscard]] Property properties_of(const std::vector<Rule>& rules, const text::XmlElement& element);

}  // namespace provider
