#include "audit/log.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "no_room.hpp"

namespace {

struct Folder {
    std::string path = [] {
        char name[] = "/tmp/audit-test-XXXXXX";
        return std::string(mkdtemp(name));
    }();
    ~Folder() { std::filesystem::remove_all(path); }
};

audit::Record record(const std::string& id) {
    audit::Record out;
    out.time = base::Time(std::chrono::milliseconds(1'700'000'000'123));
    out.request_id = id;
    out.service = "s3";
    out.operation = "GetObject";
    out.user_agent = "quote \" and \n newline";
    out.principal.kind = policy::PrincipalKind::user;
    out.principal.arn = "arn:aws:iam::111122223333:user/ada";
    audit::DecidedAccess access;
    access.request.action = "s3:GetObject";
    access.request.resource = "arn:aws:s3:::b/k";
    access.request.context.set("aws:referer", "http://h/b/k?X-Amz-Signature=5ec3e7");
    access.decision.outcome = policy::Outcome::explicit_deny;
    access.decision.layer = policy::Layer::resource;
    access.decision.because.push_back(
        {policy::Layer::resource, "bucket policy of b", 2, {"NoAda", policy::Effect::deny, {7, 9}}});
    out.accesses.push_back(access);
    out.error_code = "AccessDenied";
    return out;
}

size_t count(const audit::Log& log) {
    size_t lines = 0;
    REQUIRE(log.each([&](std::string_view line) {
        CHECK(text::parse_json(line).has_value());
        ++lines;
        return true;
    }));
    return lines;
}

}  // namespace

TEST_CASE("a record comes back by its id, as the object that explains it") {
    Folder folder;
    auto log = audit::Log::open({folder.path + "/audit"});
    REQUIRE(log);
    REQUIRE((*log)->append(record("ID1")));
    REQUIRE((*log)->append(record("ID2")));
    REQUIRE((*log)->append(record("ID2")));
    auto lines = (*log)->find("ID2");
    REQUIRE(lines);
    REQUIRE(lines->size() == 2);
    auto json = text::parse_json(lines->front());
    REQUIRE(json);
    CHECK((*json)["RequestId"].as_string() == "ID2");
    CHECK((*json)["Time"].as_string() == "2023-11-14T22:13:20.123Z");
    CHECK((*json)["Principal"]["Type"].as_string() == "User");
    const auto& access = (*json)["Accesses"].items().at(0);
    CHECK(access["Decision"].as_string() == "explicitDeny");
    const auto& statement = access["MatchedStatements"].items().at(0);
    CHECK(statement["PolicyName"].as_string() == "bucket policy of b");
    CHECK(statement["Sid"].as_string() == "NoAda");
    CHECK(statement["StatementIndex"].as_int() == 2);
    CHECK(statement["Line"].as_int() == 7);
    CHECK(lines->front().find("5ec3e7") == std::string::npos);
    // What is read back explains as what was decided.
    const auto read = audit::read_access(access, (*json)["Principal"]);
    CHECK(read.request.principal.kind == policy::PrincipalKind::user);
    CHECK(read.decision.outcome == policy::Outcome::explicit_deny);
    CHECK(read.decision.layer == policy::Layer::resource);
    REQUIRE(read.decision.because.size() == 1);
    CHECK(read.decision.because[0].policy_name == "bucket policy of b");
    CHECK(read.decision.because[0].info.sid == "NoAda");
    CHECK(read.decision.because[0].info.effect == policy::Effect::deny);
    CHECK(read.decision.because[0].info.position.line == 7);
    auto missing = (*log)->find("ID3");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == "NoSuchRequest");
}

TEST_CASE("records survive a restart, and a torn line spoils nothing") {
    Folder folder;
    {
        REQUIRE((*audit::Log::open({folder.path}))->append(record("ID1")));
    }
    {
        std::ofstream(folder.path + "/audit-00000001.jsonl", std::ios::app) << R"({"Time":"x","RequestId":"TORN)";
    }
    auto log = audit::Log::open({folder.path});
    REQUIRE(log);
    REQUIRE((*log)->append(record("ID2")));
    CHECK((*log)->find("ID1").has_value());
    CHECK((*log)->find("ID2").has_value());
    CHECK_FALSE((*log)->find("TORN").has_value());
    CHECK(count(**log) == 2);
}

TEST_CASE("a full file is rotated and the oldest deleted") {
    Folder folder;
    auto log = audit::Log::open({folder.path, 2'000, 3});
    REQUIRE(log);
    for (int i = 0; i < 20; ++i) REQUIRE((*log)->append(record("ID" + std::to_string(i))));
    size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path)) {
        if (entry.path().extension() != ".jsonl") continue;  // space that is kept
        ++files;
        CHECK(entry.file_size() <= 2'000);
        CHECK((entry.status().permissions() & std::filesystem::perms::others_all) == std::filesystem::perms::none);
    }
    CHECK(files == 3);
    CHECK((*log)->find("ID19").has_value());
    CHECK_FALSE((*log)->find("ID0").has_value());
    CHECK(count(**log) < 20);
}

TEST_CASE("a log that cannot be written says so") {
    Folder folder;
    {
        std::ofstream(folder.path + "/file") << "x";
    }
    auto log = audit::Log::open({folder.path + "/file/audit"});
    REQUIRE_FALSE(log);
    CHECK(log.error().code == "AuditUnavailable");
}

TEST_CASE("the record is for the server's user alone") {
    Folder folder;
    const std::string inside = folder.path + "/audit";
    REQUIRE(audit::Log::open({inside}).has_value());
    using std::filesystem::perms;
    CHECK(std::filesystem::status(inside).permissions() == perms::owner_all);
    CHECK(std::filesystem::status(inside + "/audit-00000001.jsonl").permissions() == (perms::owner_read | perms::owner_write));
}

TEST_CASE("a record that finds no room in its middle is taken back, and the next one is whole") {
    Folder folder;
    auto log = audit::Log::open({folder.path});
    REQUIRE(log);
    REQUIRE((*log)->append(record("ID1")));
    const std::string file = folder.path + "/audit-00000001.jsonl";
    const auto size = std::filesystem::file_size(file);
    {
        const machine::NoRoomAfter limit(size + 10);
        const auto torn = (*log)->append(record("ID2"));
        REQUIRE_FALSE(torn);
        CHECK(torn.error().code == "AuditUnavailable");
    }
    CHECK(std::filesystem::file_size(file) == size);
    REQUIRE((*log)->append(record("ID3")));
    CHECK((*log)->find("ID3").has_value());
    CHECK_FALSE((*log)->find("ID2").has_value());
    CHECK(count(**log) == 2);
}

TEST_CASE("every field of a record is in its line") {
    audit::Record full = record("ID1");
    full.access_key_id = "AKIAEXAMPLE";
    full.session_name = "session";
    full.source_address = "192.0.2.7";
    full.error_message = "because";
    full.principal.account = "111122223333";
    full.principal.unique_id = "AIDAEXAMPLE";
    full.principal.role_arn = "arn:aws:iam::111122223333:role/r";
    full.principal.service = "sagemaker.amazonaws.com";
    full.accesses.front().request.resource_account = "444455556666";
    full.accesses.front().request.context.set("aws:SourceIp", "192.0.2.7");
    audit::DecidedAccess missing;
    missing.request.action = "s3:PutObject";
    missing.request.resource = "arn:aws:s3:::b/other";
    missing.decision.outcome = policy::Outcome::implicit_deny;
    missing.decision.missing = {policy::Layer::resource, policy::Layer::identity};
    missing.decision.granted.push_back({policy::Layer::boundary, "boundary", 0, {"Grants", policy::Effect::allow, {1, 1}}});
    full.accesses.push_back(missing);
    const text::Json json = audit::to_json(full);
    for (const auto& [field, value] : {std::pair{"AccessKeyId", "AKIAEXAMPLE"},
                                       {"SessionName", "session"},
                                       {"SourceAddress", "192.0.2.7"},
                                       {"Service", "s3"},
                                       {"Operation", "GetObject"},
                                       {"UserAgent", "quote \" and \n newline"},
                                       {"ErrorCode", "AccessDenied"},
                                       {"ErrorMessage", "because"}}) {
        CHECK_MESSAGE(json[field].as_string() == value, field);
    }
    const auto& principal = json["Principal"];
    CHECK(principal["Arn"].as_string() == "arn:aws:iam::111122223333:user/ada");
    CHECK(principal["Account"].as_string() == "111122223333");
    CHECK(principal["Id"].as_string() == "AIDAEXAMPLE");
    CHECK(principal["RoleArn"].as_string() == "arn:aws:iam::111122223333:role/r");
    CHECK(principal["Service"].as_string() == "sagemaker.amazonaws.com");
    const auto &denied = json["Accesses"].items().at(0), &refused = json["Accesses"].items().at(1);
    CHECK(denied["Action"].as_string() == "s3:GetObject");
    CHECK(denied["Resource"].as_string() == "arn:aws:s3:::b/k");
    CHECK(denied["ResourceAccount"].as_string() == "444455556666");
    CHECK(denied["Context"]["aws:sourceip"].items().at(0).as_string() == "192.0.2.7");
    CHECK_FALSE(denied.contains("MissingAllowIn"));
    CHECK(refused["Decision"].as_string() == "implicitDeny");
    CHECK(refused["MissingAllowIn"].size() == 2);
    CHECK(refused["AllowedBy"].items().at(0)["Sid"].as_string() == "Grants");
}
