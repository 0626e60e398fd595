// XML as S3 clients send it and as AWS's services answer: parsing ends, and text survives being written and read again.
#include "text/xml.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/invariant.hpp"
#include "wire/model.hpp"

namespace {

size_t depth_of(const text::XmlElement& element) {
    size_t deepest = 0;
    for (const auto& child : element.children) deepest = std::max(deepest, depth_of(child));
    return deepest + 1;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto parsed = text::parse_xml(input);
    if (parsed) {
        INVARIANT(!parsed->name.empty());
        INVARIANT(depth_of(*parsed) <= 65);
    } else {
        INVARIANT(parsed.error().code == "MalformedXML");
    }
    const auto& iam = *wire::find_service("iam");
    (void)wire::decode_query_output(*iam.find("ListRoles"), input);
    (void)wire::decode_query_output(*iam.find("GetAccountSummary"), input);

    text::XmlWriter writer;
    writer.open("a");
    writer.element("b", input);
    writer.close();
    const auto again = text::parse_xml(writer.finish());
    // What XML cannot hold at all (most control characters, broken UTF-8) may be replaced or refused, but nothing may break out
    // of its element.
    if (again) INVARIANT(again->name == "a" && again->children.size() == 1 && again->children[0].children.empty());
    return 0;
}
