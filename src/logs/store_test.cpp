#include "logs/store.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "temporary_folder.hpp"

namespace logs {
namespace {

struct LogsFixture {
    TemporaryFolder folder;
    std::unique_ptr<store::KeyValueStore> keys = store::make_memory_store();
    base::ManualClock clock{base::Time(std::chrono::milliseconds(1'700'000'000'000))};
    crypto::SystemRandom random;
    std::unique_ptr<Store> store;
    Owner owner{"111122223333", "us-east-1"};

    LogsFixture() {
        auto opened = Store::open({keys.get(), &clock, &random, folder.path});
        REQUIRE(opened.has_value());
        store = std::move(*opened);
    }
    [[nodiscard]] std::vector<std::string> messages(const std::string& group, const std::string& stream) const {
        std::vector<std::string> out;
        auto page = store->read(owner, group, stream, 0, true, {}, 1000);
        REQUIRE(page.has_value());
        for (const auto& event : page->events) out.push_back(event.message);
        return out;
    }
    [[nodiscard]] std::string only_file() const {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path))
            if (entry.is_regular_file()) return entry.path();
        return "";
    }
};

}  // namespace

TEST_CASE("a line holds any message") {
    for (std::string message : {"plain", "", " ", "two\nlines", "back\\slash", "\\n", "end\\", "re\rturn", "\n"}) {
        std::string line = to_line({5, 6, message, 0});
        CHECK(line.find('\n') == line.size() - 1);
        auto event = parse_line(std::string_view(line).substr(0, line.size() - 1), 9);
        REQUIRE(event.has_value());
        CHECK(event->message == message);
        CHECK(event->timestamp == 5);
        CHECK(event->ingestion == 6);
    }
    // As the first release wrote it.
    const auto stored = parse_line(R"(1700000000123 1700000000456 two\nlines \\ and \r)", 0);
    REQUIRE(stored.has_value());
    CHECK(stored->timestamp == 1700000000123);
    CHECK(stored->ingestion == 1700000000456);
    CHECK(stored->message == "two\nlines \\ and \r");
    CHECK_FALSE(parse_line("5 x message", 0).has_value());
    CHECK_FALSE(parse_line("", 0).has_value());
}

TEST_CASE("groups and streams are made once, and gone when they are deleted") {
    LogsFixture fixture;
    auto& store = *fixture.store;
    CHECK(store.create_stream(fixture.owner, "g", "s").error().code == "ResourceNotFoundException");
    CHECK(store.create_group(fixture.owner, "g").has_value());
    CHECK(store.create_group(fixture.owner, "g").error().code == "ResourceAlreadyExistsException");
    CHECK(store.create_group(fixture.owner, "g2").has_value());
    CHECK(store.create_stream(fixture.owner, "g", "s/1").has_value());
    CHECK(store.create_stream(fixture.owner, "g", "s/1").error().code == "ResourceAlreadyExistsException");
    CHECK(store.create_stream(fixture.owner, "g2", "other").has_value());
    CHECK(store.put(fixture.owner, "g", "s/1", {{1, 2, "one", 0}}).has_value());
    CHECK(store.put(fixture.owner, "g", "none", {{1, 2, "one", 0}}).error().message ==
          "The specified log stream does not exist.");
    CHECK(store.put(fixture.owner, "none", "s/1", {{1, 2, "one", 0}}).error().message ==
          "The specified log group does not exist.");
    CHECK(store.groups(fixture.owner, "g")->size() == 2);
    CHECK(store.groups(fixture.owner, "g")->front().stored_bytes > 0);
    CHECK(store.groups({"111122223333", "eu-west-1"}, "")->empty());
    CHECK(store.streams(fixture.owner, "g", "s/")->front().last_event == 1);
    CHECK(store.delete_group(fixture.owner, "g").has_value());
    CHECK(store.stream(fixture.owner, "g", "s/1").error().code == "ResourceNotFoundException");
    CHECK(store.create_group(fixture.owner, "g").has_value());
    CHECK(store.streams(fixture.owner, "g", "")->empty());
    CHECK(store.streams(fixture.owner, "g2", "")->size() == 1);
    CHECK(store.delete_stream(fixture.owner, "g2", "other").has_value());
    CHECK(fixture.only_file().empty());
}

TEST_CASE("what a crash left of a batch is cut off by the next") {
    LogsFixture fixture;
    REQUIRE(fixture.store->create_group(fixture.owner, "g").has_value());
    REQUIRE(fixture.store->create_stream(fixture.owner, "g", "s").has_value());
    REQUIRE(fixture.store->put(fixture.owner, "g", "s", {{1, 1, "whole", 0}}).has_value());
    std::ofstream(fixture.only_file(), std::ios::app) << "2 2 half an eve";
    CHECK(fixture.messages("g", "s") == std::vector<std::string>{"whole"});
    CHECK(fixture.store->stream(fixture.owner, "g", "s")->last_event == 1);
    REQUIRE(fixture.store->put(fixture.owner, "g", "s", {{3, 3, "next", 0}, {4, 4, "two\nlines", 0}}).has_value());
    CHECK(fixture.messages("g", "s") == std::vector<std::string>{"whole", "next", "two\nlines"});
}

TEST_CASE("files of streams that are gone are removed when the store is opened, and no others") {
    LogsFixture fixture;
    REQUIRE(fixture.store->create_group(fixture.owner, "g").has_value());
    REQUIRE(fixture.store->create_stream(fixture.owner, "g", "s").has_value());
    REQUIRE(fixture.store->put(fixture.owner, "g", "s", {{1, 1, "kept", 0}}).has_value());
    const std::filesystem::path kept = fixture.only_file();
    const auto gone = kept.parent_path() / (std::string(32, '0') + ".log"), other = kept.parent_path() / "no-log";
    for (const auto& path : {gone, other}) std::ofstream(path) << "1 1 x\n";
    auto opened = Store::open({fixture.keys.get(), &fixture.clock, &fixture.random, fixture.folder.path});
    REQUIRE(opened.has_value());
    CHECK(std::filesystem::exists(kept));
    CHECK(std::filesystem::exists(other));
    CHECK_FALSE(std::filesystem::exists(gone));
}

TEST_CASE("a worker's output: a line an event, whatever its bytes") {
    LogsFixture fixture;
    auto writer = fixture.store->start(fixture.owner, "jobs", "job/algo-1-1");
    REQUIRE(writer.has_value());
    std::vector<std::string> watched;
    writer->watch([&](std::string_view line, base::Time) { watched.emplace_back(line); });
    writer->write("one\ntwo\r\n10%\r20%\r100%\nthr", fixture.clock.now());
    fixture.clock.advance(std::chrono::seconds(-5));
    writer->write("ee\n\nbad \xff byte\nno end", fixture.clock.now());
    writer->close(fixture.clock.now());
    const std::vector<std::string> lines = {"one", "two", "100%", "three", "", "bad \xEF\xBF\xBD byte", "no end"};
    CHECK(fixture.messages("jobs", "job/algo-1-1") == lines);
    CHECK(watched == lines);
    CHECK(writer->last_line() == "no end");
    auto page = fixture.store->read(fixture.owner, "jobs", "job/algo-1-1", 0, true, {}, 1000);
    for (size_t i = 1; i < page->events.size(); ++i) CHECK(page->events[i].timestamp >= page->events[i - 1].timestamp);
    auto tail = fixture.store->read(fixture.owner, "jobs", "job/algo-1-1", page->end, false, {}, 2);
    REQUIRE(tail->events.size() == 2);
    CHECK(tail->events[1].message == "no end");
    CHECK(fixture.store->read(fixture.owner, "jobs", "job/algo-1-1", tail->begin, false, {}, 1)->events[0].message.empty());
    // Once more: it goes on.
    auto again = fixture.store->start(fixture.owner, "jobs", "job/algo-1-1");
    again->write("more\n", fixture.clock.now());
    CHECK(fixture.messages("jobs", "job/algo-1-1").size() == 8);
}

TEST_CASE("logs are for the server's user alone, each of its account and region, read from a time to a time") {
    LogsFixture fixture;
    auto& store = *fixture.store;
    REQUIRE(store.create_group(fixture.owner, "g").has_value());
    REQUIRE(store.create_stream(fixture.owner, "g", "s").has_value());
    REQUIRE(store.put(fixture.owner, "g", "s", {{10, 10, "ten", 0}, {20, 20, "twenty", 0}, {30, 30, "thirty", 0}}).has_value());
    using std::filesystem::perms;
    CHECK(std::filesystem::status(fixture.only_file()).permissions() == (perms::owner_read | perms::owner_write));
    CHECK(std::filesystem::status(fixture.folder.path).permissions() == perms::owner_all);
    for (const Owner& other : {Owner{"444455556666", "us-east-1"}, Owner{"111122223333", "eu-west-1"}}) {
        CHECK(store.groups(other, "")->empty());
        CHECK_FALSE(store.stream(other, "g", "s").has_value());
        CHECK(store.create_group(other, "g").has_value());  // a name of its own
    }
    const auto read = [&](std::optional<int64_t> start, std::optional<int64_t> end) {
        std::string out;
        for (const bool forward : {true, false}) {
            const auto page = store.read(fixture.owner, "g", "s", forward ? 0 : UINT64_MAX, forward, {start, end}, 100);
            REQUIRE(page.has_value());
            for (const auto& event : page->events) out += event.message + " ";
            out += "| ";
        }
        return out;
    };
    CHECK(read(10, 30) == "ten twenty | ten twenty | ");
    CHECK(read(11, 31) == "twenty thirty | twenty thirty | ");
    CHECK(read(std::nullopt, 10) == "| | ");
}

TEST_CASE("bytes that are no text become the replacement character, one each") {
    for (const auto& [bytes, text] : {std::pair{"a\xff"
                                                "b",
                                                "a\xef\xbf\xbd"
                                                "b"},
                                      {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
                                      {"gr\xc3\xb6", "gr\xc3\xb6"}}) {
        LogsFixture fixture;
        auto writer = fixture.store->start(fixture.owner, "jobs", "s");
        REQUIRE(writer.has_value());
        writer->write(std::string(bytes) + "\n", fixture.clock.now());
        writer->close(fixture.clock.now());
        CHECK(fixture.messages("jobs", "s") == std::vector<std::string>{text});
    }
}

}  // namespace logs
