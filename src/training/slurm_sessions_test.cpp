#include "training/slurm_sessions.hpp"

#include <doctest/doctest.h>

#include "base/decision.hpp"
#include "crypto/random.hpp"
#include "training/limits.hpp"

using namespace training;

namespace {

// What a directory would say, and what it was asked.
struct SlurmSessionsFixture {
    base::ManualClock clock{base::Time(std::chrono::seconds(1'800'000'000))};
    crypto::SystemRandom random;
    identity::Leases leases;
    std::unique_ptr<store::KeyValueStore> keys = store::make_memory_store();
    std::vector<std::pair<std::string, std::string>> assumed;  // job ARN, lease
    bool trusts = true;

    std::unique_ptr<SlurmSessions> open() {
        auto opened = SlurmSessions::open({.keys = keys.get(),
                                           .assume = [this](const JobId& job, const std::string&,
                                                            const SessionTerms& terms) -> base::Result<identity::Credentials> {
                                               if (!trusts) return base::fail("AccessDenied", "the role does not trust it");
                                               assumed.emplace_back(job.arn(), terms.lease);
                                               return identity::Credentials{"ASIA" + std::to_string(assumed.size()), "secret",
                                                                            "token", clock.now()};
                                           },
                                           .leases = &leases,
                                           .clock = &clock,
                                           .random = &random});
        REQUIRE(opened.has_value());
        return std::move(*opened);
    }
    [[nodiscard]] size_t stored() const { return keys->scan({.prefix = "training/slurm/"})->size(); }
};

const SlurmJob job{"111122223333", "eu-west-1", "42", "ada", "arn:aws:iam::111122223333:role/r"};

}  // namespace

TEST_CASE("a Slurm job's session lives by a lease that its epilog closes") {
    SlurmSessionsFixture fixture;
    auto sessions = fixture.open();
    auto opened = sessions->open_session(job);
    REQUIRE(opened.has_value());
    CHECK(fixture.assumed.front().first == "arn:aws:sagemaker:eu-west-1:111122223333:training-job/slurm-42");
    CHECK(fixture.assumed.front().second == opened->id);
    CHECK(fixture.leases.find(opened->id) != nullptr);
    // Young credentials are handed out again, older ones are not.
    CHECK_FALSE(sessions->job_to_renew(job.account, opened->id).value().has_value());
    CHECK(sessions->renew(job.account, opened->id)->access_key_id == "ASIA1");
    fixture.clock.advance(session_renewal);
    CHECK(sessions->job_to_renew(job.account, opened->id).value()->role_arn == job.role_arn);
    CHECK(sessions->job_to_renew("999999999999", opened->id).error().code == "NoSuchSession");
    CHECK(sessions->renew(job.account, opened->id)->access_key_id == "ASIA2");
    // Who has the id but is of another account has nothing.
    CHECK(sessions->renew("999999999999", opened->id).error().code == "NoSuchSession");
    CHECK(sessions->close("999999999999", opened->id).has_value());
    CHECK(fixture.leases.find(opened->id) != nullptr);
    CHECK(sessions->close(job.account, opened->id).has_value());
    CHECK(fixture.leases.find(opened->id) == nullptr);
    CHECK(fixture.stored() == 0);
    CHECK(sessions->renew(job.account, opened->id).error().code == "NoSuchSession");
    CHECK(sessions->close(job.account, opened->id).has_value());
}

TEST_CASE("nothing is opened, renewed or closed of what a request was not decided on") {
    SlurmSessionsFixture fixture;
    auto sessions = fixture.open();
    const auto kept = sessions->open_session(job);
    REQUIRE(kept.has_value());
    fixture.clock.advance(session_renewal);
    const std::string stored = fixture.keys->scan({.prefix = "training/slurm/"})->front().value;
    {
        const base::DecisionScope scope;
        std::string tags = "red";
        const auto look = [&] { base::DecisionScope::note("role", "r", [&] { return tags; }); };
        look();
        tags = "blue";  // by somebody else
        look();
        CHECK(sessions->open_session(job).error().code == base::decision_outdated);
        CHECK(fixture.leases.find(fixture.assumed.back().second) == nullptr);
        CHECK(sessions->renew(job.account, kept->id).error().code == base::decision_outdated);
        CHECK(sessions->close(job.account, kept->id).error().code == base::decision_outdated);
    }
    CHECK(fixture.stored() == 1);
    CHECK(fixture.keys->scan({.prefix = "training/slurm/"})->front().value == stored);
    CHECK(fixture.leases.find(kept->id) != nullptr);
}

TEST_CASE("a role that does not trust the service gives no session and leaves no lease") {
    SlurmSessionsFixture fixture;
    fixture.trusts = false;
    auto sessions = fixture.open();
    CHECK(sessions->open_session(job).error().code == "AccessDenied");
    CHECK(fixture.stored() == 0);
}

TEST_CASE("the next server holds what the one before held, but not what nobody renewed for a day") {
    SlurmSessionsFixture fixture;
    auto first = fixture.open();
    const auto kept = first->open_session(job), forgotten = first->open_session(job);
    REQUIRE((kept.has_value() && forgotten.has_value()));
    fixture.clock.advance(slurm_session_lapse / 2);
    REQUIRE(first->renew(job.account, kept->id).has_value());
    first.reset();
    CHECK(fixture.leases.find(kept->id) == nullptr);
    fixture.clock.advance(slurm_session_lapse / 2);
    auto second = fixture.open();
    CHECK(fixture.leases.find(kept->id) != nullptr);
    CHECK(fixture.leases.find(forgotten->id) == nullptr);
    CHECK(fixture.stored() == 1);
    CHECK(second->renew(job.account, kept->id).has_value());
    CHECK(fixture.assumed.back().second == kept->id);
    fixture.clock.advance(slurm_session_lapse);
    REQUIRE(second->open_session(job).has_value());
    CHECK(fixture.leases.find(kept->id) == nullptr);
    CHECK(fixture.stored() == 1);
}
