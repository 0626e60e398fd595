#include "wire/post_form.hpp"

#include <doctest/doctest.h>

#include "text/base64.hpp"
#include "text/time.hpp"
#include "wire/post_object.hpp"
#include "wire/post_policy.hpp"

namespace {

std::string part(const std::string& name, const std::string& value) {
    return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n";
}

std::string file(const std::string& content, const std::string& name = "n") {
    return "--b\r\nContent-Disposition: form-data; name=\"File\"; filename=\"" + name + "\"\r\n\r\n" + content + "\r\n--b--\r\n";
}

http::RequestHead head_of(const std::string& type = "multipart/form-data; boundary=b") {
    http::RequestHead head{.method = "POST", .path = "/bucket", .query = "", .headers = {}};
    head.headers.add("Host", "h");
    head.headers.add("Content-Type", type);
    return head;
}

struct Read {
    std::string code, fields, content, file_name;
};

Read read(const std::string& body, const std::string& type = "multipart/form-data; boundary=b") {
    const auto head = head_of(type);
    http::StringBody source(body);
    const auto form = wire::PostForm::read(head, source);
    if (!form) return {.code = form.error().code};
    Read out{.file_name = (*form)->file_name()};
    for (const auto& [name, value] : (*form)->fields()) out.fields += name + "=" + value + ";";
    auto content = (*form)->file().read_all(1 << 20);
    if (!content) out.code = content.error().code;
    out.content = content.value_or("");
    return out;
}

std::string policy_error(const std::string& policy, const std::string& fields, std::string_view key = "k") {
    const auto head = head_of();
    http::StringBody source(part("policy", text::encode_base64(policy)) + fields + file(""));
    const auto form = wire::PostForm::read(head, source);
    REQUIRE(form);
    const auto size = wire::check_form_policy(**form, "bucket", key, *text::parse_iso8601("2026-01-31T12:00:00Z"));
    if (size) return std::to_string(size->least) + "-" + (size->most == UINT64_MAX ? "" : std::to_string(size->most));
    return size.error().code + ": " + size.error().message;
}

std::string conditions(const std::string& list) {
    return R"({"expiration":"2026-02-01T00:00:00Z","conditions":[{"bucket":"bucket"},)" + list + "]}";
}

std::string taken(const std::string& fields, const std::string& name = "n") {
    auto head = head_of();
    http::StringBody source(fields + file("", name));
    const auto form = wire::PostForm::read(head, source);
    REQUIRE(form);
    wire::S3Request request{.operation = "PostObject", .bucket = "bucket", .key = "", .query = {}};
    const auto done = wire::take_form(**form, head, request);
    if (!done) return done.error().code;
    std::string out = request.operation + " " + request.key;
    for (const auto& [header, value] : head.headers.fields()) out += " " + header + "=" + value;
    return out;
}

}  // namespace

TEST_CASE("a form: its fields, and its file to the last boundary") {
    const auto whole = read(part("KEY", "a\r\nb") + part("x-amz-meta-q", "") + file("1\r\n--c\r\n", "C:\\x/y.txt"));
    CHECK(whole.code == "");
    CHECK(whole.fields == "key=a\r\nb;x-amz-meta-q=;");
    CHECK(whole.content == "1\r\n--c\r\n");
    CHECK(whole.file_name == "y.txt");
    CHECK(read(file("")).code == "");
    CHECK(read("--b c\r\nContent-Disposition: form-data; name=file\r\n\r\nx\r\n--b c--",
               "multipart/form-data; charset=x; boundary=\"b c\"")
              .content == "x");
    // What stands behind the file means nothing.
    CHECK(read(part("a", "1") + "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n" + part("a", "2") + "--b--")
              .content == "x");
}

TEST_CASE("bodies that are no forms") {
    for (const std::string& body : {std::string(), std::string("--b"), std::string("x"), "\r\n" + file("x"), part("a", "1"),
                                    file("x").substr(0, 60), std::string("--b\r\nname: x\r\n\r\nx\r\n--b--\r\n"),
                                    std::string("--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"),
                                    std::string("--b\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nx\r\n--b--\r\n"),
                                    "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--bb\r\n" + file("x")})
        CHECK_MESSAGE(read(body).code == "MalformedPOSTRequest", body);
    CHECK(read(part("a", "1") + "--b--\r\n").code == "InvalidArgument");  // no file
    CHECK(read(part("a", "1") + part("A", "1") + file("x")).code == "InvalidArgument");
    CHECK(read(part("a", std::string(21 * 1024, 'x')) + file("x")).code == "MaxPostPreDataLengthExceededError");
    CHECK(read(file(std::string(200'000, 'x'))).content.size() == 200'000);
    for (const char* type :
         {"multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"b",
          "multipart/form-data; boundary=a\tb",
          "multipart/form-data; boundary=0123456789012345678901234567890123456789012345678901234567890123456789x"})
        CHECK(read(file("x"), type).code == "MalformedPOSTRequest");
    const auto cut = file(std::string(100'000, 'x'));
    CHECK(read(cut.substr(0, 90'000)).code == "MalformedPOSTRequest");
    CHECK(read(cut.substr(0, cut.size() - 5) + "x").code == "MalformedPOSTRequest");  // a boundary that goes on
    CHECK(read(cut + std::string(wire::form_rest_bytes_max + 1, 'x')).code == "MalformedPOSTRequest");
}

TEST_CASE("a form's policy: every field is named, and every condition holds") {
    const auto k = part("key", "k");
    CHECK(policy_error(conditions(R"({"key":"k"})"), k) == "0-");
    CHECK(policy_error(conditions(R"(["eq","$key","k"],["content-length-range",1,"20"],["content-length-range",2,30])"), k) ==
          "2-20");
    CHECK(policy_error(conditions(R"(["starts-with","$key",""],["starts-with","$x-amz-meta-none",""])"), k) == "0-");
    CHECK(policy_error(conditions(R"({"key":"k"})"), k, "other")
              .starts_with("AccessDenied: Invalid according to Policy: Policy Condition failed"));
    CHECK(policy_error(conditions(R"({"key":"k"},["eq","$acl",""])"), k)
              .starts_with("AccessDenied"));  // a field that is not there has no value
    CHECK(policy_error(conditions(R"({"key":"k"})"), k + part("acl", "private")) ==
          "AccessDenied: Invalid according to Policy: Extra input fields: acl");
    CHECK(policy_error(conditions(R"({"key":"k"})"), k + part("x-ignore-acl", "x") + part("Signature", "s") +
                                                         part("AWSAccessKeyId", "a") + part("x-amz-checksum-crc32", "c")) ==
          "0-");
    CHECK(policy_error(conditions(R"({"key":"k"})"), k + part("x-amz-checksum-algorithm", "CRC32")).starts_with("AccessDenied"));
    CHECK(policy_error(conditions(R"({"key":"k"},["starts-with","$Content-Type","image/"])"),
                       k + part("Content-Type", "image/png, image/gif")) == "0-");
    CHECK(policy_error(conditions(R"({"key":"k"},["starts-with","$Content-Type","image/"])"),
                       k + part("Content-Type", "image/png,text/html"))
              .starts_with("AccessDenied"));
    CHECK(policy_error(conditions(R"(["starts-with","$key","\$k"])"), k, "$key") == "0-");
    CHECK(policy_error(R"({"expiration":"2026-02-01T00:00:00Z","conditions":[{"key":"k"}]})", k)
              .starts_with("AccessDenied"));  // of which bucket?
    CHECK(policy_error(R"({"expiration":"2026-02-01T00:00:00Z","conditions":[{"bucket":"other"},{"key":"k"}]})", k)
              .starts_with("AccessDenied"));
    CHECK(policy_error(R"({"expiration":"2026-01-31T12:00:00Z","conditions":[{"bucket":"bucket"},{"key":"k"}]})", k) ==
          "AccessDenied: Invalid according to Policy: Policy expired.");
    for (const char* broken :
         {"", "{", "[]", "{}", R"({"conditions":[]})", R"({"expiration":"x","conditions":[]})",
          R"({"expiration":"2026-02-01T00:00:00Z"})", R"({"expiration":"2026-02-01T00:00:00Z","conditions":{}})",
          R"({"expiration":"2026-02-01T00:00:00Z","conditions":[],"more":1})"})
        CHECK_MESSAGE(policy_error(broken, k).starts_with("InvalidPolicyDocument"), broken);
    for (const char* broken :
         {"{}", R"({"a":"1","b":"2"})", R"({"key":1})", "1", "[]", R"(["eq","$key"])", R"(["eq","key","k"])", R"(["eq","$","k"])",
          R"(["eq","$key",1])", R"(["in","$key","k"])", R"(["content-length-range",0])", R"(["content-length-range",-1,2])",
          R"(["content-length-range","a",2])", R"(["content-length-range",1.5,2])"})
        CHECK_MESSAGE(policy_error(conditions(broken), k).starts_with("InvalidPolicyDocument"), broken);
}

TEST_CASE("a form as the request that it is") {
    CHECK(taken(part("key", "a/${filename}") + part("acl", "private") + part("x-amz-meta-n", "${filename}") +
                    part("submit", "x") + part("x-amz-signature", "s") + part("Content-Type", " text/plain "),
                "n.txt") == "PutObject a/n.txt Host=h x-amz-acl=private x-amz-meta-n=n.txt content-type=text/plain");
    CHECK(taken(part("key", "k") + part("tagging",
                                        "<Tagging><TagSet><Tag><Key>a "
                                        "b</Key><Value>&amp;</Value></Tag><Tag><Key>c</Key><Value/></Tag></TagSet></Tagging>")) ==
          "PutObject k Host=h x-amz-tagging=a%20b=%26&c=");
    CHECK(taken(part("key", "k") + part("tagging", "<Tagging>")) == "MalformedXML");
    CHECK(taken(part("key", "k") + part("tagging", "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>")) ==
          "MalformedXML");
    CHECK(taken(part("acl", "private")) == "InvalidArgument");
    CHECK(taken(part("key", "")) == "InvalidArgument");
    CHECK(taken(part("key", "k") + part("bucket", "other")) == "AccessDenied");
    CHECK(taken(part("key", "k") + part("bucket", "bucket")) == "PutObject k Host=h");
    for (const char* name :
         {"x-amz-copy-source", "x-amz-content-sha256", "x-amz-trailer", "x-amz-decoded-content-length", "x-amz-meta a"})
        CHECK_MESSAGE(taken(part("key", "k") + part(name, "1")) == "InvalidArgument", name);
    CHECK(taken(part("key", "k") + part("x-amz-meta-a", "1\r\nx-amz-acl: public-read")) == "InvalidArgument");
    CHECK(taken(part("key", "k") + part("acl", "private") + part("x-amz-acl", "private")) == "InvalidArgument");
}
