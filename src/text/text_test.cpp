#include <doctest/doctest.h>

#include "text/base64.hpp"
#include "text/time.hpp"
#include "text/uri.hpp"
#include "text/xml.hpp"

using namespace text;

TEST_CASE("base64: RFC 4648 section 10, and nothing sloppy") {
    for (const auto& [plain, encoded] : std::initializer_list<std::pair<const char*, const char*>>{{"", ""},
                                                                                                   {"f", "Zg=="},
                                                                                                   {"fo", "Zm8="},
                                                                                                   {"foo", "Zm9v"},
                                                                                                   {"foob", "Zm9vYg=="},
                                                                                                   {"fooba", "Zm9vYmE="},
                                                                                                   {"foobar", "Zm9vYmFy"}}) {
        CHECK(encode_base64(plain) == encoded);
        CHECK(decode_base64(encoded).value() == plain);
    }
    for (const auto* bad : {"Zg", "Zg=", "Zh==", "Zg==\n", "Z===", "====", "Zm9 v", "Zm9-"}) {
        CAPTURE(bad);
        CHECK_FALSE(decode_base64(bad).has_value());
    }
    CHECK(encode_base64url("\xff\xfe") == "__4");
    CHECK(decode_base64url("__4").value() == "\xff\xfe");
}

TEST_CASE("URI: what SigV4 keeps and what it escapes") {
    CHECK(encode_uri("a b/ü~*") == "a%20b%2F%C3%BC~%2A");
    CHECK(encode_uri("a/b", true) == "a/b");
    CHECK(decode_uri("a%20b+c").value() == "a b+c");
    CHECK(decode_uri("a+b", true).value() == "a b");
    CHECK_FALSE(decode_uri("%2").has_value());
    CHECK_FALSE(decode_uri("%zz").has_value());
    const auto query = parse_query("a=1&b&&c=%26=").value();
    CHECK(query == QueryParameters{{"a", "1"}, {"b", ""}, {"c", "&="}});
    CHECK_FALSE(parse_query("a=%").has_value());
}

TEST_CASE("time: AWS's spellings, there and back") {
    const auto time = parse_iso8601("2015-08-30T12:36:00Z").value();
    CHECK(amz_date(time) == "20150830T123600Z");
    CHECK(http_date(time) == "Sun, 30 Aug 2015 12:36:00 GMT");
    CHECK(parse_amz_date("20150830T123600Z") == time);
    CHECK(parse_http_date("Sun, 30 Aug 2015 12:36:00 GMT") == time);
    CHECK(parse_iso8601("2015-08-30T14:36:00+02:00") == time);
    CHECK(parse_iso8601("2015-08-30T12:36Z") == time);
    CHECK(iso8601_millis(parse_iso8601("2015-08-30T12:36:00.1239Z").value()) == "2015-08-30T12:36:00.123Z");
    CHECK(iso8601(parse_iso8601("2024-02-29").value()) == "2024-02-29T00:00:00Z");
    for (const auto* bad : {"", "2015-13-01", "2023-02-29", "2015-08-30T12:36:00", "2015-08-30 12:36:00Z", "2015-08-30T25:00:00Z",
                            "2015-08-30T12:36:00.Z", "2015-08-30T12:36:00Zx"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_iso8601(bad).has_value());
    }
    CHECK_FALSE(parse_amz_date("20150830T123600").has_value());
}

TEST_CASE("XML: written text is safe, read text is strict") {
    XmlWriter writer;
    writer.open("A", "urn:x");
    writer.element("Key", "a<b>&\"'\x01");
    writer.close();
    const auto document = writer.finish();
    CHECK(document.ends_with("<A xmlns=\"urn:x\"><Key>a&lt;b&gt;&amp;&quot;&#39;\xEF\xBF\xBD</Key></A>"));
    const auto parsed = parse_xml(document).value();
    CHECK(parsed.name == "A");
    CHECK(parsed.child_text("Key").starts_with("a<b>&\"'"));
    CHECK(parse_xml("<s:D xmlns:s='u'><s:K> </s:K></s:D>").value().child_text("K") == " ");
    for (const auto* bad : {"", "<a>", "<a></b>", "<a/><b/>", "text", "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "<?php x?><a/>",
                            "<a:/>", "<a><b:>x</b:></a>", "x<a/>", "<a/>x"}) {
        CAPTURE(bad);
        const auto got = parse_xml(bad);
        REQUIRE_FALSE(got.has_value());
        CHECK(got.error().code == "MalformedXML");
    }
    CHECK(parse_xml("<?xml version='1.0'?>\n<!-- c -->\n<a/>\n").has_value());
    CHECK_FALSE(parse_xml(std::string_view("<a/>\0<b/>", 9)).has_value());
    std::string deep;
    for (int i = 0; i < 100; ++i) deep += "<a>";
    for (int i = 0; i < 100; ++i) deep += "</a>";
    CHECK_FALSE(parse_xml(deep).has_value());
}
