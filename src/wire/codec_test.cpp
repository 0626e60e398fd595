// The service models and the codecs they drive. Messages are AWS's own, as its services print them.
#include <doctest/doctest.h>

#include <algorithm>

#include "text/uri.hpp"
#include "wire/model.hpp"
#include "wire/profile.hpp"
#include "wire/scalar.hpp"

using text::Json;

namespace {

const wire::ServiceModel& service(std::string_view name) {
    const auto* found = wire::find_service(name);
    REQUIRE(found);
    return *found;
}

base::Result<Json> decode_query(std::string_view operation, std::string_view form) {
    const auto& iam = service("iam");
    const auto parameters = text::parse_query(form, true);
    REQUIRE(parameters);
    REQUIRE(iam.find(operation));
    return wire::decode_query_input(iam, *iam.find(operation), *parameters);
}

base::Result<Json> decode_json(std::string_view operation, std::string_view body, std::string_view name = "sagemaker") {
    REQUIRE(service(name).find(operation));
    return wire::decode_json_input(service(name), *service(name).find(operation), body);
}

std::string words(const base::Result<Json>& result) { return result ? "" : result.error().code + ": " + result.error().message; }

Json parsed(std::string_view text) {
    auto out = text::parse_json(text);
    REQUIRE(out);
    return std::move(*out);
}

}  // namespace

TEST_CASE("the models hold what the issue asks for, and know what they leave out") {
    CHECK(service("iam").protocol == wire::Protocol::query);
    CHECK(service("sagemaker").target_prefix == "SageMaker");
    CHECK(service("logs").target_prefix == "Logs_20140328");
    CHECK(service("iam").version == "2010-05-08");
    CHECK(service("iam").find("CreateRole"));
    CHECK_FALSE(service("iam").find("CreateSAMLProvider"));
    CHECK(service("iam").is_known_elsewhere("CreateSAMLProvider"));
    CHECK_FALSE(service("iam").is_known_elsewhere("CreateRolf"));
    CHECK_FALSE(wire::find_service("ec2"));
    for (const auto* model : wire::service_models())
        CHECK(std::ranges::is_sorted(model->operations, {}, &wire::OperationModel::name));
}

TEST_CASE("every pattern of the models compiles") {
    // RE2 is asked for each of them once: a pattern that does not compile aborts.
    struct Walk {
        std::vector<const wire::Shape*> seen;
        void visit(const wire::ServiceModel& model, const wire::Shape* shape) {
            if (!shape || std::ranges::find(seen, shape) != seen.end()) return;
            seen.push_back(shape);
            if (!shape->re2_pattern.empty()) (void)wire::validate(model, *shape, Json("x"));
            for (const auto& member : shape->members) visit(model, member.shape);
            visit(model, shape->item);
            visit(model, shape->key);
        }
    } walk;
    for (const auto* model : wire::service_models())
        for (const auto& operation : model->operations) {
            walk.visit(*model, operation.input);
            walk.visit(*model, operation.output);
        }
    CHECK(walk.seen.size() > 300);
}

TEST_CASE("Query lists keep their items where they are") {
    const auto& sts = service("sts");
    const auto& assume = *sts.find("AssumeRole");
    const auto decode = [&](const std::string& arns) {
        const auto form = text::parse_query("RoleArn=arn:aws:iam::111122223333:role/R&RoleSessionName=session&" + arns, true);
        REQUIRE(form);
        return wire::decode_query_input(sts, assume, *form);
    };
    // An item that is there but empty is sent as one: left out, the second would become the first.
    const auto input = decode("PolicyArns.member.1=&PolicyArns.member.2.arn=arn:aws:iam::aws:policy/ReadOnlyAccess");
    REQUIRE(input);
    CHECK((*input)["PolicyArns"].size() == 2);
    const auto sent = wire::encode_query_input(sts, assume, *input);
    CHECK(sent.find("PolicyArns.member.1=&") != std::string::npos);
    const auto form = text::parse_query(sent, true);
    REQUIRE(form);
    const auto again = wire::decode_query_input(sts, assume, *form);
    REQUIRE(again);
    CHECK(again->dump() == input->dump());
    CHECK(words(decode_query("SimulateCustomPolicy", "ActionNames.member.1.nonsense=x")) ==
          "MalformedInput: The value of ActionNames.member.1 is not a string");

    // Every item counts, whatever numbers are left out, in the order of numbers and not of digits.
    const auto gaps =
        decode("PolicyArns.member.10.arn=arn:aws:iam::aws:policy/Last1&PolicyArns.member.2.arn=arn:aws:iam::aws:policy/First");
    REQUIRE(gaps);
    CHECK((*gaps)["PolicyArns"].dump() == R"([{"arn":"arn:aws:iam::aws:policy/First"},{"arn":"arn:aws:iam::aws:policy/Last1"}])");
    // What is not an item is refused, not left out: a session would have no session policy.
    const std::string arn = "=arn:aws:iam::aws:policy/ReadOnlyAccess";
    for (const std::string name : {"PolicyArns",
                                   "PolicyArns.arn",
                                   "PolicyArns.1.arn",
                                   "PolicyArns.member",
                                   "PolicyArns.member.arn",
                                   "PolicyArns.member.0.arn",
                                   "PolicyArns.member.01.arn",
                                   "PolicyArns.member.+1.arn",
                                   "PolicyArns.member.-1.arn",
                                   "PolicyArns.member.1e0.arn",
                                   "PolicyArns.member. 1.arn",
                                   "PolicyArns.member.4294967297.arn",
                                   "PolicyArns.member.1",
                                   "PolicyArns.member.1.Arn",
                                   "PolicyArns.member.1.arn.x",
                                   "PolicyArns.member.1.",
                                   "PolicyArns.Member.1.arn",
                                   "PolicyArns.",
                                   "PolicyArns.member..arn",
                                   "PolicyArns.entry.1.arn",
                                   "Tags.member.1.Key.member.1",
                                   "DurationSeconds.member.1",
                                   "RoleSessionName."}) {
        INFO(name);
        for (const std::string beside : {"", "&PolicyArns.member.1.arn=arn:aws:iam::aws:policy/ReadOnlyAccess"}) {
            if (!beside.empty() && name == "PolicyArns.member.1.arn") continue;
            const auto refused = decode(text::encode_uri(name) + arn + beside);
            REQUIRE_FALSE(refused);
            CHECK(refused.error().code == "MalformedInput");
            CHECK(refused.error().message.find(name.substr(0, name.find('.'))) != std::string::npos);
        }
    }
    CHECK(
        words(decode_query("TagUser", "UserName=u&Tags.member.01.Key=k&Tags.member.01.Value=v")) ==
        "MalformedInput: The parameter Tags.member.01.Key is not part of Tags, whose parameters are named Tags.member.N, with N "
        "from 1 on");
    // What is not a member at all is passed over.
    CHECK(decode("Unknown.member.1=x&policy=x"));
}

TEST_CASE("Query input") {
    const auto role =
        decode_query("CreateRole",
                     "Action=CreateRole&Version=2010-05-08&RoleName=r&AssumeRolePolicyDocument=%7B%7D&MaxSessionDuration=7200"
                     "&Tags.member.1.Key=a&Tags.member.1.Value=b+c&Tags.member.2.Key=d&Tags.member.2.Value=");
    REQUIRE(role);
    CHECK(*role == parsed(R"({"RoleName":"r","AssumeRolePolicyDocument":"{}","MaxSessionDuration":7200,
                              "Tags":[{"Key":"a","Value":"b c"},{"Key":"d","Value":""}]})"));
    CHECK(decode_query("TagRole", "RoleName=r&Tags=")->dump() == R"({"RoleName":"r","Tags":[]})");
    CHECK(words(decode_query("CreateRole", "RoleName=a&RoleName=b")) == "MalformedInput: The parameter RoleName appears twice");
    CHECK(words(decode_query("ListRoles", "MaxItems=ten")) == "MalformedInput: The value of MaxItems is not an integer");
    CHECK(words(decode_query("ListRoles", "MaxItems=99999999999999999999")) ==
          "MalformedInput: The value of MaxItems is not an integer");
}

TEST_CASE("constraints in AWS's words") {
    CHECK(words(decode_query("GetRole", "RoleName=bad+name%21")) ==
          "ValidationError: 1 validation error detected: Value 'bad name!' at 'roleName' failed to satisfy constraint: "
          "Member must satisfy regular expression pattern: [\\w+=,.@-]+");
    CHECK(words(decode_query("GetRole", "RoleName=" + std::string(65, 'a'))) ==
          "ValidationError: 1 validation error detected: Value '" + std::string(65, 'a') +
              "' at 'roleName' failed to satisfy constraint: Member must have length less than or equal to 64");
    CHECK(words(decode_query("GetRole", "")) ==
          "ValidationError: 1 validation error detected: Value null at 'roleName' failed to satisfy constraint: Member must not "
          "be null");
    CHECK(words(decode_query("CreateRole", "RoleName=r&AssumeRolePolicyDocument=x&MaxSessionDuration=1&Tags.member.1.Key=k")) ==
          "ValidationError: 2 validation errors detected: Value '1' at 'maxSessionDuration' failed to satisfy constraint: "
          "Member must have value greater than or equal to 3600; "
          "Value null at 'tags.1.member.value' failed to satisfy constraint: Member must not be null");
    CHECK(words(decode_query("UpdateAccessKey", "AccessKeyId=AKIAIOSFODNN7EXAMPLE&Status=On")) ==
          "ValidationError: 1 validation error detected: Value 'On' at 'status' failed to satisfy constraint: "
          "Member must satisfy enum value set: [Active, Inactive, Expired]");
    // Lengths count characters, not bytes.
    CHECK(decode_query("TagRole", "RoleName=r&Tags.member.1.Key=" + text::encode_uri("\xc3\xa9") + "&Tags.member.1.Value=v"));
    std::string umlauts;
    for (int i = 0; i < 128; ++i) umlauts += "\xc3\xa4";
    CHECK(decode_query("TagRole", "RoleName=r&Tags.member.1.Key=" + text::encode_uri(umlauts) + "&Tags.member.1.Value=v"));
    CHECK_FALSE(decode_query("TagRole", "RoleName=r&Tags.member.1.Key=" + text::encode_uri(umlauts) + "x&Tags.member.1.Value=v"));
}

TEST_CASE("JSON input") {
    const auto list =
        decode_json("ListTrainingJobs", R"({"MaxResults":5,"CreationTimeAfter":1700000000.5,"Unknown":1,"NextToken":null})");
    REQUIRE(list);
    CHECK(list->dump() == R"({"MaxResults":5,"CreationTimeAfter":"2023-11-14T22:13:20.500Z"})");
    CHECK(decode_json("ListTrainingJobs", "")->dump() == "{}");
    CHECK(words(decode_json("ListTrainingJobs", "[]")) == "SerializationException: The value of the request is not a structure");
    CHECK(words(decode_json("ListTrainingJobs", R"({"MaxResults":"5"})")) ==
          "SerializationException: The value of MaxResults is not an integer");
    CHECK(words(decode_json("ListTrainingJobs", "{")).starts_with("SerializationException: "));
    CHECK(words(decode_json("ListTrainingJobs", R"({"MaxResults":101})")) ==
          "ValidationException: 1 validation error detected: Value '101' at 'maxResults' failed to satisfy constraint: "
          "Member must have value less than or equal to 100");
    CHECK(words(decode_json("DescribeLogStreams", R"({"limit":51})", "logs"))
              .starts_with("InvalidParameterException: 1 validation error"));
    CHECK(words(decode_json("CreateTrainingJob", R"({"TrainingJobName":"j","RoleArn":"arn:aws:iam::123456789012:role/r",
            "OutputDataConfig":{"S3OutputPath":"s3://b"},"HyperParameters":{"k":")" +
                                                     std::string(2501, 'v') + R"("}})"))
              .find("' at 'hyperParameters' failed to satisfy constraint: Map value must satisfy constraint: "
                    "[Member must have length less than or equal to 2500") != std::string::npos);
    CHECK(words(decode_json("CreateTrainingJob",
                            R"({"TrainingJobName":"-j","RoleArn":"r","OutputDataConfig":{"S3OutputPath":"s3://b"}})"))
              .starts_with("ValidationException: 3 validation errors detected: Value '-j' at 'trainingJobName' failed"));
}

TEST_CASE("Query output, and back") {
    const auto& iam = service("iam");
    const auto output =
        parsed(R"({"Role":{"Path":"/","RoleName":"a<b","RoleId":"AROA","Arn":"arn","CreateDate":"2026-01-31T12:00:00Z",
                                           "Tags":[{"Key":"k","Value":"v&w"}]}})");
    const auto xml = wire::encode_query_output(iam, *iam.find("GetRole"), output, "id-1");
    CHECK(xml.find("<GetRoleResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><GetRoleResult><Role><Path>/</Path>") !=
          std::string::npos);
    CHECK(xml.find("<Tags><member><Key>k</Key><Value>v&amp;w</Value></member></Tags>") != std::string::npos);
    CHECK(xml.find("<ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></GetRoleResponse>") != std::string::npos);
    const auto back = wire::decode_query_output(*iam.find("GetRole"), xml);
    REQUIRE(back);
    CHECK(*back == output);

    const auto summary = parsed(R"({"SummaryMap":{"Users":3,"Roles":1}})");
    const auto map = wire::encode_query_output(iam, *iam.find("GetAccountSummary"), summary, "id");
    CHECK(map.find("<SummaryMap><entry><key>Users</key><value>3</value></entry>") != std::string::npos);
    CHECK(*wire::decode_query_output(*iam.find("GetAccountSummary"), map) == summary);
    CHECK(wire::decode_query_output(*iam.find("DeleteRole"),
                                    wire::encode_query_output(iam, *iam.find("DeleteRole"), Json(), "id")));
    CHECK_FALSE(wire::decode_query_output(*iam.find("GetRole"), "<other/>").has_value());
}

TEST_CASE("Query input as the client writes it is what the server reads") {
    const auto& iam = service("iam");
    const auto input =
        parsed(R"({"RoleName":"r","AssumeRolePolicyDocument":"{\"a\": \"+ &=\"}","Tags":[{"Key":"a","Value":"b"}]})");
    const auto form = wire::encode_query_input(iam, *iam.find("CreateRole"), input);
    CHECK(form.starts_with("Action=CreateRole&Version=2010-05-08&"));
    const auto back = decode_query("CreateRole", form);
    REQUIRE(back);
    CHECK(*back == input);
}

TEST_CASE("JSON output, and back: timestamps are seconds on the wire") {
    const auto& operation = *service("sagemaker").find("DescribeTrainingJob");
    const auto output = parsed(R"({"TrainingJobName":"j","CreationTime":"2026-01-31T12:00:00.250Z","TrainingEndTime":1769860800,
                                   "HyperParameters":{"k":"v"},"NoSuchMember":1})");
    const auto body = wire::encode_json_output(operation, output);
    CHECK(body.find(R"("CreationTime":1769860800.25)") != std::string::npos);
    CHECK(body.find("NoSuchMember") == std::string::npos);
    const auto back = wire::decode_json_output(operation, body);
    REQUIRE(back);
    CHECK((*back)["CreationTime"].as_string() == "2026-01-31T12:00:00.250Z");
    CHECK((*back)["TrainingEndTime"].as_string() == "2026-01-31T12:00:00Z");
    CHECK((*back)["HyperParameters"]["k"].as_string() == "v");
}

TEST_CASE("a profile's settings") {
    const std::string_view text =
        "# comment\n[default]\naws_access_key_id = A\naws_secret_access_key=s=e\n\n[ profile dev ]\nregion = eu-west-1 # "
        "here\ns3 =\n  endpoint_url = http://x\n"
        "Endpoint_URL=http://localhost:1\n";
    CHECK(wire::parse_profile(text, "default") ==
          wire::ProfileSettings{{"aws_access_key_id", "A"}, {"aws_secret_access_key", "s=e"}});
    CHECK(wire::parse_profile(text, "profile dev") ==
          wire::ProfileSettings{{"region", "eu-west-1"}, {"s3", ""}, {"endpoint_url", "http://localhost:1"}});
    CHECK(wire::parse_profile(text, "dev").empty());
}
