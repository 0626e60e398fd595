#include "logs/quota.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "logs/store.hpp"
#include "temporary_folder.hpp"

namespace logs {
namespace {

using std::chrono::milliseconds;

constexpr base::Time start{milliseconds(1'700'000'000'000)};
const Writer job{"111122223333", "111122223333/us-east-1/job"}, other{"111122223333", "111122223333/us-east-1/other"},
    nobody{"111122223333", ""}, elsewhere{"444455556666", ""};

struct QuotaFixture {
    TemporaryFolder folder;
    std::unique_ptr<store::KeyValueStore> keys = store::make_memory_store();
    base::ManualClock clock{start};
    crypto::SystemRandom random;
    Limits limits{.job_bytes_max = 4000, .job_bytes_per_second_max = 100, .account_bytes_max = 6000};
    std::unique_ptr<Store> store;
    Owner owner{"111122223333", "us-east-1"};
    std::string group{job_group};

    QuotaFixture() { open(); }
    void open() {
        auto opened = Store::open({keys.get(), &clock, &random, folder.path, limits});
        REQUIRE(opened.has_value());
        store = std::move(*opened);
    }
    void later(int64_t time) { clock.set(clock.now() + milliseconds(time)); }
    [[nodiscard]] std::vector<std::string> lines(const std::string& stream) const {
        std::vector<std::string> out;
        const auto page = store->read(owner, group, stream, 0, true, {}, 10'000);
        REQUIRE(page.has_value());
        for (const auto& event : page->events) out.push_back(event.message);
        return out;
    }
    base::Result<void> put(const std::string& stream, size_t bytes) {
        return store->put(owner, group, stream, {{1, 1, std::string(bytes, 'x'), 0}});
    }
};

}  // namespace

TEST_CASE("a rate gives a burst, then its bytes a second, and takes back what was given too much") {
    Rate rate(100);
    CHECK(rate.may(start));
    rate.take(800);
    CHECK_FALSE(rate.may(start));
    CHECK(rate.may(start + milliseconds(10)));
    rate.take(301);  // more than there is
    CHECK_FALSE(rate.may(start + milliseconds(2010)));
    CHECK_FALSE(rate.may(start + milliseconds(3000)));
    CHECK(rate.may(start + milliseconds(3100)));
    CHECK(rate.may(start + milliseconds(50)));  // a clock that is set back gives nothing …
    rate.take(100);
    CHECK_FALSE(rate.may(start + milliseconds(51)));
    CHECK(rate.may(start + milliseconds(3'000'000)));  // … and a long time a burst
    rate.take(799);
    CHECK(rate.may(start + milliseconds(3'000'000)));
    rate.take(1);
    CHECK_FALSE(rate.may(start + milliseconds(3'000'000)));
}

TEST_CASE("a job, its account and all of them have quotas of their own") {
    Quota quota({.job_bytes_max = 100, .account_bytes_max = 150, .bytes_max = 200});
    using Answer = Quota::Answer;
    CHECK(quota.take(job, 100, start) == Answer::granted);
    CHECK(quota.take(job, 1, start) == Answer::full);
    CHECK(quota.take(other, 51, start) == Answer::full);
    CHECK(quota.take(other, 50, start) == Answer::granted);
    CHECK(quota.take(nobody, 1, start) == Answer::full);
    CHECK(quota.take(elsewhere, 51, start) == Answer::full);
    CHECK(quota.take(elsewhere, 50, start) == Answer::granted);
    quota.give_back(job, 100);
    CHECK(quota.bytes_of("111122223333") == 50);
    CHECK(quota.take(nobody, 100, start) == Answer::granted);
}

TEST_CASE("one job that writes too fast is held back, and no other") {
    Quota quota({.job_bytes_per_second_max = 100});
    using Answer = Quota::Answer;
    CHECK(quota.take(job, 800, start) == Answer::granted);
    CHECK(quota.take(job, 1, start) == Answer::too_fast);
    CHECK(quota.take(other, 800, start) == Answer::granted);
    CHECK(quota.take(nobody, 8000, start) == Answer::granted);
    CHECK(quota.take(job, 1, start + milliseconds(1000)) == Answer::granted);
}

TEST_CASE("streams of jobs are the job's, others nobody's in particular") {
    CHECK(writer_of("1", "r", job_group, "train/algo-1-5").job == "1/r/train");
    CHECK(writer_of("1", "r", job_group, "train/algo-2-5").job == "1/r/train");
    CHECK(writer_of("1", "r", job_group, "bare").job == "1/r/bare");
    CHECK(writer_of("1", "r", "/mine", "train/algo-1-5").job.empty());
}

TEST_CASE("PutLogEvents over the quota is throttled; what is deleted gives room, and what is there counts after a restart") {
    QuotaFixture fixture;
    fixture.limits.job_bytes_per_second_max = 1'000'000;
    fixture.open();
    REQUIRE(fixture.store->create_group(fixture.owner, fixture.group).has_value());
    for (const char* stream : {"job/a", "job/b", "other/a"})
        REQUIRE(fixture.store->create_stream(fixture.owner, fixture.group, stream).has_value());
    REQUIRE(fixture.put("job/a", 2000).has_value());
    REQUIRE(fixture.put("job/b", 1900).has_value());
    for (int round = 0; round < 2; ++round) {
        const auto refused = fixture.put("job/a", 500);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == "Throttling");
        CHECK(refused.error().message.starts_with("Rate exceeded"));
        CHECK(fixture.put("other/a", 500).has_value());
        fixture.open();
    }
    CHECK_FALSE(fixture.put("other/a", 1500).has_value());  // the account's
    REQUIRE(fixture.store->delete_stream(fixture.owner, fixture.group, "job/b").has_value());
    CHECK(fixture.put("job/a", 500).has_value());
    REQUIRE(fixture.store->delete_group(fixture.owner, fixture.group).has_value());
    fixture.open();
    REQUIRE(fixture.store->create_group(fixture.owner, fixture.group).has_value());
    REQUIRE(fixture.store->create_stream(fixture.owner, fixture.group, "job/a").has_value());
    CHECK(fixture.put("job/a", 3900).has_value());
}

TEST_CASE("an account has so many streams") {
    QuotaFixture fixture;
    fixture.limits.account_streams_max = 2;
    fixture.open();
    REQUIRE(fixture.store->create_group(fixture.owner, fixture.group).has_value());
    const auto make = [&](const char* name) { return fixture.store->create_stream(fixture.owner, fixture.group, name); };
    CHECK(make("a").has_value());
    CHECK_FALSE(make("a").has_value());  // there already: counts once
    CHECK(make("b").has_value());
    CHECK(make("c").error().code == "Throttling");
    CHECK(fixture.store->start(fixture.owner, fixture.group, "job/algo-1-1").has_value());  // a job's worker is not refused
    REQUIRE(fixture.store->delete_stream(fixture.owner, fixture.group, "a").has_value());
    REQUIRE(fixture.store->delete_stream(fixture.owner, fixture.group, "b").has_value());
    fixture.open();
    CHECK(make("c").has_value());
    CHECK_FALSE(make("d").has_value());
}

TEST_CASE("what a worker writes too fast is dropped, and one line says how much") {
    QuotaFixture fixture;
    auto writer = fixture.store->start(fixture.owner, fixture.group, "job/algo-1-1");
    REQUIRE(writer.has_value());
    size_t watched = 0;
    writer->watch([&](std::string_view, base::Time) { ++watched; });
    for (int i = 0; i < 100; ++i)
        writer->write("0123456789\n", fixture.clock.now());  // a line is 39 bytes there: 21 make the burst
    CHECK(watched == 100);                                   // metrics see all
    const auto before = fixture.lines("job/algo-1-1");
    CHECK(before.size() == 21);
    fixture.later(500);
    writer->write("soon\n", fixture.clock.now());
    CHECK(fixture.lines("job/algo-1-1").size() == 21);
    fixture.later(2000);
    writer->write("later\n", fixture.clock.now());
    auto lines = fixture.lines("job/algo-1-1");
    REQUIRE(lines.size() == 23);
    CHECK(lines[21].starts_with("[trainwarden] dropped: 80 lines, 874 bytes. A job may log 100 bytes a second"));
    CHECK(lines[22] == "later");
    // At the end, too.
    for (int i = 0; i < 100; ++i) writer->write("0123456789\n", fixture.clock.now());
    writer->close(fixture.clock.now());
    lines = fixture.lines("job/algo-1-1");
    CHECK(lines.back().starts_with("[trainwarden] dropped: "));
    CHECK(std::ranges::count_if(lines, [](const auto& line) { return line.starts_with("[trainwarden]"); }) == 2);
}

TEST_CASE("a full log stays as it is, and says at its end what is missing") {
    QuotaFixture fixture;
    fixture.limits.job_bytes_per_second_max = 1'000'000;
    fixture.open();
    auto first = fixture.store->start(fixture.owner, fixture.group, "job/algo-1-1");
    auto second = fixture.store->start(fixture.owner, fixture.group, "job/algo-2-1");
    for (int i = 0; i < 1000; ++i) first->write("0123456789\n", fixture.clock.now());
    second->write("nothing is left for it\n", fixture.clock.now());
    first->close(fixture.clock.now());
    second->close(fixture.clock.now());
    const auto lines = fixture.lines("job/algo-1-1");
    CHECK(lines.size() == 103);
    CHECK(lines.back().starts_with("[trainwarden] dropped: 898 lines, 9878 bytes. The logs of a job hold 4000 bytes"));
    CHECK(fixture.lines("job/algo-2-1").size() == 1);
}

TEST_CASE("what is written to a stream that was deleted counts for nothing") {
    QuotaFixture fixture;
    fixture.limits.job_bytes_per_second_max = 1'000'000;
    fixture.open();
    auto writer = fixture.store->start(fixture.owner, fixture.group, "job/algo-1-1");
    for (int i = 0; i < 50; ++i) writer->write("0123456789\n", fixture.clock.now());
    REQUIRE(fixture.store->delete_stream(fixture.owner, fixture.group, "job/algo-1-1").has_value());
    for (int i = 0; i < 1000; ++i) writer->write("0123456789\n", fixture.clock.now());
    writer->close(fixture.clock.now());
    REQUIRE(fixture.store->create_stream(fixture.owner, fixture.group, "job/again").has_value());
    CHECK(fixture.put("job/again", 3900).has_value());
}

}  // namespace logs
