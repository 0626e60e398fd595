// The client against a server made of this room's own parts: what the one signs the other verifies, what the one encodes the
// other decodes.
#include "wire/client.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>

#include "crypto/digest.hpp"
#include "http/server.hpp"
#include "model/iam/roles.hpp"
#include "model/json.hpp"
#include "model/monitoring/operations.hpp"
#include "model/sagemaker/training_jobs.hpp"
#include "tar/gzip.hpp"
#include "text/uri.hpp"
#include "wire/errors.hpp"
#include "wire/payload.hpp"
#include "wire/route.hpp"

using base::fail;
using base::Result;
using text::Json;

namespace {

const std::vector<std::string> served_regions{"us-east-1"};

constexpr std::string_view secret = "the secret";

// Answers a verified call of a Query or JSON service with what `handle` makes of its input.
using Handle = std::function<Result<Json>(const std::string& operation, const Json& input)>;

struct Served {
    std::string service, operation;
};

Result<http::Response> serve_call(http::Request& request, const Handle& handle, Served& served) {
    const auto signature = TRY(wire::read_signature(request.head));
    served.service = TRY(wire::find_service_name(request.head, signature));
    if (!signature) return fail("MissingAuthenticationToken", "Request is missing Authentication Token");
    if (served.service == "s3") {
        const auto verified = TRY(wire::verify(
            *signature, request.head,
            {.secret_access_key = secret, .service = "s3", .now = base::SystemClock().now(), .regions = served_regions}));
        const auto payload = TRY(wire::PayloadReader::open(request.head, *request.body, &verified));
        const auto body = TRY(payload->read_all(10 << 20));
        if (request.head.path == "/b/missing") return fail("NoSuchKey", "The specified key does not exist.");
        http::Response out{.status = 200,
                           .headers = {},
                           .body = request.head.method + " " + request.head.path + " " + body,
                           .content_length = {}};
        return out;
    }
    const auto body = TRY(request.body->read_all(wire::request_body_bytes_max));
    const auto hash = crypto::hex(crypto::sha256(body));
    TRY(wire::verify(*signature, request.head,
                     {.secret_access_key = secret,
                      .service = served.service,
                      .now = base::SystemClock().now(),
                      .body_sha256 = hash,
                      .regions = served_regions}));
    const auto& model = *wire::find_service(served.service);
    const auto* operation = TRY(wire::find_operation(model, request.head, body));
    served.operation = operation->name;
    http::Response out{.status = 200, .headers = {}, .body = std::string(), .content_length = {}};
    out.headers.add("x-amzn-RequestId", "req-1");
    if (model.protocol == wire::Protocol::json) {
        const auto input = TRY(wire::decode_json_input(model, *operation, body));
        out.body = wire::encode_json_output(*operation, TRY(handle(served.operation, input)));
    } else {
        const auto form = text::parse_query(body);
        if (!form) return fail("MalformedQueryString", "no form");
        const auto input = TRY(wire::decode_query_input(model, *operation, *form));
        out.body = wire::encode_query_output(model, *operation, TRY(handle(served.operation, input)), "req-1");
    }
    return out;
}

struct Endpoint {
    Handle handle;
    std::atomic<int> calls = 0;
    std::unique_ptr<http::Server> server;

    explicit Endpoint(Handle handle_in) : handle(std::move(handle_in)) {
        auto started = http::Server::start({.io_seconds_max = 5}, [this](http::Request& request) {
            ++calls;
            Served served;
            auto answer = serve_call(request, handle, served);
            return answer ? std::move(*answer) : wire::encode_error(served.service, answer.error(), request.head, "req-1");
        });
        REQUIRE(started);
        server = std::move(*started);
    }
    [[nodiscard]] wire::ClientOptions options(std::string_view with_secret = secret) const {
        return {.endpoint = "http://127.0.0.1:" + std::to_string(server->port()),
                .access_key_id = "AKIAIOSFODNN7EXAMPLE",
                .secret_access_key = std::string(with_secret),
                .session_token = "token/+="};
    }
};

Result<Json> echo(const std::string& operation, const Json& input) {
    if (operation == "GetRole" && input["RoleName"].as_string() == "missing")
        return fail(base::Error("NoSuchEntity", "The role with name missing cannot be found.").note("is it in this account?"));
    if (operation == "GetRole")
        return Json::object(
            {{"Role",
              Json::object(
                  {{"RoleName", input["RoleName"]}, {"Path", "/"}, {"RoleId", "AROA"}, {"Arn", "a"}, {"CreateDate", 0}})}});
    if (operation == "ListTrainingJobs")
        return Json::object({{"TrainingJobSummaries", Json::array()}, {"NextToken", input["NameContains"]}});
    return fail("SomethingInternal", "secret detail");
}

}  // namespace

TEST_CASE("Query and JSON calls") {
    Endpoint endpoint(echo);
    wire::Client client(endpoint.options());
    const auto role = client.call("iam", "GetRole", Json::object({{"RoleName", "r"}}));
    REQUIRE(role);
    CHECK((*role)["Role"]["RoleName"].as_string() == "r");
    CHECK((*role)["Role"]["CreateDate"].as_string() == "1970-01-01T00:00:00Z");
    const auto jobs = client.call("sagemaker", "ListTrainingJobs", Json::object({{"NameContains", "x"}}));
    REQUIRE(jobs);
    CHECK((*jobs)["NextToken"].as_string() == "x");
    CHECK(client.call("iam", "NoSuchOperation", Json()).error().code == "UnknownOperationException");
    CHECK(client.call("ec2", "RunInstances", Json()).error().code == "UnknownOperationException");
}

TEST_CASE("typed calls: Query and JSON, errors, words that the model does not have") {
    namespace iam = model::iam;
    namespace jobs = model::sagemaker;
    Json answer = Json::object({{"TrainingJobSummaries", Json::array()}, {"NextToken", "t"}});
    Endpoint endpoint([&](const std::string& operation, const Json& input) -> Result<Json> {
        return operation == "ListTrainingJobs" ? Result<Json>(answer) : echo(operation, input);
    });
    wire::Client client(endpoint.options());
    const auto role = client.call<iam::GetRole>({.role_name = "r&<"});
    REQUIRE_MESSAGE(!role.has_value(), "the model's pattern refuses the name: it arrived as it was sent");
    CHECK(role.error().message.find("r&<") != std::string::npos);
    const auto good = client.call<iam::GetRole>({.role_name = "r"});
    REQUIRE(good);
    CHECK(good->role.role_name == "r");
    CHECK(good->role.create_date == base::Time{});
    const auto missing = client.call<iam::GetRole>({.role_name = "missing"});
    CHECK(missing.error().code == "NoSuchEntity");
    CHECK(missing.error().notes == std::vector<std::string>{"is it in this account?", "request id: req-1"});

    const auto listed = client.call<jobs::ListTrainingJobs>({.max_results = 5, .sort_by = jobs::SortBy::name});
    REQUIRE(listed);
    CHECK(listed->next_token == "t");
    CHECK(listed->training_job_summaries.empty());
    CHECK(client.call<jobs::ListTrainingJobs>({.max_results = 1000}).error().code == "ValidationException");
    // Of a newer service: a status and a member that nobody here knows, a name that is too long, a required member that is gone.
    const Json newer = Json::object(
        {{"TrainingJobName", std::string(100, 'x')}, {"TrainingJobStatus", "Thinking"}, {"NewMember", 1}, {"CreationTime", 5}});
    answer = Json::object({{"TrainingJobSummaries", Json::array({newer})}});
    const auto read = client.call<jobs::ListTrainingJobs>({});
    REQUIRE(read);
    REQUIRE(read->training_job_summaries.size() == 1);
    CHECK(read->training_job_summaries[0].training_job_name.size() == 100);
    CHECK(read->training_job_summaries[0].training_job_status == jobs::TrainingJobStatus::unknown);
    CHECK(read->training_job_summaries[0].training_job_arn.empty());
    CHECK_FALSE(read->next_token.has_value());
    answer = Json::object({{"TrainingJobSummaries", Json::array({Json::object({{"TrainingJobName", 5}})})}});
    CHECK(client.call<jobs::ListTrainingJobs>({}).error().code == "MalformedAnswer");
}

TEST_CASE("errors arrive with their code, message, notes and request id") {
    Endpoint endpoint(echo);
    wire::Client client(endpoint.options());
    const auto missing = client.call("iam", "GetRole", Json::object({{"RoleName", "missing"}}));
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == "NoSuchEntity");
    CHECK(missing.error().message == "The role with name missing cannot be found.");
    CHECK(missing.error().notes == std::vector<std::string>{"is it in this account?", "request id: req-1"});
    const auto invalid = client.call("sagemaker", "ListTrainingJobs", Json::object({{"MaxResults", 1000}}));
    CHECK(invalid.error().code == "ValidationException");
    CHECK(endpoint.calls == 2);  // The client's mistakes are not tried again.

    wire::Client forger(endpoint.options("another secret"));
    CHECK(forger.call("iam", "GetRole", Json::object({{"RoleName", "r"}})).error().code == "SignatureDoesNotMatch");
    CHECK(forger.call("sagemaker", "ListTrainingJobs", Json()).error().code == "InvalidSignatureException");
    CHECK(forger.s3({.bucket = "b", .key = "k"}).error().code == "SignatureDoesNotMatch");
}

TEST_CASE("the server's mistakes are tried again and tell nothing of its inside") {
    Endpoint endpoint(echo);
    wire::Client client(endpoint.options());
    const auto broken = client.call("sts", "GetCallerIdentity", Json());
    REQUIRE_FALSE(broken);
    CHECK(broken.error().code == "InternalFailure");
    CHECK(broken.error().describe().find("secret detail") == std::string::npos);
    CHECK(endpoint.calls == 3);
}

TEST_CASE("S3") {
    Endpoint endpoint(echo);
    wire::Client client(endpoint.options());
    const auto put = client.s3({.method = "PUT", .bucket = "b", .key = "a b/c+d%é.txt", .query = "x=a%2Fb", .body = "content"});
    REQUIRE(put);
    CHECK(put->body == "PUT /b/a%20b/c%2Bd%25%C3%A9.txt content");
    CHECK(put->headers.get("x-amz-request-id") == "");  // this endpoint's raw answer has none

    char path[] = "/tmp/wire_client_test_XXXXXX";
    ::close(::mkstemp(path));
    std::ofstream(path) << "from a file";
    CHECK(client.s3({.method = "PUT", .bucket = "b", .key = "f", .body_file = path})->body == "PUT /b/f from a file");
    ::unlink(path);
    CHECK(client.s3({.method = "PUT", .bucket = "b", .key = "f", .body_file = path}).error().code == "FileNotReadable");

    std::string seen;
    const auto get = client.s3({.bucket = "b", .key = "k", .sink = [&](std::string_view part) -> Result<void> {
                                    seen += part;
                                    return {};
                                }});
    REQUIRE(get);
    CHECK(seen == "GET /b/k ");
    const auto missing = client.s3({.bucket = "b", .key = "missing"});
    CHECK(missing.error().code == "NoSuchKey");
    CHECK(missing.error().message == "The specified key does not exist.");
    CHECK(client.s3({.method = "HEAD", .bucket = "b", .key = "missing"}).error().code == "NoSuchKey");
}

TEST_CASE("nobody there, and endpoints that are none") {
    wire::Client client({.endpoint = "http://127.0.0.1:1", .access_key_id = "A", .secret_access_key = "s", .attempts_max = 1});
    CHECK(client.call("sts", "GetCallerIdentity", Json()).error().code == "ConnectionError");
    wire::Client bad({.endpoint = "localhost", .access_key_id = "A", .secret_access_key = "s"});
    CHECK(bad.call("sts", "GetCallerIdentity", Json()).error().code == "InvalidEndpoint");
    wire::Client none({.access_key_id = "A", .secret_access_key = "s"});
    CHECK(none.call("trainwarden", "ListRequests", Json()).error().code == "NoEndpoint");
}

TEST_CASE("what is asked of no service, no operation or the wrong one") {
    const auto head = [](std::vector<std::pair<std::string, std::string>> headers, std::string method = "POST",
                         std::string query = "") {
        http::RequestHead out{.method = std::move(method), .path = "/", .query = std::move(query), .headers = {}};
        for (auto& [name, value] : headers) out.headers.add(name, value);
        return out;
    };
    const auto name = [](const http::RequestHead& request) {
        const auto found = wire::find_service_name(request, std::nullopt);
        return found ? *found : found.error().code;
    };
    CHECK(name(head({{"X-Amz-Target", "Logs_20140328.GetLogEvents"}})) == "logs");
    CHECK(name(head({{"X-Amz-Target", "DynamoDB_20120810.Query"}})) == "UnknownOperationException");
    CHECK(name(head({{"Content-Type", "application/x-www-form-urlencoded"}})) == "");
    CHECK(name(head({}, "GET", "Action=GetCallerIdentity&Version=2011-06-15")) == "sts");
    CHECK(name(head({}, "GET", "list-type=2")) == "s3");
    wire::Signature elsewhere;
    elsewhere.scope.service = "ec2";
    const auto refused = wire::find_service_name(head({}), elsewhere).error();
    CHECK(refused.describe() ==
          "InvalidAction: The service ec2 is not served here: only s3, iam, sts, sagemaker, logs, monitoring, cloudtrail, "
          "access-analyzer, "
          "trainwarden are");

    const auto& iam = *wire::find_service("iam");
    const auto operation = [&](std::string_view body) {
        const auto found = wire::find_operation(iam, head({}), body);
        return found ? std::string((*found)->name) : found.error().code + ": " + found.error().message;
    };
    CHECK(operation("Action=GetRole&Version=2010-05-08") == "GetRole");
    CHECK(operation("Action=GetRole&Version=2010-05-09") ==
          "InvalidAction: Could not find operation GetRole for version 2010-05-09");
    CHECK(operation("Action=GetRole") == "InvalidAction: Could not find operation GetRole for version NO_VERSION_SPECIFIED");
    CHECK(operation("Action=GetRolf&Version=2010-05-08") ==
          "InvalidAction: Could not find operation GetRolf for version 2010-05-08");
    CHECK(operation("Action=CreateSAMLProvider&Version=2010-05-08") ==
          "InvalidAction: The operation CreateSAMLProvider of iam is not implemented here");
    CHECK(operation("") == "MissingAction: The request is missing an action or a required parameter.");
    const auto& sagemaker = *wire::find_service("sagemaker");
    CHECK(wire::find_operation(sagemaker, head({{"X-Amz-Target", "SageMaker.CreateModel"}}), "").error().message ==
          "The operation CreateModel of sagemaker is not implemented here");
    CHECK(wire::find_operation(sagemaker, head({{"X-Amz-Target", "Logs_20140328.GetLogEvents"}}), "").error().code ==
          "UnknownOperationException");
    CHECK(wire::find_operation(sagemaker, head({}), "").error().code == "UnknownOperationException");
}

TEST_CASE("a service that is not served here is refused in its own protocol") {
    const auto refused = [](std::string service, http::Headers headers) {
        wire::Signature signature;
        signature.scope.service = service;
        const http::RequestHead head{.method = "POST", .path = "/", .query = "", .headers = std::move(headers)};
        const auto error = wire::find_service_name(head, signature).error();
        return wire::encode_error(service, error, head, "r");
    };
    const auto body = [](const http::Response& response) { return std::get<std::string>(response.body); };
    http::Headers form, target;
    form.add("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
    target.add("X-Amz-Target", "DynamoDB_20120810.ListTables");
    CHECK(body(refused("ec2", form)).find("<Response><Errors><Error><Code>InvalidAction</Code><Message>The service ec2 is") !=
          std::string::npos);
    CHECK(body(refused("sqs", form)).find("<Error><Type>Sender</Type><Code>InvalidAction</Code>") != std::string::npos);
    CHECK(body(refused("dynamodb", target))
              .starts_with(R"({"__type":"UnknownOperationException","message":"The service dynamodb)"));
    CHECK(refused("lambda", {}).headers.get("x-amzn-errortype") == "UnknownOperationException");
    CHECK(refused("lambda", {}).status == 400);
    CHECK(refused("s3express", {}).status == 501);
    CHECK(body(refused("s3express", {})).find("<Error><Code>NotImplemented</Code>") != std::string::npos);
    // Without a signature there is the form of the request alone.
    const http::RequestHead post{.method = "POST", .path = "/", .query = "", .headers = form};
    const auto unknown = wire::encode_error("", {"InvalidAction", "no"}, post, "r");
    CHECK(unknown.status == 400);
    CHECK(body(unknown).find("<Code>InvalidAction</Code>") != std::string::npos);
}

TEST_CASE("the shape of an error follows the protocol") {
    const http::RequestHead get{.method = "GET", .path = "/b/k<", .query = "", .headers = {}};
    const auto body = [](const http::Response& response) { return std::get<std::string>(response.body); };
    const auto s3 = wire::encode_error("s3", {"NoSuchKey", "gone"}, get, "r1");
    CHECK(s3.status == 404);
    CHECK(body(s3).find("<Error><Code>NoSuchKey</Code><Message>gone</Message><Key>k&lt;</Key><RequestId>r1</RequestId>") !=
          std::string::npos);
    CHECK(s3.headers.get("x-amz-request-id") == "r1");
    const http::RequestHead head{.method = "HEAD", .path = "/b/k", .query = "", .headers = {}};
    CHECK(body(wire::encode_error("s3", {"NoSuchKey", "gone"}, head, "r1")).empty());
    const auto iam = wire::encode_error("iam", {"EntityAlreadyExists", "twice"}, get, "r2");
    CHECK(iam.status == 409);
    CHECK(body(iam).find(
              "<ErrorResponse "
              "xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type><Code>EntityAlreadyExists</Code>") !=
          std::string::npos);
    const auto json = wire::encode_error("sagemaker", {"AccessDenied", "no"}, get, "r3");
    CHECK(json.status == 400);
    CHECK(body(json) == R"({"__type":"AccessDeniedException","message":"no"})");
    CHECK(json.headers.get("x-amzn-errortype") == "AccessDeniedException");
    CHECK(wire::encode_error("iam", {"AccessDenied", "no"}, get, "r").status == 403);
    const auto internal = wire::encode_error("s3", base::Error("RocksBroke", "/var/secret").note("/etc/secret"), get, "r");
    CHECK(internal.status == 500);
    CHECK(body(internal).find("secret") == std::string::npos);
    CHECK(body(internal).find("<Code>InternalError</Code>") != std::string::npos);
}

TEST_CASE("CloudWatch speaks JSON and Query, and takes packed bodies") {
    const auto& service = *wire::find_service("monitoring");
    http::RequestHead json{.method = "POST", .path = "/", .query = "", .headers = {}};
    json.headers.add("X-Amz-Target", "GraniteServiceVersion20100801.PutMetricData");
    const http::RequestHead query{.method = "POST", .path = "/", .query = "", .headers = {}};
    CHECK(wire::protocol_of(service, json) == wire::Protocol::json);
    CHECK(wire::protocol_of(service, query) == wire::Protocol::query);
    const auto* put = *wire::find_operation(service, json, "{}");
    CHECK(put == *wire::find_operation(service, query, "Action=PutMetricData&Version=2010-08-01"));
    using Put = model::monitoring::PutMetricData;
    Put::Input by_json, by_query;
    REQUIRE(wire::decode_input(service, Put::operation, json,
                               R"({"Namespace": "n", "MetricData": [{"MetricName": "m", "Value": 1}]})", &by_json));
    REQUIRE(wire::decode_input(service, Put::operation, query,
                               "Action=PutMetricData&Version=2010-08-01&Namespace=n&MetricData.member.1.MetricName=m&"
                               "MetricData.member.1.Value=1",
                               &by_query));
    CHECK(model::write_document(*Put::operation.input, &by_json) == model::write_document(*Put::operation.input, &by_query));
    CHECK(by_json.namespace_ == "n");

    // JSON clients get Query's code beside the shape's name.
    const base::Error error("InvalidParameterValue", "no");
    const auto told = wire::encode_error("monitoring", error, json, "id");
    CHECK(told.headers.get("x-amzn-query-error") == "InvalidParameterValue;Sender");
    CHECK(told.headers.get("Content-Type") == "application/x-amz-json-1.0");
    CHECK(std::get<std::string>(told.body).find(R"("__type":"InvalidParameterValueException")") != std::string::npos);
    CHECK(std::get<std::string>(wire::encode_error("monitoring", error, query, "id").body)
              .find("<Code>InvalidParameterValue</Code>") != std::string::npos);
    CHECK(wire::encode_error("monitoring", {"something", "internal"}, json, "id").headers.get("x-amzn-query-error") ==
          "InternalFailure;Receiver");

    http::RequestHead packed = json;
    packed.headers.add("Content-Encoding", "gzip");
    // printf '{"a":1}' | gzip -n
    std::string body(
        "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\x56\x4a\x54\xb2\x32\xac\x05\x00\xaf\xac\x1b\x56\x07\x00\x00\x00", 27);
    std::string torn = body.substr(0, 20), plain = "{}";
    REQUIRE(wire::unpack_body(packed, body).has_value());
    CHECK(body == R"({"a":1})");
    CHECK(wire::unpack_body(packed, torn).error().code == "MalformedInput");
    CHECK(wire::unpack_body(packed, plain).error().code == "MalformedInput");
    REQUIRE(wire::unpack_body(json, plain).has_value());
    CHECK(plain == "{}");
}

TEST_CASE("a packed body is unpacked to a limit of bytes and of its ratio") {
    const auto packed = [](const std::string& content) { return tar::gzip(content); };
    http::RequestHead head{.method = "POST", .path = "/", .query = "", .headers = {}};
    head.headers.add("Content-Encoding", "gzip");
    const auto unpack = [&](std::string body) {
        const auto done = wire::unpack_body(head, body);
        return done ? body : done.error().code;
    };
    const std::string text = "Action=ListUsers&Version=2010-05-08";
    CHECK(unpack(packed(text)) == text);
    CHECK(unpack(packed("")).empty());
    const std::string large(wire::unpacked_bytes_free, 'a');
    CHECK(unpack(packed(large)) == large);
    CHECK(unpack(packed(large + "a")) == "EntityTooLarge");  // a thousand to one
    std::string mixed;
    for (uint32_t i = 0; mixed.size() < wire::request_body_bytes_max - 16; ++i) mixed += std::to_string(i * 2654435761u) + "&";
    CHECK(unpack(packed(mixed)) == mixed);
    CHECK(unpack(packed(mixed + mixed)) == "EntityTooLarge");
    CHECK(unpack(packed(text).substr(0, 20)) == "MalformedInput");
    CHECK(unpack(packed(text) + "x") == "MalformedInput");
    CHECK(unpack("") == "MalformedInput");
    CHECK(unpack("not gzip") == "MalformedInput");
}

TEST_CASE("the client signs for the region that S3 names, once") {
    std::atomic<int> asked = 0;
    std::atomic<bool> stubborn = false;
    const auto server = http::Server::start({}, [&](http::Request& request) {
        ++asked;
        const auto signature = wire::read_signature(request.head);
        const std::string region = (*signature)->scope.region;
        if (region == "eu-central-1" && !stubborn) return http::Response{.status = 200, .body = std::string("bytes")};
        return wire::encode_error("s3", {"AuthorizationHeaderMalformed", "the region is wrong"}, request.head, "r",
                                  region == "eu-central-1" ? "us-east-1" : "eu-central-1");
    });
    REQUIRE(server);
    wire::Client client({.endpoint = "http://127.0.0.1:" + std::to_string((*server)->port()),
                         .access_key_id = "AKIDEXAMPLE",
                         .secret_access_key = std::string(secret),
                         .attempts_max = 1});
    CHECK(client.s3({.bucket = "there", .key = "k"})->body == "bytes");
    CHECK(asked == 2);
    CHECK(client.s3({.method = "HEAD", .bucket = "there", .key = "k"}));
    CHECK(asked == 3);  // it is remembered
    stubborn = true;
    CHECK(client.s3({.bucket = "nowhere"}).error().code == "AuthorizationHeaderMalformed");
    CHECK(asked == 5);
}
