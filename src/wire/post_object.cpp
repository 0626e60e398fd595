#include "wire/post_object.hpp"

#include <algorithm>
#include <array>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "text/uri.hpp"
#include "text/xml.hpp"

namespace wire {

using base::fail;
using base::Result;

namespace {

constexpr std::string_view amz = "x-amz-";
// Of the HTTP request: who sends it, from where, how. All others are of the form's envelope, or would be taken for the object's.
constexpr auto kept_headers = std::to_array<std::string_view>(
    {"host", "user-agent", "referer", "origin", "traceparent", "tracestate", "x-amz-expected-bucket-owner"});
// Fields that are headers of PutObject by the same name.
constexpr auto header_fields = std::to_array<std::string_view>(
    {"cache-control", "content-disposition", "content-encoding", "content-language", "content-md5", "content-type", "expires"});
// Of the form's signature; of bodies that are sent otherwise; of other operations.
constexpr auto no_headers = std::to_array<std::string_view>(
    {"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature", "x-amz-security-token"});
constexpr auto refused_fields =
    std::to_array<std::string_view>({"x-amz-content-sha256", "x-amz-copy-source", "x-amz-decoded-content-length",
                                     "x-amz-expected-bucket-owner", "x-amz-trailer"});

bool contains(const auto& list, std::string_view name) { return std::ranges::find(list, name) != list.end(); }

std::unexpected<base::Error> invalid(std::string_view field, std::string message) {
    return fail(base::Error(base::code::InvalidArgument, std::move(message)).note("ArgumentName: " + std::string(field)));
}

bool has_control_characters(std::string_view text) {
    return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

// As it stands in a header: lines of a form are CRLF's, and whatever a header cannot have is refused.
Result<void> add(http::Headers& headers, std::string_view name, std::string_view raw) {
    constexpr std::string_view characters = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz";
    const auto value = base::trim(raw);
    if (name.find_first_not_of(characters) != std::string_view::npos)
        return invalid(name, "The name of the field cannot be a header's.");
    if (has_control_characters(value)) return invalid(name, "Header value cannot contain control characters.");
    if (headers.find(name) != nullptr) return invalid(name, "POST requires that each field is there once.");
    headers.add(std::string(name), std::string(value));
    return {};
}

// <Tagging><TagSet><Tag><Key/><Value/></Tag>…, as x-amz-tagging has it.
Result<std::string> tagging_header(const std::string& document) {
    const auto malformed = [] {
        return fail(base::code::MalformedXML,
                    "The XML you provided was not well-formed or did not validate against our published schema");
    };
    const auto tagging = text::parse_xml(document);
    const auto* set = tagging && tagging->name == "Tagging" ? tagging->child("TagSet") : nullptr;
    if (set == nullptr) return malformed();
    std::string out;
    for (const auto& tag : set->children) {
        if (tag.name != "Tag" || tag.child("Key") == nullptr || tag.child("Value") == nullptr) return malformed();
        out +=
            (out.empty() ? "" : "&") + text::encode_uri(tag.child_text("Key")) + "=" + text::encode_uri(tag.child_text("Value"));
    }
    return out;
}

std::string url_of(const http::Request& request, const S3Request& asked) {
    const auto host = request.head.headers.get("Host");
    const std::string bucket = bucket_of_host(host).empty() ? "/" + asked.bucket : "";
    return (request.secure_transport ? "https://" : "http://") + host + bucket + "/" + text::encode_uri(asked.key, true);
}

// Where the browser goes next; nothing: it is not a place that it could go.
std::optional<std::string> next_page(const PostForm& form, const S3Request& asked, const std::string& etag) {
    const auto* to = form.find("success_action_redirect");
    if (to == nullptr) to = form.find("redirect");
    const std::string_view url = to == nullptr ? std::string_view() : base::trim(*to);
    const auto scheme = base::lower(url.substr(0, url.find("://")));
    if ((scheme != "http" && scheme != "https") || url.find(' ') != std::string_view::npos || has_control_characters(url))
        return std::nullopt;
    const auto fragment = std::min(url.find('#'), url.size());
    std::string out(url.substr(0, fragment));
    out += (out.find('?') == std::string::npos ? "?" : "&") + ("bucket=" + text::encode_uri(asked.bucket));
    out += "&key=" + text::encode_uri(asked.key) + "&etag=" + text::encode_uri(etag);
    return out += url.substr(fragment);
}

}  // namespace

Result<void> take_form(const PostForm& form, http::RequestHead& head, S3Request& request) {
    const auto* key = form.find("key");
    if (key == nullptr)
        return invalid(
            "key", "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.");
    if (key->empty()) return invalid("key", "User key must have a length greater than 0.");
    // The bucket that is decided on is the one that is written into.
    if (const auto* bucket = form.find("bucket"); bucket != nullptr && *bucket != request.bucket)
        return fail(base::code::AccessDenied, "The field 'bucket' is not the bucket of the request.");
    http::Headers headers;
    for (const auto& [name, value] : head.headers.fields())
        if (contains(kept_headers, base::lower(name))) headers.add(name, value);
    for (const auto& [name, value] : form.fields()) {
        if (contains(refused_fields, name)) return invalid(name, "The field is not supported in a form.");
        if (name == "acl") {
            TRY(add(headers, "x-amz-acl", value));
        } else if (name == "tagging") {
            const auto tags = TRY(tagging_header(value));
            TRY(add(headers, "x-amz-tagging", tags));
        } else if (contains(header_fields, name) || (name.starts_with(amz) && !contains(no_headers, name))) {
            TRY(add(headers, name, with_file_name(value, form.file_name())));
        }
    }
    head.headers = std::move(headers);
    request.operation = "PutObject";
    request.key = with_file_name(*key, form.file_name());
    return {};
}

http::Response form_answer(const PostForm& form, const http::Request& request, const S3Request& asked, http::Response stored) {
    const auto etag = stored.headers.get("ETag");
    if (auto next = next_page(form, asked, etag)) {
        stored.status = 303;
        stored.headers.add("Location", *std::move(next));
        return stored;
    }
    const auto url = url_of(request, asked);
    const auto* status = form.find("success_action_status");
    stored.headers.add("Location", url);
    stored.status = status != nullptr && *status == "200" ? 200 : status != nullptr && *status == "201" ? 201 : 204;
    if (stored.status != 201) return stored;
    text::XmlWriter out;
    out.open("PostResponse");
    out.element("Location", url);
    out.element("Bucket", asked.bucket);
    out.element("Key", asked.key);
    out.element("ETag", etag);
    out.close();
    stored.headers.add("Content-Type", "application/xml");
    stored.body = out.finish();
    return stored;
}

}  // namespace wire
