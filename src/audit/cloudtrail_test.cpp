#include "audit/cloudtrail.hpp"

#include <doctest/doctest.h>

#include "audit/syslog.hpp"

using text::Json;

TEST_CASE("an event's id stands for a request's, both ways") {
    for (const char* id : {"7Q2M5V0K3N8R4T1W", "e6a9e221-9255-4d22-8e0a-5b6bf38ae6fe", "0000000000000000"})
        CHECK(audit::request_id_of(audit::event_id_of(id)) == id);
    CHECK(audit::event_id_of("7Q2M5V0K3N8R4T1W").size() == 36);
    CHECK(audit::event_id_of("odd").size() == 36);
    CHECK(audit::event_id_of("odd") != audit::event_id_of("even"));
}

TEST_CASE("resources have CloudTrail's types and names") {
    struct Row {
        const char *arn, *type, *name;
    };
    for (const auto& [arn, type, name] :
         {Row{"arn:aws:s3:::b", "AWS::S3::Bucket", "b"}, Row{"arn:aws:s3:::b/k/l", "AWS::S3::Object", "b"},
          Row{"arn:aws:iam::1:role/a/b/r", "AWS::IAM::Role", "r"},
          Row{"arn:aws:sagemaker:us-east-1:1:training-job/j", "AWS::SageMaker::TrainingJob", "j"},
          Row{"arn:aws:logs:us-east-1:1:log-group:/a/b:log-stream:s", "AWS::Logs::LogGroup", "/a/b"}, Row{"*", "", ""}}) {
        CHECK_MESSAGE(audit::resource_type_of(arn) == type, arn);
        CHECK_MESSAGE(audit::resource_name_of(arn) == name, arn);
    }
}

TEST_CASE("a note is no event") { CHECK(audit::cloudtrail_event(Json::object({{"Note", "n"}, {"RequestId", ""}})).is_null()); }

TEST_CASE("a request for what nobody here has is an event") {
    const Json event = audit::cloudtrail_event(Json::object({{"RequestId", "7Q2M5V0K3N8R4T1W"},
                                                             {"Time", "2026-01-31T12:00:00.000Z"},
                                                             {"Principal", Json::object({{"Type", "Anonymous"}})},
                                                             {"Accesses", Json::array()},
                                                             {"ErrorCode", "BadRequest"},
                                                             {"Outcome", "refused"}}));
    CHECK(event["eventName"].as_string() == "Unknown");
    CHECK(event["eventSource"].as_string() == "Unknown");
    CHECK(event["errorCode"].as_string() == "BadRequest");
}

TEST_CASE("names of members begin with a small letter, keys of maps are data") {
    Json record = Json::object({{"RequestId", "7Q2M5V0K3N8R4T1W"},
                                {"Time", "2026-01-31T12:00:00.000Z"},
                                {"Service", "logs"},
                                {"Operation", "CreateLogGroup"},
                                {"Principal", Json::object({{"Type", "Anonymous"}})},
                                {"Accesses", Json::array()},
                                {"Parameters", R"({"logGroupName":"g","tags":{"Team":"A","team":"b"}})"}});
    CHECK(audit::cloudtrail_event(record)["requestParameters"].dump() ==
          R"({"logGroupName":"g","tags":{"Team":"A","team":"b"}})");
    record.set("Service", "iam");
    record.set("Operation", "CreateUser");
    record.set("Parameters", R"({"UserName":"u","Tags":[{"Key":"Team","Value":"A"}]})");
    CHECK(audit::cloudtrail_event(record)["requestParameters"].dump() ==
          R"({"userName":"u","tags":[{"key":"Team","value":"A"}]})");
}

TEST_CASE("of S3, an event names what was written, and from what") {
    Json record = Json::object(
        {{"RequestId", "7Q2M5V0K3N8R4T1W"},
         {"Time", "2026-01-31T12:00:00.000Z"},
         {"Service", "s3"},
         {"Operation", "CopyObject"},
         {"Principal", Json::object({{"Type", "Anonymous"}})},
         {"Accesses", Json::array({Json::object({{"Action", "s3:GetObject"}, {"Resource", "arn:aws:s3:::source/o"}})})},
         {"Parameters", R"({"Bucket":"target","Key":"copy","CopySource":"source/o"})"},
         {"Made", R"({"CopyObjectResult":{"ETag":"e"}})"}});
    CHECK(audit::cloudtrail_event(record)["requestParameters"].dump() ==
          R"({"bucketName":"target","key":"copy","x-amz-copy-source":"source/o"})");
    CHECK(audit::cloudtrail_event(record)["responseElements"]["CopyObjectResult"]["ETag"].as_string() == "e");
    record.set("Operation", "PutBucketPolicy");
    record.set("Parameters", R"({"Bucket":"b","Policy":"{\"Version\":\"2012-10-17\"}"})");
    CHECK(audit::cloudtrail_event(record)["requestParameters"].dump() ==
          R"({"bucketName":"b","bucketPolicy":{"Version":"2012-10-17"}})");
    record.set("Operation", "GetObject");
    record.erase("Parameters");
    CHECK(audit::cloudtrail_event(record)["requestParameters"].dump() == R"({"bucketName":"source","key":"o"})");
}

TEST_CASE("a service that calls an API on its own is its caller; what it decides for a request is its own event") {
    const auto record = [](Json principal) {
        return Json::object(
            {{"RequestId", "7Q2M5V0K3N8R4T1W"},
             {"Time", "2026-01-31T12:00:00.000Z"},
             {"Service", "sts"},
             {"Operation", "AssumeRole"},
             {"Principal", std::move(principal)},
             {"Parameters", R"({"RoleArn":"arn:aws:iam::111122223333:role/trainer","RoleSessionName":"SageMaker"})"},
             {"Accesses", Json::array({Json::object({{"Action", "sts:AssumeRole"},
                                                     {"Resource", "arn:aws:iam::111122223333:role/trainer"},
                                                     {"ResourceAccount", "111122223333"}})})},
             {"Status", 0}});
    };
    const Json event =
        audit::cloudtrail_event(record(Json::object({{"Type", "Service"}, {"Service", "sagemaker.amazonaws.com"}})));
    CHECK(event["eventType"].as_string() == "AwsApiCall");
    CHECK(event["userIdentity"].dump() == R"({"type":"AWSService","invokedBy":"sagemaker.amazonaws.com"})");
    CHECK(event["sourceIPAddress"].as_string() == "sagemaker.amazonaws.com");
    CHECK(event["userAgent"].as_string() == "sagemaker.amazonaws.com");
    CHECK(event["recipientAccountId"].as_string() == "111122223333");
    CHECK(event["requestParameters"].dump() ==
          R"({"roleArn":"arn:aws:iam::111122223333:role/trainer","roleSessionName":"SageMaker"})");
    const Json own = audit::cloudtrail_event(record(Json::object({{"Type", "User"}, {"Account", "111122223333"}})));
    CHECK(own["eventType"].as_string() == "AwsServiceEvent");
}

TEST_CASE("what a request of S3 named is its resource where nothing was decided on") {
    const Json event = audit::cloudtrail_event(Json::object({{"RequestId", "7Q2M5V0K3N8R4T1W"},
                                                             {"Time", "2026-01-31T12:00:00.000Z"},
                                                             {"Service", "s3"},
                                                             {"Operation", "GetObject"},
                                                             {"Parameters", R"({"Bucket":"nosuch","Key":"a/k"})"},
                                                             {"ErrorCode", "NoSuchBucket"},
                                                             {"Accesses", Json::array()},
                                                             {"Status", 404}}));
    CHECK(event["resources"].dump() == R"([{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::nosuch/a/k"}])");
}

TEST_CASE("each event has an id of its own") {
    Json record = Json::object({{"RequestId", "7Q2M5V0K3N8R4T1W"},
                                {"Time", "2026-01-31T12:00:00.000Z"},
                                {"Service", "logs"},
                                {"Operation", "GetLogEvents"},
                                {"Principal", Json::object({{"Type", "Anonymous"}})},
                                {"Accesses", Json::array()},
                                {"Status", 200}});
    const std::string own = audit::cloudtrail_event(record)["eventID"].as_string();
    CHECK(audit::request_id_of(own) == "7Q2M5V0K3N8R4T1W");
    record.set("Repeated", 7);
    const std::string summary = audit::cloudtrail_event(record)["eventID"].as_string();
    CHECK(summary != own);
    CHECK(summary == audit::derived_event_id("7Q2M5V0K3N8R4T1W", "GetLogEvents", "2026-01-31T12:00:00.000Z"));
}

TEST_CASE("of credentials that do not hold, an event says which they were, and not that there were none") {
    const Json event = audit::cloudtrail_event(Json::object({{"RequestId", "7Q2M5V0K3N8R4T1W"},
                                                             {"Time", "2026-01-31T12:00:00.000Z"},
                                                             {"AccessKeyId", "AKIAEXAMPLE"},
                                                             {"Principal", Json::object({{"Type", "Anonymous"}})},
                                                             {"Accesses", Json::array()}}));
    CHECK(event["userIdentity"].dump() == R"({"type":"Unknown","accessKeyId":"AKIAEXAMPLE"})");
}

TEST_CASE("a record that cannot be read is an event, and of nobody's") {
    const Json damaged = audit::cloudtrail_event(Json::object({{"RequestId", "7Q2M5V0K3N8R4T1W"},
                                                               {"Time", "2026-01-31T12:00:00.000Z"},
                                                               {"Service", "iam"},
                                                               {"Operation", "CreateUser"},
                                                               {"Accesses", Json::array()},
                                                               {"Unreadable", "{\"t\":1"},
                                                               {"Note", "what it shares cannot be read"},
                                                               {"Status", 200},
                                                               {"Outcome", "succeeded"}}));
    CHECK(damaged["userIdentity"]["type"].as_string() == "Unknown");
    CHECK(damaged["eventName"].as_string() == "CreateUser");
    CHECK(damaged["errorCode"].as_string() == "UnreadableRecord");
    CHECK(damaged["errorMessage"].as_string() == "what it shares cannot be read");
    const Json line = Json::object(
        {{"RequestId", ""}, {"Time", "2026-01-31T12:00:00.000Z"}, {"Unreadable", "x"}, {"Note", "a record that cannot be read"}});
    CHECK(audit::cloudtrail_event(line)["eventName"].as_string() == "Unknown");
    CHECK(audit::cloudtrail_event(line)["eventID"].as_string() != audit::event_id_of(""));
    CHECK(audit::cloudtrail_event(line)["additionalEventData"]["unreadable"].as_string() == "x");
}

TEST_CASE("a message of syslog, as RFC 5424 has it") {
    Json record = Json::object({{"Time", "2026-01-31T12:00:00.000Z"},
                                {"RequestId", "7Q2M5V0K3N8R4T1W"},
                                {"Service", "s3"},
                                {"Operation", "GetObject"},
                                {"Principal", Json::object({{"Type", "Anonymous"}})},
                                {"Accesses", Json::array()},
                                {"Outcome", "refused"},
                                {"UserAgent", "line\nbreak"},
                                {"ErrorCode", "AccessDenied"}});
    const std::string message = audit::syslog_message(record, "a host", 7);
    CHECK(message.starts_with("<132>1 2026-01-31T12:00:00.000Z ahost trainwarden 7 refused - \xEF\xBB\xBF{\"eventVersion\":"));
    CHECK(message.find('\n') == std::string::npos);
    CHECK(audit::counted("abc") == "3 abc");
    record.set("Outcome", "succeeded");
    CHECK(audit::syslog_message(record, "h", 7).starts_with("<134>1 "));
    record.set("UserAgent", std::string(100'000, 'u'));
    const std::string cut = audit::syslog_message(record, "h", 7);
    CHECK(cut.size() < audit::syslog_message_bytes_max);
    CHECK(cut.find("\"requestID\":\"7Q2M5V0K3N8R4T1W\"") != std::string::npos);
    CHECK(cut.find("bytes, sha256 ") != std::string::npos);
    // Who, what and where are there whatever else is too long.
    record.set("UserAgent", "client");
    record.set("Operation", "DeleteObjects");
    Json accesses = Json::array();
    for (int i = 0; i < 1000; ++i)
        accesses.push(Json::object(
            {{"Action", "s3:DeleteObject"}, {"Resource", "arn:aws:s3:::b/" + std::to_string(i) + std::string(100, 'k')}}));
    record.set("Accesses", accesses);
    record.set("SourceAddress", "192.0.2.7");
    const std::string wipe = audit::syslog_message(record, "h", 7);
    CHECK(wipe.size() < audit::syslog_message_bytes_max);
    const Json event = text::parse_json(wipe.substr(wipe.find('{'))).value();
    CHECK(event["eventName"].as_string() == "DeleteObjects");
    CHECK(event["userIdentity"]["accountId"].as_string() == "ANONYMOUS_PRINCIPAL");
    CHECK(event["sourceIPAddress"].as_string() == "192.0.2.7");
    CHECK(event["resources"].items().front()["ARN"].as_string().starts_with("arn:aws:s3:::b/0k"));
    CHECK(event["resources"].items().back()["cut"].as_string() == "980 more");
}
