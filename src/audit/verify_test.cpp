// Whoever can write into the data folder changes the log, in every way that there is: each is found, and the first place named.
#include "audit/verify.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "audit/line.hpp"
#include "audit/segment.hpp"
#include "audit/stream.hpp"
#include "crypto/digest.hpp"
#include "log_fixture.hpp"

using namespace audit_test;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::stringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

std::string text_of(const std::vector<std::string>& lines) {
    std::string text;
    for (const auto& line : lines) text += line + "\n";
    return text;
}

// Three segments, and a server that has ended.
struct Written : Fixture {
    Written() {
        options.segment_bytes_max = 20'000;
        auto log = open();
        for (int i = 0; i < 250; ++i) log->append(refused("ID" + std::to_string(i))).value();
    }
    void change(uint64_t number, const std::function<void(std::vector<std::string>&)>& how) const {
        auto lines = lines_of(read(segment(number)));
        how(lines);
        write(segment(number), text_of(lines));
        std::filesystem::remove(options.directory + "/requests-0000000" + std::to_string(number) + ".index");
    }
    // The members of a line, without number and hash.
    static std::string members(const std::string& line) {
        const size_t begin = line.find(',') + 1;
        return line.substr(begin, line.rfind(",\"h\":\"") - begin);
    }
    // Every line from there on, of every segment, with a chain that holds: what a forger without the key can do.
    void chain_anew() const {
        audit::Chain chain = audit::first_chain();
        uint64_t number = 0;
        for (uint64_t one = 1; std::filesystem::exists(segment(one)); ++one) {
            change(one, [&](auto& lines) {
                for (auto& line : lines) {
                    std::string inside = members(line);
                    if (const size_t at = inside.find("\"previous\":\""); at != std::string::npos)
                        inside.replace(at + 12, 64, crypto::hex(chain));
                    line = audit::make_line(++number, inside, chain);
                }
            });
        }
    }
};

bool is(const std::string& finding, const std::string& what) {
    INFO(finding);
    return finding.find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("a log that nobody touched holds, also while it is written") {
    Written f;
    CHECK(f.verified() == "");
    auto log = f.open();
    log->append(refused("ID-after")).value();
    CHECK(f.verified() == "");
}

TEST_CASE("any byte of any line that is changed names its record") {
    for (const size_t which : {0u, 5u, 20u}) {
        Written f;
        f.change(2, [&](auto& lines) {
            std::string& line = lines[which];
            const size_t at = line.size() / 2;
            line[at] = line[at] == 'x' ? 'y' : 'x';
        });
        const auto original = f.verified();
        CHECK(is(original, "requests-00000002.jsonl: record "));
        CHECK((is(original, " was altered") || is(original, "cannot be read") || is(original, "another segment")));
    }
    // Every byte of one line, one after the other.
    Written f;
    const std::string whole = f.read(f.segment(1));
    const auto lines = lines_of(whole);
    const size_t begin = whole.find(lines[6]);
    for (size_t i = 0; i < lines[6].size(); ++i) {
        std::string changed = whole;
        changed[begin + i] = static_cast<char>(changed[begin + i] ^ 1);
        f.write(f.segment(1), changed);
        CHECK_MESSAGE(f.verified() != "", "byte " << i);
    }
    f.write(f.segment(1), whole);
    CHECK(f.verified() == "");
}

TEST_CASE("records that are missing, or stand elsewhere, are named") {
    {
        Written f;
        f.change(1, [](auto& lines) { lines.erase(lines.begin() + 9); });
        CHECK(is(f.verified(), "requests-00000001.jsonl: record 10 is missing"));
    }
    {
        Written f;
        f.change(1, [](auto& lines) { lines.erase(lines.begin() + 9, lines.begin() + 12); });
        CHECK(is(f.verified(), "record 10 and those after it, up to 12, are missing"));
    }
    {
        Written f;
        f.change(1, [](auto& lines) { std::swap(lines[9], lines[10]); });
        CHECK(is(f.verified(), "requests-00000001.jsonl: record 10 is missing"));
    }
    {
        Written f;
        f.change(1, [](auto& lines) { lines.insert(lines.begin() + 9, lines[3]); });
        CHECK(is(f.verified(), "record 4 is not in its place: it stands after record 9"));
    }
}

TEST_CASE("segments that are missing, swapped or cut are named") {
    {
        Written f;
        std::filesystem::remove(f.segment(2));
        CHECK(is(f.verified(), "segment 2 (requests-00000002.jsonl) is missing"));
    }
    {
        Written f;
        std::filesystem::remove(f.segment(1));
        CHECK(is(f.verified(), "segments up to 1 are missing, and the log does not say that they were removed"));
    }
    {
        Written f;
        std::filesystem::rename(f.segment(1), f.path + "/one");
        std::filesystem::rename(f.segment(2), f.segment(1));
        std::filesystem::rename(f.path + "/one", f.segment(2));
        CHECK(is(f.verified(), "requests-00000001.jsonl is another segment: by its first record it is requests-00000002.jsonl"));
    }
    {
        Written f;
        std::string text = f.read(f.segment(1));
        f.write(f.segment(1), text.substr(0, text.size() - 100));
        CHECK(is(f.verified(), "requests-00000001.jsonl: it ends in the middle of record "));
    }
}

TEST_CASE("what a loss of power took of the end is no alteration, unless a head that is kept elsewhere was signed for it") {
    for (const bool was_kept : {false, true}) {
        Fixture f;
        f.open()->append(refused("KEPT")).value();
        const std::string head = f.read(f.options.head_file);
        {
            auto log = f.open();
            for (int i = 0; i < 40; ++i) log->append(refused("ID" + std::to_string(i))).value();
        }
        if (!was_kept) f.write(f.options.head_file, head);
        // A block that was not written before the power went, between two that were.
        std::string bytes = f.read(f.segment(1));
        const size_t at = bytes.find("ID10");
        REQUIRE(at != std::string::npos);
        REQUIRE(bytes.size() > at + 2000);
        bytes.replace(at, 1000, std::string(1000, '\0'));
        f.write(f.segment(1), bytes);
        if (was_kept) {
            CHECK(is(f.verified(), "the log was cut off"));
            f.open();
            CHECK(is(f.verified(), "it was cut off"));
            continue;
        }
        CHECK(f.verified() == "");
        const auto said = audit::verify({.directory = f.options.directory, .keys = {f.key->public_key()}, .heads = {}}).value();
        REQUIRE(said.streams[0].said.size() == 1);
        CHECK(is(said.streams[0].said[0], "incomplete at the end"));
        {
            auto log = f.open();
            CHECK(log->find("KEPT").has_value());
            CHECK(log->find("ID5").has_value());
            CHECK_FALSE(log->find("ID30").has_value());
            log->append(refused("AFTER")).value();
        }
        CHECK(f.verified() == "");
        CHECK(f.read(f.segment(1)).find("a loss of power took what was not on the disk yet") != std::string::npos);
    }
}

TEST_CASE("a head is kept elsewhere once all that it was signed for is on the disk, and not before") {
    Fixture f;
    std::filesystem::create_directories(f.options.directory);
    audit::Stream stream({.directory = f.options.directory,
                          .name = "requests",
                          .segment_bytes_max = 1 << 20,
                          .key = f.key,
                          .reserve = nullptr,
                          .made_by = ""});
    REQUIRE(stream.open(f.clock.now()).has_value());
    REQUIRE(stream.sign(f.clock.now()).has_value());
    CHECK_FALSE(stream.durable_head().has_value());
    REQUIRE(stream.make_all_durable().has_value());
    REQUIRE(stream.durable_head().has_value());
    CHECK(stream.durable_head()->lines == 1);
    REQUIRE(stream.note("opened", "more", false, f.clock.now()).has_value());
    REQUIRE(stream.sign(f.clock.now()).has_value());
    CHECK(stream.last_head()->lines == 3);
    CHECK(stream.durable_head()->lines == 1);
    REQUIRE(stream.make_all_durable().has_value());
    CHECK(stream.durable_head()->lines == 3);
    // A server that begins has both streams on the disk before it keeps their heads.
    Fixture g;
    auto log = g.open();
    const auto heads = audit::read_heads(g.read(g.options.head_file)).value();
    REQUIRE(heads.size() == 2);
    CHECK(g.verified() == "");
}

TEST_CASE("a log that ends before its last signed head was cut off, before and after the server begins again") {
    Written f;
    f.change(3, [](auto& lines) { lines.resize(4); });
    CHECK(is(f.verified(), "the log was cut off: it ends at record "));
    f.open();
    CHECK(is(f.verified(), "it was cut off"));
    Written g;
    std::filesystem::remove_all(g.options.directory);
    CHECK(is(g.verified(), "the log was cut off: it ends at record 0"));
    g.open();
    CHECK(is(g.verified(), "it was cut off"));
}

TEST_CASE(
    "what was rewritten with every head taken out is found against the kept head, before and after the server begins again") {
    Written f;
    for (uint64_t one = 1; one <= 3; ++one)
        f.change(one, [](auto& lines) {
            for (auto& line : lines)
                if (line.find("\"head\":") != std::string::npos || line.find("ID100") != std::string::npos)
                    line = R"({"n":1,"note":{"time":1,"what":"opened","text":"nothing","shown":false},"h":"")";
        });
    f.chain_anew();
    CHECK(is(f.verified(), "are not those that were signed for the head that was kept elsewhere"));
    f.open();
    f.open();
    CHECK(is(f.verified(), "they were altered"));
    Written g;
    g.write(g.options.head_file, "{");
    g.open();
    CHECK(is(g.verified(), "cannot be read"));
    Written h;
    std::filesystem::remove(h.options.head_file);
    h.open();
    CHECK(is(h.verified(), "are missing"));
}

TEST_CASE("with another key, the log is compared with the heads that the one before it signed") {
    Written f;
    f.change(3, [](auto& lines) { lines.resize(4); });
    f.options.previous_head_file = f.options.head_file;
    f.options.head_file += "-of-another-key";
    f.open();
    CHECK(is(f.verified(), "it was cut off"));
}

TEST_CASE("who rewrites the chain without the key is found at the next signed head") {
    {
        Written f;
        f.change(1, [](auto& lines) {
            auto& line = lines[12];
            line.replace(line.find("AccessDenied"), 12, "AccessBenign");
        });
        f.chain_anew();
        CHECK(is(f.verified(), "are not what the head in record"));
    }
    {
        // Without any head.
        Written f;
        for (uint64_t one = 1; one <= 3; ++one)
            f.change(one, [](auto& lines) {
                std::erase_if(lines, [](const auto& line) { return line.find("\"head\":") != std::string::npos; });
            });
        f.chain_anew();
        CHECK(f.verified() != "");
    }
    {
        // Signed by another key.
        Written f;
        f.key = std::make_shared<const crypto::SigningKey>(crypto::SigningKey::make());
        CHECK(is(f.verified(), "its signature does not hold under a key that is known"));
    }
}

TEST_CASE("heads are signed often, so that none that is missing goes unnoticed") {
    Fixture f;
    {
        auto log = f.open();
        for (int i = 0; i < 9000; ++i) log->append(refused("ID" + std::to_string(i))).value();
    }
    CHECK(f.verified() == "");
    auto lines = lines_of(f.read(f.segment(1)));
    size_t heads = 0;
    for (const auto& line : lines) heads += line.find("\"head\":") != std::string::npos ? 1 : 0;
    CHECK(heads >= 3);
    audit::Chain chain = audit::first_chain();
    uint64_t number = 0;
    std::erase_if(lines, [](const auto& line) { return line.find("\"head\":") != std::string::npos; });
    for (auto& line : lines) line = audit::make_line(++number, Written::members(line), chain);
    f.write(f.segment(1), text_of(lines));
    std::filesystem::remove(f.options.head_file);
    CHECK(is(f.verified(), "no head was signed after record 0"));
}

TEST_CASE("an index that hides records is found") {
    Written f;
    const std::string index = f.options.directory + "/requests-00000001.index";
    std::string content = f.read(index);
    content[content.size() - 8] = static_cast<char>(content[content.size() - 8] ^ 1);
    f.write(index, content);
    CHECK(is(f.verified(), "its index is of something else"));
    // One that an earlier version made is made anew, and hides nothing.
    for (const char version : {'1', '2'}) {
        content[7] = version;
        f.write(index, content);
        CHECK(f.verified() == "");
        f.open().reset();
        CHECK(f.read(index).starts_with("TWAUDIX3"));
    }
    std::filesystem::remove(index);
    CHECK(f.verified() == "");
}

TEST_CASE("what retention removes is said in the log, and the rest holds") {
    Fixture f;
    f.options.segment_bytes_max = 20'000;
    f.options.keep_days = 1;
    {
        auto log = f.open();
        for (int i = 0; i < 200; ++i) log->append(refused("ID" + std::to_string(i))).value();
    }
    f.clock.advance(std::chrono::hours(24 * 365 * 3));
    auto log = f.open();
    CHECK_FALSE(std::filesystem::exists(f.segment(1)));
    log.reset();
    CHECK(f.verified() == "");
}

TEST_CASE("a key signs, and only it") {
    const auto key = crypto::SigningKey::make(), other = crypto::SigningKey::make();
    const std::string signature = key.sign("text");
    CHECK(key.public_key().verifies("text", signature));
    CHECK_FALSE(key.public_key().verifies("tex", signature));
    CHECK_FALSE(other.public_key().verifies("text", signature));
    CHECK_FALSE(key.public_key().verifies("text", signature.substr(1)));
    const auto read = crypto::SigningKey::read(key.pem());
    REQUIRE(read);
    CHECK(read->public_key().pem() == key.public_key().pem());
    CHECK(crypto::PublicKey::read(key.public_key().pem())->id() == key.public_key().id());
    CHECK_FALSE(crypto::SigningKey::read("x").has_value());
    CHECK_FALSE(crypto::PublicKey::read(key.pem()).has_value());
}
