#include "wire/rest_json.hpp"

#include <doctest/doctest.h>

#include "model/accessanalyzer/operations.hpp"
#include "text/json.hpp"
#include "wire/errors.hpp"
#include "wire/route.hpp"

namespace {

const wire::ServiceModel& service() { return *wire::find_service("access-analyzer"); }

http::RequestHead head(std::string method, std::string path, std::string query = "") {
    http::RequestHead out;
    out.method = std::move(method);
    out.path = std::move(path);
    out.query = std::move(query);
    return out;
}

std::string operation_of(const std::string& method, const std::string& path) {
    const auto* route = wire::find_rest_route(service(), head(method, path));
    return route ? std::string(route->operation) : "-";
}

}  // namespace

TEST_CASE("which operation a method and a path are") {
    CHECK(service().protocol == wire::Protocol::rest_json);
    CHECK(operation_of("POST", "/policy/check-no-new-access") == "CheckNoNewAccess");
    CHECK(operation_of("GET", "/policy/check-no-new-access") == "-");
    CHECK(operation_of("GET", "/analyzer") == "ListAnalyzers");
    CHECK(operation_of("GET", "/analyzer/") == "-");
    CHECK(operation_of("GET", "/analyzer/one") == "GetAnalyzer");
    CHECK(operation_of("GET", "/analyzer/one/") == "-");
    CHECK(operation_of("DELETE", "/analyzer/one/archive-rule/two") == "DeleteArchiveRule");
    CHECK(operation_of("PUT", "/analyzer/one/archive-rule/two/three") == "-");
    // A path without labels is itself before it is a case of another.
    CHECK(operation_of("POST", "/analyzer/findings/statistics") == "GetFindingsStatistics");
    CHECK(operation_of("GET", "/tags/arn%3Aaws%3Aaccess-analyzer%3Aus-east-1%3A111122223333%3Aanalyzer%2Fa") ==
          "ListTagsForResource");
    CHECK(operation_of("GET", "") == "-");
}

TEST_CASE("every operation of AWS's has a route that is its own") {
    for (const auto& route : service().routes) {
        std::string path(route.path);
        while (path.contains('{')) path.replace(path.find('{'), path.find('}') - path.find('{') + 1, "x");
        CHECK(operation_of(std::string(route.method), path) == route.operation);
    }
    CHECK(service().routes.size() > 30);
}

TEST_CASE("an operation that AWS has and this server has not is named") {
    CHECK(wire::operation_in_head(service(), head("PUT", "/service-linked-analyzer")) == "CreateServiceLinkedAnalyzer");
    const auto refused = wire::find_operation(service(), head("PUT", "/service-linked-analyzer"), "{}");
    REQUIRE(!refused);
    CHECK(refused.error().describe() ==
          "UnknownOperationException: The operation CreateServiceLinkedAnalyzer of access-analyzer is not implemented here");
    CHECK(wire::find_operation(service(), head("GET", "/nowhere"), "").error().code == "UnknownOperationException");
}

namespace {

namespace m = model::accessanalyzer;

base::Result<m::CheckNoPublicAccessRequest> read(const std::string& body) {
    m::CheckNoPublicAccessRequest input;
    auto got = wire::decode_input(service(), m::CheckNoPublicAccess::operation, head("POST", "/policy/check-no-public-access"),
                                  body, &input);
    if (!got) return std::unexpected(got.error());
    return input;
}

}  // namespace

TEST_CASE("the document of a request") {
    const auto good = read(R"({"policyDocument":"{}","resourceType":"AWS::S3::Bucket","other":1})");
    REQUIRE(good);
    CHECK(good->policy_document == "{}");
    CHECK(good->resource_type == m::AccessCheckResourceType::aws__s3__bucket);
    CHECK(read("[]").error().code == "SerializationException");
    CHECK(read("{").error().code == "SerializationException");
    CHECK(read(R"({"policyDocument":1,"resourceType":"AWS::S3::Bucket"})").error().code == "SerializationException");
    CHECK(read("").error().code == "ValidationException");
    CHECK(read(R"({"policyDocument":"{}","resourceType":"x"})").error().code == "ValidationException");
}

TEST_CASE("members of the path and of the query") {
    const auto untag = [](const std::string& path, const std::string& query, const std::string& body = "") {
        m::UntagResourceRequest input;
        const auto got = wire::decode_input(service(), m::UntagResource::operation, head("DELETE", path, query), body, &input);
        std::string out = input.resource_arn;
        for (const auto& key : input.tag_keys) out += "|" + key;
        return got ? out : got.error().code;
    };
    CHECK(untag("/tags/arn%3Aaws%3Aa%2Fb", "tagKeys=x") == "arn:aws:a/b|x");
    CHECK(untag("/tags/a", "tagKeys=x&tagKeys=y%26z") == "a|x|y&z");
    // From where the model has them, and nowhere else.
    CHECK(untag("/tags/a", "tagKeys=x", R"({"resourceArn":"other","tagKeys":["more"]})") == "a|x");
    CHECK(untag("/tags/a", "") == "ValidationException");
    CHECK(untag("/tags/%", "tagKeys=x") == "SerializationException");
    const auto list = [](const std::string& query) {
        m::ListAnalyzersRequest input;
        const auto got = wire::decode_input(service(), m::ListAnalyzers::operation, head("GET", "/analyzer", query), "", &input);
        return got ? std::to_string(input.max_results.value_or(-1)) : got.error().code;
    };
    CHECK(list("") == "-1");
    CHECK(list("maxResults=7&unknown=1") == "7");
    CHECK(list("maxResults=7&maxResults=7") == "7");
    for (const auto* bad : {"maxResults=7&maxResults=8", "maxResults=x", "maxResults=", "maxResults=07", "maxResults=1.0",
                            "maxResults=-", "maxResults=99999999999999999999"})
        CHECK(list(bad) == "SerializationException");
    CHECK(list("type=NONE") == "ValidationException");
}

TEST_CASE("answers and errors are JSON, with the statuses of AWS's model") {
    m::CheckNoPublicAccessResponse output;
    output.message = "m";
    CHECK(wire::write_rest_json(m::CheckNoPublicAccess::operation, &output) == R"({"message":"m"})");
    const auto request = head("POST", "/policy/check-no-public-access");
    const auto error = wire::encode_error("access-analyzer", base::Error("AccessDeniedException", "no"), request, "id");
    CHECK(error.status == 403);
    CHECK(error.headers.get("Content-Type") == "application/json");
    CHECK(error.headers.get("x-amzn-ErrorType") == "AccessDeniedException");
    const auto invalid = wire::encode_error("access-analyzer",
                                            base::Error("ValidationException", "1 validation error detected: x"), request, "id");
    CHECK(std::get<std::string>(invalid.body).contains(R"("reason":"fieldValidationFailed")"));
}

TEST_CASE("errors have the members of AWS's model") {
    const auto body = [](const base::Error& error) {
        return std::get<std::string>(wire::encode_error("access-analyzer", error, head("GET", "/analyzer/x"), "id").body);
    };
    const auto about = [](const char* code) {
        return base::Error(code, "m").note("resourceId: a: b").note("resourceType: Analyzer").note("remedy: none");
    };
    for (const char* code : {"ResourceNotFoundException", "ConflictException", "ServiceQuotaExceededException"})
        CHECK(body(about(code)) == std::string(R"({"__type":")") + code +
                                       R"(","message":"m","resourceId":"a: b","resourceType":"Analyzer","note":"remedy: none"})");
    // Members of another error, and of services whose models have none, are notes.
    CHECK(body(about("AccessDeniedException")).contains(R"("note":"resourceId: a: b\nresourceType: Analyzer\nremedy: none")"));
    CHECK(!std::get<std::string>(wire::encode_error("sagemaker", about("ConflictException"), head("POST", "/"), "id").body)
               .contains("\"resourceId\""));
    CHECK(
        body(base::Error("ValidationException", "m").note("fieldList: tags: too: many")) ==
        R"({"__type":"ValidationException","message":"m","fieldList":[{"name":"tags","message":"too: many"}],"reason":"fieldValidationFailed"})");
    CHECK(body({"ValidationException", "m"}).contains(R"("reason":"other")"));
    CHECK(body(base::Error("ValidationException", "m").note("reason: notSupported")).contains(R"("reason":"notSupported")"));
    // Nothing internal.
    const std::string internal = body(base::Error("RocksBroke", "/var/secret").note("resourceId: /var/secret"));
    CHECK(internal.contains("InternalServerException"));
    CHECK(!internal.contains("secret"));
}

TEST_CASE("a broken constraint names its field") {
    m::CreateAnalyzerRequest input;
    const auto request = head("PUT", "/analyzer");
    const auto* route = wire::find_rest_route(*wire::find_service("access-analyzer"), request);
    REQUIRE(route);
    const auto read =
        wire::read_rest_json(*route, m::CreateAnalyzer::operation, request,
                             R"({"analyzerName":"1 at 'type' failed to satisfy constraint: x","type":"NONE"})", &input);
    REQUIRE(!read);
    CHECK(read.error().code == "ValidationException");
    REQUIRE(read.error().notes.size() == 2);
    CHECK(read.error().notes[0].starts_with("fieldList: analyzerName: Member must "));
    CHECK(read.error().notes[1].starts_with("fieldList: type: "));
}
