// What S3 answers are made of.
#include "crypto/digest.hpp"
#include "services/s3/service.hpp"
#include "text/base64.hpp"
#include "text/time.hpp"
#include "text/uri.hpp"

namespace services::s3 {
namespace {

constexpr std::string_view token_mark = "after:";

}  // namespace

wire::Answer empty_answer(int status) {
    wire::Answer answer;
    answer.status = status;
    answer.raw.emplace().status = status;
    return answer;
}

wire::Answer xml_answer(text::XmlWriter& xml) {
    auto answer = empty_answer();
    answer.raw->headers.set("Content-Type", "application/xml");
    answer.raw->body = xml.finish();
    return answer;
}

std::string quoted(std::string_view etag) { return "\"" + std::string(etag) + "\""; }

std::string canonical_id(std::string_view account) {
    return crypto::hex(crypto::sha256("canonical user id of " + std::string(account)));
}

void write_owner(text::XmlWriter& xml, std::string_view element, std::string_view account) {
    xml.open(element);
    xml.element("ID", canonical_id(account));
    xml.close();
}

void add_checksum(http::Headers& headers, const objects::Checksum& checksum) {
    headers.set(objects::header_of(checksum.kind), checksum.value);
    headers.set("x-amz-checksum-type", std::string(objects::name_of(checksum.type)));
}

void write_checksum(text::XmlWriter& xml, const objects::Checksum& checksum) {
    xml.element(objects::element_of(checksum.kind), checksum.value);
    xml.element("ChecksumType", objects::name_of(checksum.type));
}

void add_object_headers(http::Headers& headers, const objects::Object& object) {
    const auto& attributes = object.attributes;
    headers.set("ETag", quoted(object.etag));
    headers.set("Last-Modified", text::http_date(object.last_modified));
    headers.set("Accept-Ranges", "bytes");
    headers.set("Content-Type", attributes.content_type.empty() ? "binary/octet-stream" : attributes.content_type);
    const auto optional = [&](std::string_view name, const std::string& value) {
        if (!value.empty()) headers.set(name, value);
    };
    optional("Cache-Control", attributes.cache_control);
    optional("Content-Disposition", attributes.content_disposition);
    optional("Content-Encoding", attributes.content_encoding);
    optional("Content-Language", attributes.content_language);
    optional("Expires", attributes.expires);
    optional("x-amz-website-redirect-location", attributes.website_redirect_location);
    for (const auto& [name, value] : attributes.user_metadata) headers.set("x-amz-meta-" + name, value);
    if (!object.tags.empty()) headers.set("x-amz-tagging-count", std::to_string(object.tags.size()));
}

base::Result<bool> wants_url_encoding(const Incoming& incoming) {
    const auto* type = incoming.uri.parameter("encoding-type");
    if (type == nullptr || type->empty()) return false;
    if (*type == "url") return true;
    return base::fail("InvalidArgument", "Invalid Encoding Method specified in Request");
}

std::string encoded(std::string_view key, bool url_encoding) {
    return url_encoding ? text::encode_uri(key, true) : std::string(key);
}

std::string token_for(std::string_view last) { return text::encode_base64(std::string(token_mark) + std::string(last)); }

base::Result<std::string> read_token(std::string_view token) {
    const auto decoded = text::decode_base64(token);
    if (!decoded || !decoded->starts_with(token_mark) || decoded->size() == token_mark.size())
        return base::fail("InvalidArgument", "The continuation token provided is incorrect");
    return decoded->substr(token_mark.size());
}

}  // namespace services::s3
