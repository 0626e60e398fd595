#include "audit/uses.hpp"

#include <doctest/doctest.h>

#include <set>

#include "log_fixture.hpp"

using namespace audit_test;

namespace {

audit::Record by_user(const std::string& name, const std::string& id, const std::string& action) {
    audit::Record out = allowed("R");
    out.principal.arn = "arn:aws:iam::111122223333:user/" + name;
    out.principal.unique_id = id;
    out.accesses.front().request.action = action;
    return out;
}

audit::Record by_role(const std::string& session, const std::string& id, const std::string& action) {
    audit::Record out = by_user("", id + ":" + session, action);
    out.principal.kind = policy::PrincipalKind::role_session;
    out.principal.arn = "arn:aws:sts::111122223333:assumed-role/trainer/" + session;
    out.principal.role_arn = "arn:aws:iam::111122223333:role/trainer";
    out.principal.role_id = id;
    return out;
}

std::set<std::string> actions(const audit::Log& log, const std::string& id) {
    std::set<std::string> out;
    const auto uses = audit::uses_of(log, id);
    REQUIRE(uses);
    for (const auto& [action, use] : uses->last) out.insert(use.action);
    return out;
}

using Actions = std::set<std::string>;

}  // namespace

TEST_CASE("uses are a principal's own: neither its predecessor's, nor lost with its name") {
    Fixture f;
    f.options.segment_bytes_max = 20'000;
    for (const bool with_index : {true, false}) {
        auto log = f.open();
        if (with_index) {
            REQUIRE(log->append(by_user("ada", "AIDAFIRST", "s3:GetObject")));
            REQUIRE(log->append(by_user("renamed", "AIDAFIRST", "s3:PutObject")));
            REQUIRE(log->append(by_user("ada", "AIDASECOND", "s3:ListBucket")));
            REQUIRE(log->append(by_role("one", "AROAFIRST", "s3:GetObject")));
            REQUIRE(log->append(by_role("two", "AROAFIRST", "s3:PutObject")));
            REQUIRE(log->append(by_role("one", "AROASECOND", "s3:DeleteObject")));
            // Segments end in between: what is asked of their indexes and what is asked of the current one is the same.
            for (int i = 0; i < 100; ++i) REQUIRE(log->append(by_user("other", "AIDAOTHER", "s3:GetBucketPolicy")));
        }
        CHECK(actions(*log, "AIDAFIRST") == Actions{"s3:GetObject", "s3:PutObject"});
        CHECK(actions(*log, "AIDASECOND") == Actions{"s3:ListBucket"});
        CHECK(actions(*log, "AROAFIRST") == Actions{"s3:GetObject", "s3:PutObject"});
        CHECK(actions(*log, "AROASECOND") == Actions{"s3:DeleteObject"});
        CHECK(actions(*log, "AROA").empty());
        CHECK(actions(*log, "AIDANOBODY").empty());
        log.reset();
        // Made anew where they are missing.
        for (const auto& entry : std::filesystem::directory_iterator(f.options.directory))
            if (entry.path().extension() == ".index") std::filesystem::remove(entry.path());
    }
}

TEST_CASE("more records than are read say since when they were") {
    Fixture f;
    auto log = f.open();
    for (int i = 0; i < 400; ++i) {
        audit::Record record = by_user("ada", "AIDAFIRST", i < 100 ? "s3:GetObject" : "s3:PutObject");
        record.time += std::chrono::seconds(i);
        REQUIRE(log->append(record));
    }
    const auto uses = audit::uses_of(*log, "AIDAFIRST", std::nullopt, {.records_max = 5});
    REQUIRE(uses);
    CHECK(uses->last.contains("s3:putobject"));
    CHECK_FALSE(uses->last.contains("s3:getobject"));
    CHECK(uses->read_since.has_value());
    CHECK(uses->records < 300);
    CHECK(audit::uses_of(*log, "AIDAFIRST")->records == 400);
}
