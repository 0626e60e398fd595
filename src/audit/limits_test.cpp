// Nobody hides a request by its bytes, fills the log with one request, or loses others by many.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "audit/archive.hpp"
#include "audit/budget.hpp"
#include "audit/cloudtrail.hpp"
#include "audit/polling.hpp"
#include "audit/record_text.hpp"
#include "audit/value.hpp"
#include "crypto/digest.hpp"
#include "log_fixture.hpp"

using namespace audit_test;

namespace {

std::string random_bytes(std::mt19937& random, size_t most) {
    static const std::vector<std::string> pieces = {
        "\\",           "\\x",          "\\xff", "\"",   "\n",       "\r",          std::string(1, '\0'),
        "\xEF\xBF\xBD", "\xE2\x80\xA6", "}",     "\x7f", "\xc3\x28", "\xed\xa0\x80"};
    std::string out;
    const size_t length = random() % (most + 1);
    while (out.size() < length) {
        if (random() % 4 == 0)
            out += pieces[random() % pieces.size()];
        else
            out += static_cast<char>(random() % (random() % 2 == 0 ? 256 : 128));
    }
    return out;
}

size_t size_of(const audit::Record& record) { return audit::text_of(record).bytes(); }

size_t log_bytes(const Fixture& f, std::string_view stream) {
    size_t bytes = 0;
    for (const auto& entry : std::filesystem::directory_iterator(f.options.directory))
        if (entry.path().filename().string().starts_with(stream) && entry.path().extension() == ".jsonl")
            bytes += entry.file_size();
    return bytes;
}

}  // namespace

TEST_CASE("any bytes are escaped to text that stands for them alone") {
    std::mt19937 random(7);
    for (int i = 0; i < 20'000; ++i) {
        const std::string bytes = random_bytes(random, 40), text = audit::escaped(bytes);
        CHECK_MESSAGE(audit::unescaped(text) == bytes, crypto::hex(bytes));
        std::string quoted;
        audit::append_quoted(quoted, bytes);
        const auto json = text::parse_json(quoted);
        REQUIRE_MESSAGE(json.has_value(), crypto::hex(bytes));
        CHECK(json->as_string() == text);
    }
    CHECK(audit::escaped("plain \\ text") == "plain \\ text");
    CHECK(audit::escaped("\xff") == "\\xff");
    CHECK(audit::escaped("\\xff") == "\\\\xff");
}

TEST_CASE("a value stands as it is if every byte does, wherever it is") {
    for (size_t size = 0; size <= 20; ++size) {
        CHECK(audit::stands_as_it_is(std::string(size, '~')));
        for (size_t at = 0; at < size; ++at) {
            for (int byte = 0; byte < 256; ++byte) {
                std::string value(size, ' ');
                value[at] = static_cast<char>(byte);
                const bool plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
                if (audit::stands_as_it_is(value) != plain) FAIL("byte " << byte << " at " << at << " of " << size);
            }
        }
    }
}

TEST_CASE("a value that is cut says so, with its length and digest") {
    const std::string value(5000, 'v');
    CHECK(audit::capped(value, 10) == "vvvvvvvvvv…[cut: 5000 bytes, sha256 " + crypto::hex(crypto::sha256(value)) + "]");
    CHECK(audit::capped(value, 5000) == value);
    CHECK(audit::capped("ab\xE2\x82\xAC", 3).starts_with("ab…"));  // no half character
    // Nobody says so but the record: not in one value, and not in a list of them.
    const std::string forged = "k…[cut: 3 more, 9 bytes, sha256 00]";
    CHECK(audit::capped(forged) == "k\\xe2\\x80\\xa6[cut: 3 more, 9 bytes, sha256 00]");
    CHECK(audit::unescaped(audit::capped(forged)) == forged);
    CHECK(audit::capped("an … stays") == "an … stays");
}

TEST_CASE("limits are of what stands in the record, escapes included") {
    for (const std::string& piece :
         {std::string("\xff"), std::string(1, '\x01'), std::string("\""), std::string("\\x"), std::string("…[cut: ")}) {
        std::string value;
        while (value.size() < 2000) value += piece;
        std::string quoted;
        audit::append_quoted(quoted, value);
        CHECK(quoted.size() <= audit::value_bytes_max + 100);
        const auto json = text::parse_json(quoted);
        REQUIRE(json.has_value());
        CHECK(json->as_string() == audit::capped(value));
        // What is kept is the beginning, in whole escapes.
        const std::string& said = json->as_string();
        const size_t cut = said.find(audit::cut_marker);
        if (cut != std::string::npos) CHECK(value.starts_with(audit::unescaped(said.substr(0, cut))));
    }
    audit::Record record = refused("ID");
    record.user_agent = std::string(2000, '\xff');
    record.accesses.front().request.context.set("aws:UserAgent", record.user_agent);
    record.accesses.front().request.context.set("aws:Referer", record.user_agent);
    record.accesses.front().request.resource = "arn:aws:s3:::b/" + std::string(1000, '\x01');
    CHECK(size_of(record) < 2 * (audit::user_agent_bytes_max + 100) + 2 * (audit::value_bytes_max + 100) + 2000);
}

TEST_CASE("whatever bytes clients send, their records are read as they were, after a restart too") {
    Fixture f;
    f.options.segment_bytes_max = 100'000;
    std::mt19937 random(11);
    std::vector<audit::Record> records;
    for (int i = 0; i < 500; ++i) {
        audit::Record record = i % 2 == 0 ? allowed("ID" + std::to_string(i)) : refused("ID" + std::to_string(i));
        const auto some = [&] { return random_bytes(random, random() % 10 == 0 ? 4000 : 60); };
        record.user_agent = some();
        record.operation = some();
        record.access_key_id = some();
        record.session_name = some();
        record.principal.arn = some();
        record.error_message = record.error_code.empty() ? "" : some();
        record.accesses.front().request.resource = some();
        record.accesses.front().request.context.set("aws:RequestTag/" + some(), some());
        record.accesses.front().request.context.set("aws:UserAgent", record.user_agent);
        records.push_back(record);
    }
    auto log = f.open();
    for (const auto& record : records) {
        if (record.error_code.empty()) {
            auto pending = log->decided(record);
            REQUIRE(pending);
            REQUIRE(log->answered(std::move(*pending),
                                  {.time = record.time, .status = 200, .error_code = "", .error_message = "", .made = ""}));
        } else {
            REQUIRE(log->append(record));
        }
    }
    for (int run = 0; run < 2; ++run) {
        for (const auto& record : records) {
            const auto found = log->find(record.request_id);
            REQUIRE(found);
            REQUIRE(found->size() == 1);
            const text::Json& json = found->front();
            CHECK(json["Principal"]["Arn"].as_string() == audit::capped(record.principal.arn));
            CHECK(json["UserAgent"].as_string() == audit::capped(record.user_agent, audit::user_agent_bytes_max));
            CHECK(json["Accesses"].items().at(0)["Resource"].as_string() == audit::capped(record.accesses[0].request.resource));
            if (record.principal.arn.size() > 3 && record.principal.arn.size() < audit::value_bytes_max) {
                audit::Query query;
                query.principal = audit::capped(record.principal.arn);
                CHECK(log->search(query)->records.size() >= 1);
            }
        }
        log.reset();
        CHECK(f.verified() == "");
        log = f.open();
    }
}

TEST_CASE("a record that cannot be read is shown, whatever is asked for") {
    Fixture f;
    f.open()->append(refused("ID1")).value();
    std::string text = f.read(f.segment(1));
    const size_t at = text.find("\"id\":\"ID1\"");
    text[at] = '\xff';
    f.write(f.segment(1), text);
    auto log = f.open();
    audit::Query query;
    for (const bool filtered : {false, true}) {
        query.principal = filtered ? "arn:aws:iam::111122223333:user/somebody-else" : "";
        const auto page = log->search(query);
        REQUIRE(page);
        const auto unreadable = std::ranges::count_if(page->records, [](const auto& one) { return one.contains("Unreadable"); });
        CHECK(unreadable == 1);
    }
    // One that turns unreadable while the server runs.
    Fixture g;
    auto running = g.open();
    running->append(refused("ID2")).value();
    text = g.read(g.segment(1));
    text[text.find("\"id\":\"ID2\"")] = '{';
    g.write(g.segment(1), text);
    CHECK(running->search({})->records.at(0).contains("Unreadable"));
}

TEST_CASE("records whose definition is damaged are shown as damaged, and the others as they are") {
    // As the current segment, as a full one, and as a full one whose index was saved before.
    for (const bool is_full : {false, true})
        for (const bool has_index : {false, true}) {
            if (!is_full && has_index) continue;
            Fixture f;
            f.options.segment_bytes_max = 20'000;
            const auto append = [](audit::Log& log, const std::string& id, const std::string& arn) {
                audit::Record record = refused(id);
                record.principal.arn = arn;
                REQUIRE(log.append(record));
            };
            {
                auto log = f.open();
                append(*log, "OF-BEA", "arn:aws:iam::111122223333:user/bea");
                append(*log, "OF-EVE", "arn:aws:iam::111122223333:user/eve");
                append(*log, "OF-ADA", "arn:aws:iam::111122223333:user/ada");
                for (int i = 0; is_full && i < 200; ++i)
                    append(*log, "ID" + std::to_string(i), "arn:aws:iam::111122223333:user/ada");
            }
            const std::string index = f.options.directory + "/requests-00000001.index";
            CHECK(std::filesystem::exists(index) == is_full);
            if (is_full && !has_index) std::filesystem::remove(index);
            std::string text = f.read(f.segment(1));
            const size_t name = text.find("user/eve");
            text[text.rfind("\"v\":{", name) + 4] = 'X';  // one byte: the line is not JSON any more
            f.write(f.segment(1), text);
            for (int run = 0; run < 2; ++run) {
                auto log = f.open();
                const auto damaged = log->find("OF-EVE");
                REQUIRE(damaged);
                CHECK(damaged->front().contains("Unreadable"));
                CHECK_FALSE(damaged->front().contains("Principal"));
                CHECK(damaged->front()["Operation"].as_string() == "GetObject");
                CHECK(damaged->front()["Note"].as_string().find("cannot be read (definitions ") != std::string::npos);
                for (const char* name_of : {"ada", "bea"}) {
                    audit::Query query;
                    query.principal = std::string("arn:aws:iam::111122223333:user/") + name_of;
                    query.most = 1000;
                    const auto page = log->search(query);
                    const auto ids = [&](const std::string& id) {
                        return std::ranges::count_if(page->records,
                                                     [&](const auto& one) { return one["RequestId"].as_string() == id; });
                    };
                    CHECK(ids(std::string("OF-") + (name_of == std::string("ada") ? "ADA" : "BEA")) == 1);
                    if (!has_index) CHECK(ids("OF-EVE") == 1);  // it may be this one's
                }
                audit::Query eve;
                eve.principal = "arn:aws:iam::111122223333:user/eve";
                const auto page = log->search(eve);
                CHECK(
                    std::ranges::any_of(page->records, [](const auto& one) { return one["RequestId"].as_string() == "OF-EVE"; }));
                // What is written now takes no damaged definition's place.
                append(*log, "NEW" + std::to_string(run), "arn:aws:iam::111122223333:user/new");
                CHECK_FALSE(log->find("OF-EVE")->front().contains("Principal"));
                CHECK(log->find("OF-ADA")->front()["Principal"]["Arn"].as_string().ends_with("/ada"));
            }
        }
}

TEST_CASE("a refused delete of a thousand keys is one small record; an allowed one names every key") {
    for (const bool is_refused : {true, false}) {
        audit::Record record = is_refused ? refused("ID") : allowed("ID");
        record.operation = "DeleteObjects";
        const audit::DecidedAccess one = record.accesses.front();
        record.accesses.clear();
        for (int i = 0; i < 1000; ++i) {
            record.accesses.push_back(one);
            record.accesses.back().request.action = "s3:DeleteObject";
            record.accesses.back().request.resource = "arn:aws:s3:::bucket/" + std::string(60, 'k') + std::to_string(i);
            record.accesses.back().request.context.set("aws:UserAgent", std::string(2000, 'u'));
            record.accesses.back().request.context.set("aws:Referer", std::string(2000, 'r'));
        }
        const size_t bytes = size_of(record);
        Fixture f;
        auto log = f.open();
        record.authenticated = false;
        REQUIRE(log->append(record));
        const auto found = log->find("ID");
        REQUIRE(found);
        const auto& accesses = (*found)[0]["Accesses"].items();
        if (is_refused) {
            CHECK(bytes < 16'000);
            CHECK(accesses.size() < 200);
            CHECK(accesses.back()["Resource"].as_string().starts_with("…[cut: "));
            CHECK(accesses.back()["Resource"].as_string().find(" more, ") != std::string::npos);
        } else {
            CHECK(bytes < 110'000);
            CHECK(accesses.size() == 1000);
            CHECK(accesses.back()["Resource"].as_string().ends_with("k999"));
            CHECK(accesses.back()["Context"]["aws:useragent"].size() == 1);
        }
    }
}

TEST_CASE("no request makes a record larger than the limits say") {
    audit::Record record = refused("ID");
    const std::string huge(200'000, '\x01');
    record.user_agent = record.error_message = record.session_name = record.operation = huge;
    record.principal.arn = huge;
    record.parameters = "{\"x\":\"" + std::string(200'000, 'p') + "\"}";
    const audit::DecidedAccess one = record.accesses.front();
    for (int i = 0; i < 2000; ++i) {
        record.accesses.push_back(one);
        auto& access = record.accesses.back();
        access.request.resource = huge;
        access.request.action = "s3:" + std::to_string(i) + std::string(3000, 'a');
        for (int k = 0; k < 20; ++k)
            access.request.context.set("aws:RequestTag/" + std::to_string(k) + std::string(500, 'k'),
                                       std::to_string(i) + std::string(500, 'v'));
        access.decision.because.assign(50, one.decision.because.front());
    }
    CHECK(size_of(record) < 6'000'000);
    record.accesses.resize(1);
    CHECK(size_of(record) < 120'000);
    Fixture f;
    auto log = f.open();
    REQUIRE(log->append(record));
    CHECK(log->find("ID")->front()["UserAgent"].as_string().find("…[cut: 200000 bytes, sha256 ") != std::string::npos);
}

TEST_CASE("what strangers read waits for the disk with its own log, not with that of requests") {
    Fixture f;
    f.options.sync = audit::Sync::answers;
    auto log = f.open();
    audit::Record reads = allowed("READS");
    reads.authenticated = false;
    reads.principal = {};
    // More lines than the log of requests has.
    for (int i = 0; i < 50; ++i) {
        auto pending = log->decided(reads);
        REQUIRE(pending);
        REQUIRE(log->answered(std::move(*pending),
                              {.time = f.clock.now(), .status = 200, .error_code = "", .error_message = "", .made = ""}));
    }
    CHECK(log_bytes(f, "unauthenticated") > 50 * 100);
}

TEST_CASE("refusals of strangers have a log of their own, and over their budget they are counted") {
    Fixture f;
    f.options.unauthenticated_bytes_at_once = 20'000;
    f.options.unauthenticated_bytes_per_second = 100;
    f.options.keep_unauthenticated_bytes = 1u << 20;
    auto log = f.open();
    REQUIRE(log->append(refused("OF-SOMEBODY")));
    const size_t before = log_bytes(f, "requests");
    audit::Record stranger = refused("STRANGER");
    stranger.authenticated = false;
    stranger.principal = {};
    for (int i = 0; i < 5000; ++i) {
        stranger.source_address = i % 10 == 0 ? "192.0.2.1" : "192.0.2.2";
        REQUIRE(log->append(stranger));
    }
    CHECK(log_bytes(f, "requests") == before);
    CHECK(log_bytes(f, "unauthenticated") < 30'000);
    log.reset();
    CHECK(f.verified() == "");
    log = f.open();
    CHECK(log->find("OF-SOMEBODY").has_value());
    audit::Query query;
    query.most = 10'000;
    const auto page = log->search(query);
    uint64_t written = 0;
    std::string note;
    for (const auto& record : page->records) {
        written += record["RequestId"].as_string() == "STRANGER" ? 1 : 0;
        if (record.contains("Note")) note = record["Note"].as_string();
    }
    CHECK(note.find(std::to_string(5000 - written) + " more requests without valid credentials came between ") == 0);
    CHECK(note.find("192.0.2.2 ") != std::string::npos);
    CHECK(note.find("AccessDenied " + std::to_string(5000 - written)) != std::string::npos);
    // What is allowed to strangers is written in any case, where it stays.
    audit::Record reads = allowed("PUBLIC");
    reads.authenticated = false;
    auto pending = log->decided(reads);
    REQUIRE(pending);
    CHECK(log_bytes(f, "requests") > before);
}

TEST_CASE("a budget fills again with time, and never overflows") {
    const auto at = [](int64_t ms) { return base::Time(std::chrono::milliseconds(ms)); };
    audit::Budget budget(1000, 5000);
    CHECK(budget.take(5000, at(1'000'000)));
    CHECK_FALSE(budget.take(1, at(1'000'000)));
    CHECK(budget.take(1000, at(1'001'000)));
    CHECK_FALSE(budget.take(1, at(1'001'000)));
    CHECK(budget.take(5000, at(1'000'000'000'000)));
    CHECK_FALSE(budget.take(1, at(0)));  // a clock that goes back gives nothing
}

TEST_CASE("what is polled is counted, and nothing else of it is lost") {
    Fixture f;
    auto log = f.open();
    const auto poll = [&](const std::string& id, int status, const std::string& arn = "arn:aws:iam::111122223333:user/ada") {
        audit::Record record = allowed(id);
        record.time = f.clock.now();
        record.service = "logs";
        record.operation = "GetLogEvents";
        record.principal.arn = arn;
        auto pending = log->decided(record);
        REQUIRE(pending);
        REQUIRE(log->answered(std::move(*pending), {.time = f.clock.now(),
                                                    .status = status,
                                                    .error_code = status == 200 ? "" : "ResourceNotFoundException",
                                                    .error_message = "",
                                                    .made = ""}));
        f.clock.advance(std::chrono::milliseconds(100));
    };
    poll("FIRST", 200);
    const size_t bytes = log_bytes(f, "requests");
    for (int i = 0; i < 100; ++i) poll("AGAIN" + std::to_string(i), 200);
    CHECK(log_bytes(f, "requests") == bytes);
    poll("OF-BEA", 200, "arn:aws:iam::111122223333:user/bea");
    poll("FAILED", 400);
    audit::Record denied = refused("DENIED");
    denied.service = "logs";
    denied.operation = "GetLogEvents";
    REQUIRE(log->append(denied));
    for (const char* id : {"FIRST", "OF-BEA", "FAILED", "DENIED"}) CHECK_MESSAGE(log->find(id).has_value(), id);
    CHECK(log->find("FAILED")->front()["Outcome"].as_string() == "failed");
    log.reset();
    log = f.open();
    const auto records = log->find("FIRST");
    REQUIRE(records->size() == 2);
    CHECK(records->at(1)["Repeated"].as_int() == 100);
    CHECK(records->at(1)["Since"].as_string() < records->at(1)["Time"].as_string());
    CHECK(records->at(1)["Accesses"] == records->at(0)["Accesses"]);
    CHECK_FALSE(log->find("AGAIN5").has_value());
}

TEST_CASE("a summary of what was polled is found by the id of its event, and nobody takes every place") {
    Fixture f;
    audit::Polling polling(std::chrono::minutes(1));
    const auto polled = [&](const std::string& arn, int number) {
        audit::Record record = allowed("ID");
        record.service = "logs";
        record.operation = "GetLogEvents";
        record.time = f.clock.now();
        record.principal.arn = arn;
        record.user_agent = std::to_string(number);
        const auto text = audit::text_of(record);
        polling.recorded(text);
        return polling.is_repeat(audit::sameness_of(text), f.clock.now());
    };
    for (size_t i = 0; i < audit::followed_by_principal_max; ++i) REQUIRE(polled("eve", static_cast<int>(i)));
    CHECK_FALSE(polled("eve", 1'000'000));
    CHECK(polled("ada", 0));
    f.clock.advance(std::chrono::minutes(2));
    CHECK(polling.due(f.clock.now(), false).empty());  // nothing was repeated
    CHECK(polling.is_empty());
    CHECK(polled("eve", 1'000'000));

    auto log = f.open();
    for (int i = 0; i < 3; ++i) {
        audit::Record record = allowed("POLLED" + std::to_string(i));
        record.service = "logs";
        record.operation = "GetLogEvents";
        record.time = f.clock.now();
        auto pending = log->decided(record);
        REQUIRE(log->answered(std::move(*pending),
                              {.time = f.clock.now(), .status = 200, .error_code = "", .error_message = "", .made = ""}));
    }
    audit::Record assumed = allowed("POLLED0");
    assumed.service = "sts";
    assumed.operation = "AssumeRole";
    REQUIRE(log->append(assumed));
    for (int run = 0; run < 2; ++run) {
        log.reset();
        CHECK(f.verified() == "");
        log = f.open();
        std::vector<std::string> ids;
        for (const auto& record : log->find("POLLED0").value()) {
            const std::string id = audit::cloudtrail_event(record)["eventID"].as_string();
            CHECK(std::ranges::find(ids, id) == ids.end());
            ids.push_back(id);
            if (!audit::is_derived(audit::RecordView(record))) continue;
            audit::Query query;
            query.derived_event = id;
            const auto page = log->search(query);
            REQUIRE(page->records.size() == 1);
            CHECK(page->records.front() == record);
        }
        CHECK(ids.size() == 3);
    }
}

TEST_CASE("refusals that share what they say take from the budget what they take in the file, and keys are counted") {
    Fixture f;
    f.options.unauthenticated_bytes_at_once = 100'000;
    f.options.unauthenticated_bytes_per_second = 1;
    auto log = f.open();
    audit::Record stranger = refused("STRANGER");
    stranger.authenticated = false;
    stranger.principal = {};
    stranger.user_agent = std::string(500, 'u');
    stranger.access_key_id = "AKIATRIED";
    for (int i = 0; i < 1000; ++i) REQUIRE(log->append(stranger));
    const size_t written = log_bytes(f, "unauthenticated");
    CHECK(written > 80'000);
    CHECK(written < 110'000);
    log.reset();
    log = f.open();
    CHECK(std::ranges::any_of(log->search({})->records, [](const auto& one) {
        return one["Note"].as_string().find("with the access keys AKIATRIED ") != std::string::npos;
    }));
}

TEST_CASE("records are exported oldest first, of all streams, and what is removed meanwhile is left out") {
    Fixture f;
    f.options.segment_bytes_max = 20'000;
    {
        auto log = f.open();
        for (int i = 0; i < 200; ++i) {
            audit::Record record = refused("ID" + std::to_string(i));
            record.time = f.clock.now();
            record.authenticated = i % 3 != 0;
            if (i % 50 == 49) record.time -= std::chrono::milliseconds(40'000);  // as a summary is, written late
            REQUIRE(log->append(record));
            f.clock.advance(std::chrono::seconds(1));
        }
    }
    const std::vector<std::string_view> streams{audit::requests_stream, audit::unauthenticated_stream};
    std::vector<std::string> times;
    size_t requests = 0;
    REQUIRE(audit::each_record(f.options.directory, streams, [&](const text::Json& record) {
        times.push_back(record["Time"].as_string());
        requests += record["RequestId"].as_string().empty() ? 0 : 1;
        return true;
    }));
    CHECK(requests == 200);
    CHECK(std::ranges::is_sorted(times));
    // A server removes the newest full segment and the first while they are read.
    std::vector<std::string> rest;
    REQUIRE(audit::each_record(f.options.directory, streams, [&](const text::Json& record) {
        if (rest.empty()) std::filesystem::remove(f.segment(2));
        rest.push_back(record["Time"].as_string());
        return true;
    }));
    CHECK(rest.size() < times.size());
    CHECK(rest.back() == times.back());
}

TEST_CASE("what asks for what is not there failed; nobody refused it") {
    Fixture f;
    auto log = f.open();
    audit::Record record = refused("ID");
    record.error_code = "NoSuchBucket";
    record.status = 404;
    record.is_missing = true;
    record.accesses.clear();
    REQUIRE(log->append(record));
    CHECK(log->find("ID")->front()["Outcome"].as_string() == "failed");
    audit::Query query;
    query.outcome = "refused";
    CHECK(log->search(query)->records.empty());
    query.outcome = "failed";
    CHECK(log->search(query)->records.size() == 1);
    log.reset();
    CHECK(f.verified() == "");
}

TEST_CASE("a clock that jumps ahead removes nothing for its age") {
    Fixture f;
    f.options.segment_bytes_max = 20'000;
    f.options.clock_believed_after = std::chrono::hours(1);
    {
        auto log = f.open();
        for (int i = 0; i < 1000; ++i) REQUIRE(log->append(refused("ID" + std::to_string(i))));
    }
    f.clock.advance(std::chrono::hours(24 * 100));
    CHECK(f.open()->find("ID0").has_value());
    f.options.clock_believed_after = std::chrono::milliseconds(0);
    size_t before = 0;
    while (std::filesystem::exists(f.segment(before + 1))) ++before;
    REQUIRE(before > 8);
    // Where it is believed, a quarter goes at once, and the log says so, with what waits.
    auto log = f.open();
    CHECK_FALSE(log->find("ID0").has_value());
    size_t gone = 0;
    while (!std::filesystem::exists(f.segment(gone + 1))) ++gone;
    CHECK(gone >= 1);
    CHECK(gone <= before / 4 + 1);
    audit::Query every;
    every.most = 1000;
    std::vector<std::string> notes;
    for (const auto& record : log->search(every)->records) notes.push_back(record["Note"].as_string());
    CHECK(std::ranges::count_if(notes, [](const auto& note) { return note.ends_with(": older than 90 days"); }) ==
          static_cast<int64_t>(gone));
    CHECK(std::ranges::count_if(notes, [](const auto& note) {
              return note.find("more than a quarter of the log is older than 90 days") != std::string::npos;
          }) == 1);
    log.reset();
    CHECK(f.verified() == "");
}

TEST_CASE("records that are to be kept are not removed for their number: the log warns, and refuses what is new") {
    Fixture f;
    f.clock.set(std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now()));
    f.options.keep_bytes = 200'000;
    f.options.when_full = audit::WhenFull::refuse;
    const auto record = [&](int i) {
        audit::Record one = refused("ID" + std::to_string(i));
        one.time = f.clock.now();
        one.user_agent = std::string(500, 'u') + std::to_string(i);
        return one;
    };
    int written = 0;
    {
        auto log = f.open();
        while (written < 2000 && log->append(record(written))) ++written;
        CHECK(log_bytes(f, "requests") < f.options.keep_bytes + 5000);  // also between two looks of the keeper
    }
    auto log = f.open();
    const auto now = log->decided(record(-1));
    REQUIRE_FALSE(now);
    CHECK(now.error().code == "AuditFull");
    CHECK(log->append(record(-1)).error().code == "AuditFull");
    CHECK(log->find("ID0").has_value());
    const auto notes = log->search({});
    CHECK(std::ranges::any_of(notes->records, [](const auto& one) {
        return one["Note"].as_string().find("bytes; when it is full, requests are answered 503") != std::string::npos;
    }));
    log.reset();
    // With room, it goes on.
    f.options.keep_bytes = 200'000'000;
    log = f.open();
    CHECK(log->append(record(-2)).has_value());
    CHECK(log->find("ID0").has_value());
    log.reset();
    // By choice, the oldest go; the log says which, and that they were to be kept.
    f.options.keep_bytes = 100'000;
    f.options.when_full = audit::WhenFull::remove_oldest;
    log = f.open();
    CHECK_FALSE(log->find("ID0").has_value());
    const auto said = log->search({});
    CHECK(std::ranges::any_of(said->records, [](const auto& one) {
        return one["Note"].as_string().find("earlier than the days that were asked for") != std::string::npos;
    }));
    log.reset();
    CHECK(f.verified() == "");
}

TEST_CASE("the log of an earlier version is taken over, whatever is in it") {
    Fixture f;
    std::filesystem::create_directories(f.options.directory);
    f.write(
        f.options.directory + "/audit-00000001.jsonl",
        R"({"Time":"2023-11-14T22:13:20.123Z","RequestId":"OLD1","Service":"s3","Operation":"GetObject","Principal":{"Type":"User","Arn":"arn:aws:iam::1:user/ada"},"Accesses":[{"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/k","Decision":"allowed","MatchedStatements":[],"Context":{}}]})"
        "\n{\"Time\":\"2023-11-14T22:13:21.123Z\",\"RequestId\":\"OLD2\",\"UserAgent\":\"\xff\",\"Principal\":{\"Type\":"
        "\"Anonymous\"},\"Accesses\":[],\"ErrorCode\":\"AccessDenied\"}\n"
        "{\"Time\":\"torn\n");
    auto log = f.open();
    CHECK(log->find("OLD1")->front()["Accesses"].items().at(0)["Decision"].as_string() == "allowed");
    CHECK(log->find("OLD1")->front()["Outcome"].as_string() == "notRecorded");
    CHECK(log->find("OLD2")->front()["Outcome"].as_string() == "refused");
    audit::Query query;
    query.principal = "arn:aws:iam::1:user/ada";
    CHECK(log->search(query)->records.size() == 1);
    CHECK(std::ranges::any_of(log->search({})->records, [](const auto& one) {
        return one["Note"].as_string().find("a record of the earlier log that cannot be read: 13 bytes, sha256 ") == 0;
    }));
    CHECK_FALSE(std::filesystem::exists(f.options.directory + "/audit-00000001.jsonl"));
    log.reset();
    CHECK(f.verified() == "");
    log = f.open();
    CHECK(log->find("OLD1")->size() == 1);
}
