// Through the gate, as clients come: forms, preflight requests and what answers say to pages of other sites, what an account blocks.
#include <doctest/doctest.h>

#include "crypto/digest.hpp"
#include "gate/records_for_tests.hpp"
#include "identity/directory.hpp"
#include "services/s3/cors.hpp"
#include "services/s3/operations.hpp"
#include "temporary_folder.hpp"
#include "text/base64.hpp"
#include "text/time.hpp"
#include "wire/sigv4.hpp"

namespace {

constexpr const char* everyone_reads =
    R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket/*"}})";
const std::string block_path = "/v20180820/configuration/publicAccessBlock";

struct EdgesFixture {
    TemporaryFolder folder;
    base::ManualClock clock{base::Time(std::chrono::milliseconds(1'790'000'000'000))};
    crypto::SystemRandom random;
    std::unique_ptr<store::KeyValueStore> keys = store::make_memory_store();
    std::unique_ptr<store::Blobs> blobs = std::move(*store::open_blobs(folder.path));
    std::unique_ptr<identity::Directory> directory =
        std::move(identity::Directory::open({keys.get(), &clock, &random, std::string(32, 'k')}).value());
    identity::Directory::FirstAccount first = directory->bootstrap().value().value();
    std::unique_ptr<objects::Storage> storage =
        std::move(objects::Storage::open({keys.get(), blobs.get(), &clock, &random}).value());
    gate::MemoryLog log;
    gate::Registry registry;
    std::unique_ptr<gate::Gate> gate;

    EdgesFixture() {
        registry.describer().serve({"us-east-1"});
        services::s3::add_operations(registry, {.storage = storage.get(),
                                                .clock = &clock,
                                                .regions = {"us-east-1"},
                                                .principal_id = [](const std::string&) { return std::optional<std::string>(); }});
        gate = std::make_unique<gate::Gate>(gate::GateDependencies{
            .registry = &registry,
            .directory = directory.get(),
            .audit = &log,
            .clock = &clock,
            .random = &random,
            .add_cors = [this](std::string_view bucket, const http::RequestHead& head, http::Headers& answer) {
                services::s3::add_cors_headers(*storage, bucket, head, answer);
            }});
        REQUIRE(storage->create_bucket("bucket", first.account, "us-east-1"));
        configure([](objects::BucketConfiguration& configuration) { configuration.public_access_block.reset(); });
    }

    template <class Set>
    void configure(Set set) {
        REQUIRE(storage->configure("bucket", [&](objects::BucketConfiguration& configuration) -> base::Result<void> {
            set(configuration);
            return {};
        }));
    }

    http::Response send(const std::string& method, const std::string& path, http::Headers headers = {},
                        const std::string& body = "", bool is_signed = false) {
        http::RequestHead head{.method = method, .path = path, .query = "", .headers = std::move(headers)};
        head.headers.add("Host", "127.0.0.1:4566");
        if (is_signed)
            wire::sign(head, {first.root.access_key_id, first.root.secret_access_key, ""}, "us-east-1", "s3", clock.now(),
                       crypto::hex(crypto::sha256(body)));
        http::StringBody reader(body);
        http::Request request{.head = std::move(head), .body = &reader, .peer_address = "10.1.2.3"};
        return gate->serve(request);
    }

    using Fields = std::vector<std::pair<std::string, std::string>>;
    http::Response post(const Fields& fields, const std::string& content, http::Headers headers = {}) {
        std::string body;
        for (const auto& [name, value] : fields)
            body += "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n";
        body += "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f.txt\"\r\n\r\n" + content + "\r\n--b--\r\n";
        headers.add("Content-Type", "multipart/form-data; boundary=b");
        return send("POST", "/bucket", std::move(headers), body);
    }
    // Adds a policy of these conditions, and its signature.
    [[nodiscard]] Fields with_policy(Fields fields, const std::string& conditions) const {
        const auto policy =
            text::encode_base64(R"({"expiration":"2099-01-01T00:00:00Z","conditions":[{"bucket":"bucket"},)" + conditions + "]}");
        fields.emplace_back("policy", policy);
        fields.emplace_back("AWSAccessKeyId", first.root.access_key_id);
        fields.emplace_back("signature", text::encode_base64(crypto::hmac_sha1(first.root.secret_access_key, policy)));
        return fields;
    }
    [[nodiscard]] Fields with_policy_of_version_4(Fields fields, std::string conditions) const {
        const std::string date = text::amz_date(clock.now());
        const wire::Scope scope{.date = date.substr(0, 8), .region = "us-east-1", .service = "s3"};
        fields.emplace_back("x-amz-algorithm", "AWS4-HMAC-SHA256");
        fields.emplace_back("x-amz-credential", first.root.access_key_id + "/" + scope.text());
        fields.emplace_back("x-amz-date", date);
        for (const char* name : {"x-amz-algorithm", "x-amz-credential", "x-amz-date"})
            conditions += std::string(R"(,["starts-with","$)") + name + R"(",""])";
        const auto policy =
            text::encode_base64(R"({"expiration":"2099-01-01T00:00:00Z","conditions":[{"bucket":"bucket"},)" + conditions + "]}");
        fields.emplace_back("policy", policy);
        fields.emplace_back("x-amz-signature",
                            crypto::hex(crypto::hmac_sha256(wire::signing_key(first.root.secret_access_key, scope), policy)));
        return fields;
    }
    [[nodiscard]] bool is_there(const std::string& key) const { return storage->find("bucket", key).has_value(); }
};

std::string text_of(const http::Response& response) {
    const auto* text = std::get_if<std::string>(&response.body);
    return text == nullptr ? "" : *text;
}

std::string code_of(const http::Response& response) {
    const std::string text = text_of(response);
    const size_t begin = text.find("<Code>"), end = text.find("</Code>");
    return begin == std::string::npos ? std::to_string(response.status) : text.substr(begin + 6, end - begin - 6);
}

http::Headers headers(std::vector<http::Headers::Field> fields) {
    http::Headers out;
    for (auto& [name, value] : fields) out.add(std::move(name), std::move(value));
    return out;
}

}  // namespace

TEST_CASE_FIXTURE(EdgesFixture, "a form is the PutObject that its policy lets it be") {
    const Fields fields = {{"key", "up/${filename}"}, {"acl", "private"}, {"x-amz-meta-one", "1"}};
    const std::string conditions =
        R"(["starts-with","$key","up/"],{"acl":"private"},{"x-amz-meta-one":"1"},["content-length-range",1,5])";
    for (const auto& whole : {with_policy(fields, conditions), with_policy_of_version_4(fields, conditions)}) {
        const auto stored = post(whole, "bytes", headers({{"x-amz-meta-of-http", "2"}, {"Cache-Control", "no-store"}}));
        CHECK(stored.status == 204);
        CHECK(stored.headers.get("Location") == "http://127.0.0.1:4566/bucket/up/f.txt");
        const auto object = storage->find("bucket", "up/f.txt");
        REQUIRE(object);
        CHECK((*object)->size == 5);
        CHECK((*object)->attributes.cache_control.empty());
        CHECK((*object)->attributes.user_metadata == std::vector<std::pair<std::string, std::string>>{{"one", "1"}});
        REQUIRE(storage->delete_object("bucket", {.key = "up/f.txt"}));
    }
    const audit::Record& record = log.records.back();
    CHECK(record.operation == "PutObject");
    REQUIRE_FALSE(record.accesses.empty());
    CHECK(record.accesses[0].request.resource == "arn:aws:s3:::bucket/up/f.txt");

    CHECK(code_of(post(with_policy(fields, conditions), "bytes+")) == "EntityTooLarge");
    CHECK(code_of(post(with_policy(fields, conditions), "")) == "EntityTooSmall");
    auto changed = with_policy(fields, conditions);
    changed[2].second = "2";
    CHECK(code_of(post(changed, "bytes")) == "AccessDenied");
    changed = with_policy(fields, conditions);
    changed.back().second[0] = changed.back().second[0] == 'A' ? 'B' : 'A';
    CHECK(code_of(post(changed, "bytes")) == "SignatureDoesNotMatch");
    changed = with_policy_of_version_4(fields, conditions);
    changed.back().second[0] = changed.back().second[0] == '0' ? '1' : '0';
    CHECK(code_of(post(changed, "bytes")) == "SignatureDoesNotMatch");
    CHECK(code_of(post(fields, "bytes")) == "AccessDenied");  // anonymous
    CHECK(code_of(post(with_policy({{"acl", "private"}}, conditions), "bytes")) == "InvalidArgument");
    auto open = with_policy(fields, conditions);
    open[1].second = "public-read";
    CHECK(code_of(post(open, "bytes")) == "AccessDenied");
    CHECK(code_of(post(with_policy({{"key", "k"}, {"acl", "public-read"}}, R"({"key":"k"},{"acl":"public-read"})"), "bytes")) ==
          "AccessControlListNotSupported");
    CHECK(code_of(send("POST", "/bucket", headers({{"Content-Type", "text/plain"}}), "x")) == "PreconditionFailed");
    CHECK_FALSE(is_there("up/f.txt"));
    CHECK_FALSE(is_there("k"));
}

TEST_CASE_FIXTURE(EdgesFixture, "what a form is answered with") {
    const auto wanting = [&](const std::string& name, const std::string& value) {
        return post(with_policy({{"key", "a b"}, {name, value}}, R"({"key":"a b"},["starts-with","$)" + name + R"(",""])"), "x");
    };
    const auto created = wanting("success_action_status", "201");
    CHECK(created.status == 201);
    CHECK(text_of(created).find("<Key>a b</Key>") != std::string::npos);
    CHECK(wanting("success_action_status", "200").status == 200);
    CHECK(wanting("success_action_status", "500").status == 204);
    const auto next = wanting("success_action_redirect", "https://app.example/?x=1#y");
    CHECK(next.status == 303);
    CHECK(next.headers.get("Location").starts_with("https://app.example/?x=1&bucket=bucket&key=a%20b&etag=%22"));
    CHECK(next.headers.get("Location").ends_with("%22#y"));
    for (const char* nowhere : {"javascript:alert(1)", "//app.example", "https://a b", "data:text/html,x"})
        CHECK(wanting("success_action_redirect", nowhere).status == 204);
}

TEST_CASE_FIXTURE(EdgesFixture, "preflight requests, and what pages of other sites may read") {
    const auto asking = [](const std::string& origin, const std::string& method, const std::string& wanted = "") {
        return headers(
            {{"Origin", origin}, {"Access-Control-Request-Method", method}, {"Access-Control-Request-Headers", wanted}});
    };
    CHECK(code_of(send("OPTIONS", "/bucket/k", asking("https://a.example", "GET"))) == "AccessForbidden");
    configure([](objects::BucketConfiguration& configuration) {
        configuration.cors = {{.origins = {"https://*.example"},
                               .methods = {"GET", "PUT"},
                               .headers = {"x-*"},
                               .exposed = {"ETag"},
                               .max_age_seconds = 60}};
    });
    auto answer = send("OPTIONS", "/bucket/k", asking("https://a.example", "PUT", "X-One"));
    CHECK(answer.status == 200);
    CHECK(answer.headers.get("Access-Control-Allow-Origin") == "https://a.example");
    CHECK(answer.headers.get("Access-Control-Allow-Methods") == "GET, PUT");
    CHECK(answer.headers.get("Access-Control-Allow-Headers") == "x-one");
    CHECK(answer.headers.get("Access-Control-Expose-Headers") == "ETag");
    CHECK(answer.headers.get("Access-Control-Max-Age") == "60");
    CHECK(answer.headers.count("Access-Control-Allow-Origin") == 1);
    CHECK(log.records.back().operation == "PreflightRequest");
    CHECK(code_of(send("OPTIONS", "/bucket/k", asking("https://a.example", "DELETE"))) == "AccessForbidden");
    CHECK(code_of(send("OPTIONS", "/bucket/k", asking("https://a.example", "PUT", "one"))) == "AccessForbidden");
    CHECK(code_of(send("OPTIONS", "/bucket/k", headers({{"Origin", "https://a.example"}}))) == "BadRequest");
    CHECK(code_of(send("OPTIONS", "/bucket/k")) == "BadRequest");
    CHECK(code_of(send("OPTIONS", "/nosuch-bucket/k", asking("https://a.example", "GET"))) == "NoSuchBucket");
    CHECK(code_of(send("OPTIONS", "/", asking("https://a.example", "GET"))) == "MethodNotAllowed");

    answer = send("GET", "/bucket/k", headers({{"Origin", "https://a.example"}}));
    CHECK(code_of(answer) == "AccessDenied");
    CHECK(answer.headers.get("Access-Control-Allow-Origin") == "https://a.example");
    CHECK(send("GET", "/bucket/k", headers({{"Origin", "https://a.test"}})).headers.find("Access-Control-Allow-Origin") ==
          nullptr);
    CHECK(send("GET", "/bucket/k").headers.find("Access-Control-Allow-Origin") == nullptr);
    answer = post(with_policy({{"key", "k"}}, R"({"key":"k"})"), "x", headers({{"Origin", "https://a.example"}}));
    CHECK(answer.headers.find("Access-Control-Allow-Origin") == nullptr);  // its method is POST
}

TEST_CASE_FIXTURE(EdgesFixture, "what an account blocks is blocked in each of its buckets") {
    configure([](objects::BucketConfiguration& configuration) { configuration.policy = everyone_reads; });
    REQUIRE(post(with_policy({{"key", "k"}}, R"({"key":"k"})"), "x").status == 204);
    CHECK(send("GET", "/bucket/k").status == 200);
    const auto control = [&](const std::string& method, const std::string& body = "", const std::string& account = "",
                             bool is_signed = true) {
        return send(method, block_path, headers({{"x-amz-account-id", account.empty() ? first.account : account}}), body,
                    is_signed);
    };
    CHECK(code_of(control("GET")) == "NoSuchPublicAccessBlockConfiguration");
    const std::string restricts =
        "<PublicAccessBlockConfiguration><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>";
    CHECK(code_of(control("PUT", restricts, "999988887777")) == "AccessDenied");
    CHECK(code_of(control("PUT", restricts, "", false)) == "AccessDenied");
    CHECK(code_of(control("PUT", "<PublicAccessBlockConfiguration><Other/></PublicAccessBlockConfiguration>")) == "MalformedXML");
    CHECK(send("GET", "/bucket/k").status == 200);
    CHECK(control("PUT", restricts).status == 200);
    CHECK(log.records.back().operation == "PutAccountPublicAccessBlock");
    CHECK(log.records.back().accesses.at(0).request.action == "s3:PutAccountPublicAccessBlock");
    CHECK(text_of(control("GET")).find("<RestrictPublicBuckets>true<") != std::string::npos);
    CHECK(code_of(send("GET", "/bucket/k")) == "AccessDenied");
    CHECK(control("DELETE").status == 204);
    CHECK(send("GET", "/bucket/k").status == 200);
}
