#include "audit/log.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "audit/segment.hpp"
#include "audit/verify.hpp"
#include "log_fixture.hpp"
#include "no_room.hpp"
#include "text/time.hpp"

using namespace audit_test;

namespace {

std::vector<text::Json> all(const audit::Log& log, audit::Query query = {}) {
    query.most = 100'000;
    auto page = log.search(query);
    REQUIRE(page);
    return std::move(page->records);
}

size_t count(const audit::Log& log) { return all(log).size(); }

}  // namespace

TEST_CASE("a record comes back by its id, as the object that explains it") {
    Fixture f;
    auto log = f.open();
    REQUIRE(log->append(refused("ID1")));
    REQUIRE(log->append(refused("ID2")));
    REQUIRE(log->append(refused("ID2")));
    auto records = log->find("ID2");
    REQUIRE(records);
    REQUIRE(records->size() == 2);
    const text::Json& json = records->front();
    CHECK(json["RequestId"].as_string() == "ID2");
    CHECK(json["Time"].as_string() == "2023-11-14T22:13:20.123Z");
    CHECK(json["Principal"]["Type"].as_string() == "User");
    CHECK(json["Outcome"].as_string() == "refused");
    CHECK(json["Status"].as_int() == 403);
    const auto& access = json["Accesses"].items().at(0);
    CHECK(access["Decision"].as_string() == "explicitDeny");
    const auto& statement = access["MatchedStatements"].items().at(0);
    CHECK(statement["PolicyName"].as_string() == "bucket policy of b");
    CHECK(statement["Sid"].as_string() == "NoAda");
    CHECK(statement["StatementIndex"].as_int() == 2);
    CHECK(statement["Line"].as_int() == 7);
    CHECK(json.dump().find("5ec3e7") == std::string::npos);
    // What is read back explains as what was decided.
    const auto read = audit::read_accesses(json).at(0);
    CHECK(read.request.principal.kind == policy::PrincipalKind::user);
    CHECK(read.decision.outcome == policy::Outcome::explicit_deny);
    CHECK(read.decision.layer == policy::Layer::resource);
    REQUIRE(read.decision.because.size() == 1);
    CHECK(read.decision.because[0].policy_name == "bucket policy of b");
    CHECK(read.decision.because[0].info.sid == "NoAda");
    CHECK(read.decision.because[0].info.effect == policy::Effect::deny);
    CHECK(read.decision.because[0].info.position.line == 7);
    auto missing = log->find("ID3");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == "NoSuchRequest");
}

TEST_CASE("the rule of a service that refused a request is read back") {
    audit::DecidedAccess refused{.request = {.action = "sts:GetSessionToken", .resource = "*"}, .decision = {}};
    refused.decision.layer = policy::Layer::service_rule;
    refused.decision.missing = {policy::Layer::service_rule};
    refused.decision.rule = policy::ServiceRule::sessions_get_no_session_token;
    const text::Json json = audit::to_json(refused);
    CHECK(json["Rule"].as_string() == "sessions_get_no_session_token");
    const auto record = text::Json::object({{"Accesses", text::Json::array({json})}});
    CHECK(audit::read_accesses(record).at(0).decision.rule == refused.decision.rule);
    refused.decision.rule = policy::ServiceRule::none;
    CHECK_FALSE(audit::to_json(refused).contains("Rule"));
}

TEST_CASE("what was decided and what was answered are two facts") {
    Fixture f;
    auto log = f.open();
    auto pending = log->decided(allowed("ID1"));
    REQUIRE(pending);
    CHECK(log->find("ID1")->front()["Outcome"].as_string() == "inProgress");
    REQUIRE(log->answered(
        std::move(*pending),
        {.time = f.clock.now(), .status = 409, .error_code = "BucketNotEmpty", .error_message = "not empty", .made = ""}));
    auto done = log->decided(allowed("ID2"));
    REQUIRE(log->answered(
        std::move(*done),
        {.time = f.clock.now(), .status = 200, .error_code = "", .error_message = "", .made = R"({"ETag":"\"e\""})"}));
    const auto failed = log->find("ID1")->front(), succeeded = log->find("ID2")->front();
    CHECK(failed["Outcome"].as_string() == "failed");
    CHECK(failed["ErrorCode"].as_string() == "BucketNotEmpty");
    CHECK(failed["Status"].as_int() == 409);
    CHECK(succeeded["Outcome"].as_string() == "succeeded");
    CHECK_FALSE(succeeded.contains("ErrorCode"));
    CHECK(succeeded["Made"].as_string() == R"({"ETag":"\"e\""})");
    auto outcome = [&](const char* name) {
        audit::Query query;
        query.outcome = name;
        return all(*log, query).size();
    };
    CHECK(outcome("failed") == 1);
    CHECK(outcome("succeeded") == 1);
    CHECK(outcome("refused") == 0);
}

TEST_CASE("a request that the server did not live to answer says so") {
    Fixture f;
    {
        auto log = f.open();
        REQUIRE(log->decided(allowed("ID1")));
    }
    auto log = f.open();
    CHECK(log->find("ID1")->front()["Outcome"].as_string() == "notAnswered");
    const auto going_on = log->decided(allowed("ID2"));
    REQUIRE(going_on);
    for (const auto& [outcome, id] : {std::pair{"notAnswered", "ID1"}, std::pair{"inProgress", "ID2"}}) {
        audit::Query query;
        query.outcome = outcome;
        const auto found = all(*log, query);
        REQUIRE(found.size() == 1);
        CHECK(found.front()["RequestId"].as_string() == id);
    }
}

TEST_CASE("an answer that comes after its segment was full stands with its request, once") {
    Fixture f;
    f.options.segment_bytes_max = 20'000;
    auto log = f.open();
    auto slow = log->decided(allowed("SLOW"));
    auto slower = log->decided(allowed("SLOWER"));
    for (int i = 0; i < 200; ++i) REQUIRE(log->append(refused("ID" + std::to_string(i))));
    REQUIRE(log->answered(std::move(*slow),
                          {.time = f.clock.now(), .status = 404, .error_code = "NoSuchKey", .error_message = "", .made = ""}));
    CHECK(log->find("SLOW")->size() == 1);
    CHECK(log->find("SLOW")->front()["Outcome"].as_string() == "failed");
    CHECK(count(*log) == 202);
    CHECK(log->find("SLOWER")->front()["Outcome"].as_string() == "inProgress");
    log.reset();
    CHECK(f.verified() == "");
    log = f.open();
    CHECK(count(*log) == 202);
    CHECK(log->find("SLOWER")->front()["Outcome"].as_string() == "notAnswered");
}

TEST_CASE("records survive a restart, and what a crash cut off is told") {
    Fixture f;
    f.open()->append(refused("ID1")).value();
    std::ofstream(f.segment(1), std::ios::app) << R"({"n":7,"t":1,"id":"TORN)";
    auto log = f.open();
    REQUIRE(log->append(refused("ID2")));
    CHECK(log->find("ID1").has_value());
    CHECK(log->find("ID2").has_value());
    CHECK_FALSE(log->find("TORN").has_value());
    const auto records = all(*log);
    REQUIRE(records.size() == 3);
    CHECK(records[1]["Note"].as_string().find("a crash cut off a record that was being written: 23 bytes, sha256 ") == 0);
    log.reset();
    CHECK(f.verified() == "");
}

TEST_CASE("full segments are followed by others; all are found, also without the saved indexes") {
    Fixture f;
    f.options.segment_bytes_max = 20'000;
    {
        auto log = f.open();
        for (int i = 0; i < 300; ++i) REQUIRE(log->append(refused("ID" + std::to_string(i))));
        CHECK(count(*log) == 300);
    }
    size_t segments = 0, indexes = 0;
    for (const auto& entry : std::filesystem::directory_iterator(f.options.directory)) {
        if (entry.path().filename().string().starts_with("requests-") && entry.path().extension() == ".jsonl") ++segments;
        if (entry.path().extension() == ".index") ++indexes;
        CHECK((entry.status().permissions() & std::filesystem::perms::others_all) == std::filesystem::perms::none);
    }
    CHECK(segments >= 3);
    CHECK(indexes == segments - 1);
    for (const bool with_indexes : {true, false}) {
        if (!with_indexes)
            for (const auto& entry : std::filesystem::directory_iterator(f.options.directory))
                if (entry.path().extension() == ".index") std::filesystem::remove(entry.path());
        auto log = f.open();
        CHECK(count(*log) == 300);
        for (const char* id : {"ID0", "ID150", "ID299"}) CHECK(log->find(id)->size() == 1);
        audit::Query query;
        query.resource = "arn:aws:s3:::b/k";
        query.principal = "arn:aws:iam::111122223333:user/ada";
        query.action = "S3:getobject";
        query.most = 7;
        std::vector<std::string> ids;
        do {
            auto page = log->search(query);
            REQUIRE(page);
            CHECK(page->records.size() <= 7);
            for (const auto& record : page->records) ids.push_back(record["RequestId"].as_string());
            query.older_than = page->older;
        } while (!query.older_than.empty());
        REQUIRE(ids.size() == 300);
        CHECK(ids.front() == "ID299");
        CHECK(ids.back() == "ID0");
        query.principal = "arn:aws:iam::111122223333:user/bea";
        query.older_than.clear();
        CHECK(log->search(query)->records.empty());
    }
    CHECK(f.verified() == "");
}

TEST_CASE("pages are newest first by the records' own time, whenever they were written") {
    Fixture f;
    f.options.segment_bytes_max = 20'000;
    auto log = f.open();
    // Every tenth record is written a minute late, as the summaries of polled requests are; segments end in between.
    std::vector<std::pair<int64_t, std::string>> expected;
    for (int i = 0; i < 300; ++i) {
        audit::Record record = refused("ID" + std::to_string(i));
        record.time += std::chrono::seconds(i) - (i % 10 == 0 ? std::chrono::seconds(60) : std::chrono::seconds(0));
        if (i % 3 == 0) record.authenticated = false;  // in the other stream
        expected.emplace_back(record.time.time_since_epoch().count(), record.request_id);
        REQUIRE(log->append(record));
    }
    std::ranges::sort(expected, std::greater());
    std::vector<std::string> times;
    for (const auto& [time, id] : expected) times.push_back(text::iso8601_millis(base::Time(std::chrono::milliseconds(time))));
    for (const bool by_terms : {false, true}) {
        audit::Query query;
        if (by_terms) query.resource = "arn:aws:s3:::b/k";
        for (const size_t most : {size_t{1}, size_t{7}, size_t{300}}) {
            query.most = most;
            query.older_than.clear();
            std::vector<std::string> got;
            std::set<std::string> ids;
            do {
                const auto page = log->search(query);
                REQUIRE(page);
                for (const auto& record : page->records) {
                    got.push_back(record["Time"].as_string());
                    ids.insert(record["RequestId"].as_string());
                }
                query.older_than = page->older;
            } while (!query.older_than.empty());
            CHECK(ids.size() == 300);
            CHECK(got == times);
        }
    }
}

TEST_CASE("a log that cannot be written says so") {
    Fixture f;
    std::ofstream(f.path + "/file") << "x";
    f.options.directory = f.path + "/file/audit";
    auto log = audit::Log::open(f.options);
    REQUIRE_FALSE(log);
    CHECK(log.error().code == "AuditUnavailable");
}

TEST_CASE("the record is for the server's user alone") {
    Fixture f;
    f.open();
    using std::filesystem::perms;
    CHECK(std::filesystem::status(f.options.directory).permissions() == perms::owner_all);
    CHECK(std::filesystem::status(f.segment(1)).permissions() == (perms::owner_read | perms::owner_write));
}

TEST_CASE("a record that finds no room in its middle is taken back, and the next one is whole") {
    Fixture f;
    auto log = f.open();
    REQUIRE(log->append(refused("ID1")));
    const auto size = std::filesystem::file_size(f.segment(1));
    {
        const machine::NoRoomAfter limit(size + 10);
        const auto torn = log->append(refused("ID2"));
        REQUIRE_FALSE(torn);
        CHECK(torn.error().code == "AuditUnavailable");
    }
    CHECK(std::filesystem::file_size(f.segment(1)) == size);
    REQUIRE(log->append(refused("ID3")));
    CHECK(log->find("ID3").has_value());
    CHECK_FALSE(log->find("ID2").has_value());
    CHECK(count(*log) == 2);
    log.reset();
    CHECK(f.verified() == "");
}

TEST_CASE("every field of a record is in it") {
    Fixture f;
    audit::Record full = refused("ID1");
    full.access_key_id = "AKIAEXAMPLE";
    full.session_name = "session";
    full.source_address = "192.0.2.7";
    full.error_message = "because";
    full.parameters = R"({"Bucket":"b"})";
    full.principal.account = "111122223333";
    full.principal.unique_id = "AIDAEXAMPLE";
    full.principal.role_arn = "arn:aws:iam::111122223333:role/r";
    full.principal.service = "sagemaker.amazonaws.com";
    full.accesses.front().request.resource_account = "444455556666";
    full.accesses.front().request.context.set("aws:SourceIp", "192.0.2.7");
    full.accesses.front().request.context.set("aws:CurrentTime", "2023-11-14T22:13:20Z");
    full.accesses.front().request.context.set("aws:EpochTime", "1700000000");
    full.accesses.front().request.context.set("s3:prefix", "p");
    audit::DecidedAccess missing;
    missing.request.action = "s3:PutObject";
    missing.request.resource = "arn:aws:s3:::b/other";
    missing.request.context.set("aws:SourceIp", "192.0.2.7");
    missing.decision.outcome = policy::Outcome::implicit_deny;
    missing.decision.missing = {policy::Layer::resource, policy::Layer::identity};
    missing.decision.granted.push_back({policy::Layer::boundary, "boundary", 0, {"Grants", policy::Effect::allow, {1, 1}}});
    full.accesses.push_back(missing);
    auto log = f.open();
    REQUIRE(log->append(full));
    const text::Json json = log->find("ID1")->front();
    for (const auto& [field, value] : {std::pair{"AccessKeyId", "AKIAEXAMPLE"},
                                       {"SessionName", "session"},
                                       {"SourceAddress", "192.0.2.7"},
                                       {"Service", "s3"},
                                       {"Operation", "GetObject"},
                                       {"UserAgent", "quote \" and \n newline"},
                                       {"Parameters", R"({"Bucket":"b"})"},
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
    const auto &denied = json["Accesses"].items().at(0), &refused_one = json["Accesses"].items().at(1);
    CHECK(denied["Action"].as_string() == "s3:GetObject");
    CHECK(denied["Resource"].as_string() == "arn:aws:s3:::b/k");
    CHECK(denied["ResourceAccount"].as_string() == "444455556666");
    // Each access with the whole context that it was decided on, though what they share is written once.
    const text::Json same = text::Json::array({"192.0.2.7"});
    CHECK(denied["Context"] == text::Json::object({{"aws:currenttime", text::Json::array({"2023-11-14T22:13:20Z"})},
                                                   {"aws:epochtime", text::Json::array({"1700000000"})},
                                                   {"aws:referer", text::Json::array({"http://h/b/k?…"})},
                                                   {"aws:sourceip", same},
                                                   {"s3:prefix", text::Json::array({"p"})}}));
    CHECK(refused_one["Context"] == text::Json::object({{"aws:sourceip", same}}));
    CHECK_FALSE(denied.contains("MissingAllowIn"));
    CHECK(refused_one["Decision"].as_string() == "implicitDeny");
    CHECK(refused_one["MissingAllowIn"].size() == 2);
    CHECK(refused_one["AllowedBy"].items().at(0)["Sid"].as_string() == "Grants");
}

TEST_CASE("who waits is told of what was answered, in order, and of nothing twice") {
    Fixture f;
    auto log = f.open();
    REQUIRE(log->append(refused("ID1")));
    audit::Query query;
    query.written_since = log->search({})->newer;
    CHECK(log->search(query)->records.empty());
    auto first = log->decided(allowed("ID2")), second = log->decided(allowed("ID3"));
    CHECK(log->search(query)->records.empty());
    std::jthread answers([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        (void)log->answered(std::move(*second),
                            {.time = f.clock.now(), .status = 200, .error_code = "", .error_message = "", .made = ""});
        (void)log->answered(std::move(*first),
                            {.time = f.clock.now(), .status = 200, .error_code = "", .error_message = "", .made = ""});
    });
    std::vector<std::string> ids;
    while (ids.size() < 2) {
        auto page = log->search(query);
        REQUIRE(page);
        for (const auto& record : page->records) ids.push_back(record["RequestId"].as_string());
        query.written_since = page->newer;
        if (ids.size() < 2) REQUIRE(log->wait(page->newer, std::chrono::seconds(5)));
    }
    CHECK(ids == std::vector<std::string>{"ID3", "ID2"});
    CHECK(log->search(query)->records.empty());
    for (const char* token : {"x", "n", "n1", "n1.2.3", "o1.1"}) {
        query.written_since = token;
        CHECK(log->search(query).error().code == "InvalidToken");
    }
}

TEST_CASE("a folder that cannot be read is not an empty log") {
    Fixture f;
    (void)f.open();
    std::filesystem::create_directory_symlink(f.options.directory + "/loop", f.options.directory + "/loop");
    CHECK(audit::segment_numbers(f.options.directory + "/loop", audit::requests_stream).error().code == "AuditUnavailable");
    CHECK(audit::segment_numbers(f.options.directory + "/nothing", audit::requests_stream)->empty());
    CHECK(audit::segment_numbers(f.options.directory, audit::requests_stream)->size() == 1);
}
