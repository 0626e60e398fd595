#include "provider/s3.hpp"

#include "crypto/digest.hpp"
#include "text/base64.hpp"

namespace provider {

using base::fail;
using base::Result;

Rule region_rule() { return {.name = "region", .replaces = true, .computed = true, .local = true}; }

std::string region_of(const Property& properties) { return properties["region"].as_string(); }

Result<void> put_sub_resource(Aws& aws, const SubResource& of, std::string body, std::string_view content_type) {
    wire::S3Call call{.method = "PUT", .bucket = of.bucket, .query = of.query, .body = std::move(body)};
    call.headers.set("Content-Type", std::string(content_type));
    // Some of these calls demand a digest of the body, none minds one.
    call.headers.set("Content-MD5", text::encode_base64(crypto::md5(call.body)));
    TRY(aws.s3(call, of.region));
    return {};
}

Result<std::optional<std::string>> get_sub_resource(Aws& aws, const SubResource& of) {
    auto answer = aws.s3({.method = "GET", .bucket = of.bucket, .query = of.query}, of.region);
    if (answer) return std::move(answer->body);
    if (is_gone(answer.error())) return std::nullopt;
    return fail(std::move(answer).error());
}

Result<void> delete_sub_resource(Aws& aws, const SubResource& of) {
    auto answer = aws.s3({.method = "DELETE", .bucket = of.bucket, .query = of.query}, of.region);
    if (!answer && !is_gone(answer.error())) return fail(std::move(answer).error());
    return {};
}

std::string tagging_xml(const Property& tags) {
    text::XmlWriter xml;
    xml.open("Tagging", s3_namespace);
    xml.open("TagSet");
    for (const auto& [key, value] : tags.members()) {
        xml.open("Tag");
        xml.element("Key", key);
        xml.element("Value", value.as_string());
        xml.close();
    }
    xml.close();
    xml.close();
    return xml.finish();
}

Result<Property> tags_from_xml(const std::string& document) {
    const text::XmlElement root = TRY(text::parse_xml(document));
    Property::Object tags;
    if (const auto* set = root.child("TagSet"))
        for (const text::XmlElement& tag : set->children) tags.emplace(tag.child_text("Key"), tag.child_text("Value"));
    return Property(std::move(tags));
}

}  // namespace provider
