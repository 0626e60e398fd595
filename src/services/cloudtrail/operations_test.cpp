// LookupEvents: how its attributes become a search of the record, and how a record becomes an event; by requests through the gate.
#include "services/cloudtrail/operations.hpp"

#include <doctest/doctest.h>

#include "crypto/digest.hpp"
#include "gate/records_for_tests.hpp"
#include "identity/iam_for_tests.hpp"
#include "text/json.hpp"
#include "text/time.hpp"
#include "wire/sigv4.hpp"

namespace {

using text::Json;

// Answers every search with one page, and keeps what was searched for.
class SearchedLog final : public audit::Log {
public:
    base::Result<audit::PendingRecord> decided(const audit::Decided&) override { return audit::PendingRecord(); }
    base::Result<void> answered(audit::PendingRecord, const audit::Answered&) override { return {}; }
    base::Result<void> append(const audit::Record&) override { return {}; }
    base::Result<std::vector<Json>> find(const std::string&) const override { return base::fail("NoSuchRequest", ""); }
    base::Result<audit::Page> search(const audit::Query& query) const override {
        asked = query;
        if (query.older_than == "bad") return base::fail("InvalidToken", "of no page");
        return page;
    }
    bool wait(const std::string&, std::chrono::milliseconds) const override { return false; }

    mutable audit::Query asked;
    audit::Page page;
};

struct CloudTrailFixture : identity::IamFixture {
    SearchedLog log;
    gate::Registry registry;
    std::unique_ptr<gate::Gate> the_gate;

    CloudTrailFixture() {
        services::cloudtrail::add_operations(registry, log);
        the_gate = std::make_unique<gate::Gate>(gate::GateDependencies{
            .registry = &registry, .directory = directory.get(), .audit = &log, .clock = &clock, .random = &random});
    }
    // The status and the answer of LookupEvents.
    std::pair<int, Json> look_up(const std::string& input) {
        http::RequestHead head{.method = "POST", .path = "/"};
        head.headers.add("Host", "127.0.0.1:4566");
        head.headers.add("Content-Type", "application/x-amz-json-1.1");
        head.headers.add("X-Amz-Target", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents");
        wire::sign(head, {root.access_key_id, root.secret_access_key, ""}, "us-east-1", "cloudtrail", clock.now(),
                   crypto::hex(crypto::sha256(input)));
        http::StringBody reader(input);
        http::Request request{.head = std::move(head), .body = &reader, .peer_address = "127.0.0.1"};
        const auto response = the_gate->serve(request);
        return {response.status, text::parse_json(std::get<std::string>(response.body)).value()};
    }
    const audit::Query& query_of(const std::string& key, const std::string& value) {
        const auto [status, answer] =
            look_up(R"({"LookupAttributes":[{"AttributeKey":")" + key + R"(","AttributeValue":")" + value + R"("}]})");
        CHECK_MESSAGE(status == 200, answer.dump());
        return log.asked;
    }
    std::string error_of(const std::string& input) {
        const auto [status, answer] = look_up(input);
        CHECK(status == 400);
        const std::string type = answer["__type"].as_string();
        return type.substr(type.find('#') + 1);
    }
};

}  // namespace

TEST_CASE("each attribute is a member of the search; management events alone, 50 by default") {
    CloudTrailFixture f;
    CHECK(f.query_of("EventName", "CreateUser").operation == "CreateUser");
    CHECK(f.log.asked.management_only);
    CHECK(f.log.asked.most == 50);
    CHECK(f.query_of("Username", "ada").user_name == "ada");
    CHECK(f.query_of("ResourceType", "AWS::S3::Bucket").resource_type == "AWS::S3::Bucket");
    CHECK(f.query_of("ResourceName", "data").resource_name == "data");
    CHECK(f.query_of("ResourceName", "arn:aws:s3:::data").resource == "arn:aws:s3:::data");
    CHECK(f.log.asked.resource_name.empty());
    CHECK(f.query_of("EventSource", "iam.amazonaws.com").service == "iam");
    CHECK(f.query_of("AccessKeyId", "AKIAEXAMPLE").access_key == "AKIAEXAMPLE");
    CHECK(f.query_of("ReadOnly", "true").writes == false);
    CHECK(f.query_of("ReadOnly", "false").writes == true);
}

TEST_CASE("a search that cannot be is refused with CloudTrail's errors") {
    CloudTrailFixture f;
    CHECK(f.error_of(R"({"LookupAttributes":[{"AttributeKey":"ReadOnly","AttributeValue":"yes"}]})") ==
          "InvalidLookupAttributesException");
    CHECK(f.error_of(R"({"StartTime":1700000001,"EndTime":1700000000})") == "InvalidTimeRangeException");
    CHECK(f.error_of(R"({"NextToken":"bad"})") == "InvalidNextTokenException");
    CHECK(f.error_of(R"({"NextToken":")" + std::string(129, 't') + "\"}") == "InvalidNextTokenException");
}

TEST_CASE("a record is shown as an event, with its resources, and a page with the token of the next") {
    CloudTrailFixture f;
    f.log.page.records.push_back(
        text::parse_json(R"({"RequestId":"0f1e2d3c-0000-4000-8000-000000000001","Time":"2026-01-31T12:00:00.000Z","Service":"iam",
            "Operation":"CreateUser","Status":200,"Outcome":"succeeded","AccessKeyId":"AKIAEXAMPLE","SourceIp":"127.0.0.1",
            "Principal":{"Type":"User","Arn":"arn:aws:iam::111122223333:user/ada","Account":"111122223333","Id":"AIDAEXAMPLE"},
            "Accesses":[{"Action":"iam:CreateUser","Resource":"arn:aws:iam::111122223333:user/bob","Decision":"allowed"}]})")
            .value());
    f.log.page.older = "next";
    const auto [status, answer] = f.look_up(R"({"MaxResults":1})");
    REQUIRE(status == 200);
    CHECK(f.log.asked.most == 1);
    const std::string token = answer["NextToken"].as_string();
    CHECK(token.starts_with("next-"));
    // It goes on with what it was made for, and with nothing else.
    CHECK(f.look_up(R"({"MaxResults":1,"NextToken":")" + token + "\"}").first == 200);
    CHECK(f.error_of(R"({"LookupAttributes":[{"AttributeKey":"EventName","AttributeValue":"CreateUser"}],"NextToken":")" + token +
                     "\"}") == "InvalidNextTokenException");
    REQUIRE(answer["Events"].size() == 1);
    const Json& event = answer["Events"].items().front();
    CHECK(event["EventName"].as_string() == "CreateUser");
    CHECK(event["EventSource"].as_string() == "iam.amazonaws.com");
    CHECK(event["Username"].as_string() == "ada");
    CHECK(event["AccessKeyId"].as_string() == "AKIAEXAMPLE");
    CHECK(event["ReadOnly"].as_string() == "false");
    REQUIRE(event["Resources"].size() == 1);
    CHECK(event["Resources"].items().front()["ResourceName"].as_string() == "bob");
    CHECK(event["Resources"].items().front()["ResourceType"].as_string() == "AWS::IAM::User");
    CHECK(text::parse_json(event["CloudTrailEvent"].as_string()).value()["userIdentity"]["type"].as_string() == "IAMUser");
}

TEST_CASE("Insights events: none, without a search") {
    CloudTrailFixture f;
    f.log.page.records.push_back(Json::object());
    const auto [status, answer] = f.look_up(R"({"EventCategory":"insight"})");
    CHECK(status == 200);
    CHECK(answer["Events"].size() == 0);
}
