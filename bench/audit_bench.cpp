// The record of requests: bytes and time of one, and questions on many.
//
//   audit_bench RECORDS FOLDER
//
// Writes as many GetObject requests of role sessions (decided and answered) into a log in FOLDER, unless it has them from an earlier
// run, then asks: by request id, principal, resource, outcome, time, and for the newest. Prints one JSON object: bytes a request (log
// and index), ns a request (least of rounds of 10,000), ms a question (median
// of 9).
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "audit/log.hpp"
#include "audit/record_text.hpp"
#include "crypto/signing.hpp"

namespace {

using Clock = std::chrono::steady_clock;

constexpr int sessions = 1000;
constexpr int64_t began = 1'790'000'000'000;

std::string id_of(uint64_t number) {
    char id[17];
    std::snprintf(id, sizeof id, "%016llX", static_cast<unsigned long long>(number * 0x9E3779B97F4A7C15u));
    return id;
}

std::string role_of(uint64_t number) { return "arn:aws:iam::111122223333:role/team-" + std::to_string(number % sessions); }
std::string resource_of(uint64_t number) { return "arn:aws:s3:::training-data/shard-" + std::to_string(number / 4) + ".npz"; }

audit::Record record_of(uint64_t number) {
    audit::Record record;
    record.time = base::Time(std::chrono::milliseconds(began + static_cast<int64_t>(number)));
    record.request_id = id_of(number);
    record.service = "s3";
    record.operation = "GetObject";
    record.source_address = "10.0.0." + std::to_string(number % 200);
    record.user_agent =
        "Boto3/1.34.0 md/Botocore#1.34.0 ua/2.0 os/linux#6.1.0 md/arch#x86_64 lang/python#3.11.2 cfg/retry-mode#legacy";
    const std::string session = std::to_string(number % sessions);
    record.access_key_id = "ASIA00000000000" + session;
    record.session_name = "run-" + session;
    record.principal.kind = policy::PrincipalKind::role_session;
    record.principal.account = "111122223333";
    record.principal.arn = "arn:aws:sts::111122223333:assumed-role/team-" + session + "/run-" + session;
    record.principal.role_arn = role_of(number);
    record.principal.unique_id = "AROA0000000000000" + session + ":run-" + session;
    audit::DecidedAccess access;
    access.request.action = "s3:GetObject";
    access.request.resource = resource_of(number);
    access.request.resource_account = "111122223333";
    auto& context = access.request.context;
    for (const auto& [key, value] :
         {std::pair<std::string, std::string>{"aws:PrincipalAccount", "111122223333"},
          {"aws:PrincipalArn", role_of(number)},
          {"aws:PrincipalIsAWSService", "false"},
          {"aws:PrincipalType", "AssumedRole"},
          {"aws:RequestedRegion", "us-east-1"},
          {"aws:ResourceAccount", "111122223333"},
          {"aws:SecureTransport", "false"},
          {"aws:SourceIp", record.source_address},
          {"aws:TokenIssueTime", "2026-09-21T12:53:20Z"},
          {"aws:UserAgent", record.user_agent},
          {"aws:userid", record.principal.unique_id},
          {"s3:authType", "REST-HEADER"},
          {"s3:signatureversion", "AWS4-HMAC-SHA256"},
          {"s3:x-amz-content-sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}})
        context.set(key, value);
    access.decision.outcome = policy::Outcome::allow;
    access.decision.because.push_back(
        {policy::Layer::identity, "inline policy data of role team-" + session, 0, {"Read", policy::Effect::allow, {3, 5}}});
    if (number % 1000 == 999) {
        access.decision.outcome = policy::Outcome::implicit_deny;
        access.decision.because.clear();
        record.error_code = "AccessDenied";
        record.status = 403;
    }
    record.accesses.push_back(std::move(access));
    return record;
}

uint64_t bytes_of(const std::string& folder, std::string_view extension) {
    uint64_t bytes = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        if (entry.path().extension() == extension) bytes += entry.file_size();
    return bytes;
}

// Of several rounds: the others were disturbed.
double least(double so_far, double now) { return so_far == 0 ? now : std::min(so_far, now); }

double median_ms(const std::function<void(int)>& ask) {
    std::vector<double> times;
    for (int i = 0; i < 9; ++i) {
        const auto start = Clock::now();
        ask(i);
        times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    }
    std::ranges::sort(times);
    return times[times.size() / 2];
}

void must(bool condition, const char* what) {
    if (condition) return;
    std::fprintf(stderr, "%s\n", what);
    std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
    must(argc == 3, "audit_bench RECORDS FOLDER");
    const uint64_t records = std::strtoull(argv[1], nullptr, 10);
    base::SystemClock clock;
    audit::LogOptions options;
    options.directory = argv[2];
    options.key = std::make_shared<const crypto::SigningKey>(crypto::SigningKey::make());
    options.clock = &clock;
    options.sync = audit::Sync::interval;
    options.keep_days = 0;
    options.keep_bytes = 0;
    auto opened = audit::Log::open(options);
    must(opened.has_value(), "the log does not open");
    audit::Log& log = **opened;
    double write_ns = 0, text_ns = 0;
    if (!log.find(id_of(records - 1))) {
        std::vector<audit::Record> some;
        for (uint64_t i = 0; i < 10'000; ++i) some.push_back(record_of(i));
        size_t parts = 0;
        auto start = Clock::now();
        for (int round = 0; round < 20; ++round) {
            start = Clock::now();
            for (const auto& record : some) parts += audit::text_of(record).bytes();
            text_ns = least(text_ns, std::chrono::duration<double, std::nano>(Clock::now() - start).count() / 10'000);
        }
        must(parts > 0, "no text");
        for (uint64_t first = 0; first < records; first += 10'000) {
            some.clear();
            const uint64_t end = std::min(first + 10'000, records);
            for (uint64_t i = first; i < end; ++i) some.push_back(record_of(i));
            start = Clock::now();
            for (const auto& record : some) {
                if (!record.error_code.empty()) {
                    must(log.append(record).has_value(), "append");
                    continue;
                }
                auto ticket = log.decided(record);
                must(ticket.has_value(), "decided");
                must(log.answered(std::move(*ticket),
                                  {.time = record.time, .status = 200, .error_code = "", .error_message = "", .made = ""})
                         .has_value(),
                     "answered");
            }
            write_ns = least(write_ns, std::chrono::duration<double, std::nano>(Clock::now() - start).count() /
                                           static_cast<double>(end - first));
        }
    }
    const auto ask = [&](const std::function<void(audit::Query&, int)>& fill, size_t at_least) {
        return median_ms([&](int i) {
            audit::Query query;
            query.most = 50;
            fill(query, i);
            const auto page = log.search(query);
            must(page && page->records.size() >= at_least, "a question is not answered");
        });
    };
    const auto number = [&](int i) { return records / 11 * static_cast<uint64_t>(i + 1); };
    std::printf("{\"records\": %llu, \"log_bytes\": %.0f, \"index_bytes\": %.0f, \"write_ns\": %.0f, \"text_ns\": %.0f",
                static_cast<unsigned long long>(records), double(bytes_of(argv[2], ".jsonl")) / double(records),
                double(bytes_of(argv[2], ".index")) / double(records), write_ns, text_ns);
    std::printf(", \"by_id_ms\": %.2f",
                median_ms([&](int i) { must(log.find(id_of(number(i))).has_value(), "an id is not found"); }));
    std::printf(", \"by_principal_ms\": %.2f", ask([&](auto& query, int i) { query.principal = role_of(number(i)); }, 50));
    std::printf(", \"by_resource_ms\": %.2f", ask([&](auto& query, int i) { query.resource = resource_of(number(i)); }, 4));
    std::printf(", \"refused_of_principal_ms\": %.2f", ask(
                                                           [&](auto& query, int) {
                                                               query.principal = role_of(999);
                                                               query.outcome = "refused";
                                                           },
                                                           50));
    std::printf(", \"by_time_ms\": %.2f",
                ask([&](auto& query,
                        int i) { query.until = base::Time(std::chrono::milliseconds(began + static_cast<int64_t>(number(i)))); },
                    50));
    std::printf(", \"newest_ms\": %.2f", ask([](auto&, int) {}, 50));
    std::printf(", \"by_action_ms\": %.2f}\n", ask([](auto& query, int) { query.action = "s3:GetObject"; }, 50));
    return 0;
}
