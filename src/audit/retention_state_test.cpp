#include "audit/retention_state.hpp"

#include <doctest/doctest.h>

#include "audit/retention.hpp"
#include "log_fixture.hpp"

using namespace audit_test;
using audit::RetentionState;
using std::chrono::hours;
using std::chrono::milliseconds;

namespace {

RetentionState some_state() {
    return {.boot = "b-1\n",
            .at = milliseconds(5000),
            .believed = base::Time(milliseconds(1'700'000'000'123)),
            .doubted_for = milliseconds(77),
            .requests = audit::AgeRemovals::State{.elapsed = milliseconds(9), .most = 100, .removed = 60, .said = true},
            .unauthenticated = std::nullopt};
}

// A log of full segments whose records are of the clock's first time; how many segments there are.
size_t fill(Fixture& f) {
    f.options.segment_bytes_max = 20'000;
    f.options.clock_believed_after = hours(1);
    auto log = f.open();
    for (int i = 0; i < 1000; ++i) REQUIRE(log->append(refused("ID" + std::to_string(i))));
    size_t segments = 0;
    while (std::filesystem::exists(f.segment(segments + 1))) ++segments;
    REQUIRE(segments > 8);
    return segments;
}

size_t removed(const Fixture& f) {
    size_t gone = 0;
    while (!std::filesystem::exists(f.segment(gone + 1))) ++gone;
    return gone;
}

std::string state_file(const Fixture& f) { return f.options.directory + "/" + std::string(audit::retention_state_file); }

}  // namespace

TEST_CASE("what retention knows is read as it was written, and nothing else is") {
    const auto read = audit::read_retention_state(audit::to_text(some_state()));
    REQUIRE(read);
    CHECK(audit::to_text(*read) == audit::to_text(some_state()));
    CHECK(read->doubted_for == milliseconds(77));
    CHECK(read->requests->removed == 60);
    CHECK_FALSE(read->unauthenticated.has_value());
    for (const std::string text :
         {"", "[]", "{}", R"({"format":2,"boot":"","at":1,"believed":1})", R"({"format":1,"boot":"","at":-1,"believed":1})",
          R"({"format":1,"boot":"","at":1,"believed":9223372036854775807})",
          R"({"format":1,"boot":"","at":9223372036854775807,"believed":1})",
          R"({"format":1,"boot":"","at":1,"believed":1,"doubted":-1})",
          R"({"format":1,"boot":"","at":1,"believed":1,"requests":{"began":9223372036854775807,"most":1,"removed":1}})",
          R"({"format":1,"boot":"","at":1,"believed":1,"requests":{"began":1,"removed":1}})"})
        CHECK_MESSAGE(!audit::read_retention_state(text).has_value(), text);
}

TEST_CASE("time passes between two servers on the boot that both know, and not otherwise") {
    const RetentionState state = some_state();
    CHECK(audit::passed_since(state, "b-1\n", milliseconds(7000)) == milliseconds(2000));
    CHECK(audit::passed_since(state, "b-1\n", milliseconds(3000)) == milliseconds(0));
    CHECK(audit::passed_since(state, "b-2\n", milliseconds(7000)) == milliseconds(0));
    RetentionState unknown = state;
    unknown.boot.clear();
    CHECK(audit::passed_since(unknown, "", milliseconds(7000)) == milliseconds(0));
}

TEST_CASE("a wrong clock and restarts remove nothing for its age") {
    Fixture f;
    fill(f);
    f.clock.advance(hours(24 * 400));
    for (int start = 0; start < 6; ++start) {
        // Its own records, with the wrong time, are no reason to believe it.
        REQUIRE(f.open()->append(refused("WRONG" + std::to_string(start))));
        f.clock.advance(std::chrono::seconds(3));
        CHECK(removed(f) == 0);
    }
    // Nor is what it says from another boot on.
    auto state = audit::read_retention_state(f.read(state_file(f))).value();
    CHECK(state.doubted_for.has_value());
    state.boot = "another";
    f.write(state_file(f), audit::to_text(state));
    f.open().reset();
    CHECK(removed(f) == 0);
    // The servers before have seen it so for an hour.
    state.doubted_for = hours(1);
    f.write(state_file(f), audit::to_text(state));
    f.open().reset();
    CHECK(removed(f) > 0);
    CHECK(f.verified() == "");
}

TEST_CASE("no more than a quarter of a log goes for its age, however often the server begins") {
    Fixture f;
    const size_t before = fill(f);
    f.clock.advance(hours(24 * 400));
    f.options.clock_believed_after = milliseconds(0);
    f.open().reset();
    const size_t first = removed(f);
    CHECK(first >= 1);
    CHECK(first <= before / 4 + 1);
    for (int start = 0; start < 6; ++start) f.open().reset();
    CHECK(removed(f) == first);
    // On another boot, too; and when the period is over, a quarter of the rest.
    auto state = audit::read_retention_state(f.read(state_file(f))).value();
    REQUIRE(state.requests.has_value());
    state.boot = "another";
    f.write(state_file(f), audit::to_text(state));
    f.open().reset();
    CHECK(removed(f) == first);
    state.requests->elapsed = hours(24 * 90) / 8;
    f.write(state_file(f), audit::to_text(state));
    f.open().reset();
    CHECK(removed(f) > first);
    CHECK(removed(f) <= first + (before - first) / 4 + 1);
    CHECK(f.verified() == "");
}

TEST_CASE("where it is not known what was removed, nothing is for a period") {
    Fixture f;
    fill(f);
    f.clock.advance(hours(24 * 400));
    f.options.clock_believed_after = milliseconds(0);
    std::filesystem::remove(state_file(f));
    f.open().reset();
    CHECK(removed(f) == 0);
    f.write(state_file(f), "{\"format\":1,");
    f.open().reset();
    CHECK(removed(f) == 0);
    auto state = audit::read_retention_state(f.read(state_file(f))).value();
    REQUIRE(state.requests.has_value());
    state.requests->elapsed = hours(24 * 90) / 8;
    f.write(state_file(f), audit::to_text(state));
    f.open().reset();
    CHECK(removed(f) > 0);
    CHECK(f.verified() == "");
}

TEST_CASE("nothing is removed for its age where it could not be remembered") {
    Fixture f;
    fill(f);
    f.options.clock_believed_after = milliseconds(0);
    const auto stream = [&](std::string_view name) {
        return audit::StreamOptions{.directory = f.options.directory,
                                    .name = std::string(name),
                                    .segment_bytes_max = f.options.segment_bytes_max,
                                    .key = f.key,
                                    .made_by = ""};
    };
    audit::Stream requests(stream(audit::requests_stream)), unauthenticated(stream(audit::unauthenticated_stream));
    REQUIRE(requests.open(f.clock.now()));
    REQUIRE(unauthenticated.open(f.clock.now()));
    audit::Retention retention(f.options, requests, unauthenticated);
    retention.begin();
    // What a new file cannot take the place of.
    std::filesystem::remove(state_file(f));
    std::filesystem::create_directories(state_file(f) + "/x");
    f.clock.advance(hours(24 * 400));
    CHECK(retention.keep(f.clock.now()));
    CHECK(removed(f) == 0);
    std::filesystem::remove_all(state_file(f));
    CHECK(retention.keep(f.clock.now()));
    CHECK(removed(f) > 0);
}
