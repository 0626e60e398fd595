#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "provider/aws_provider.hpp"

using provider::Property;
using Object = Property::Object;

namespace {

// What a server sees: how many calls about one role are under way, and whether a connection is in two hands.
struct Watch {
    std::mutex mutex;
    std::map<std::string, int> under_way;
    int most_for_one_role = 0;
    int most_at_once = 0;
    int now = 0;
    int connections = 0;
    std::atomic<bool> shared_connection = false;
};

class WatchedTransport final : public provider::Transport {
public:
    explicit WatchedTransport(Watch& watch) : watch_(watch) {
        const std::lock_guard lock(watch_.mutex);
        ++watch_.connections;
    }

    base::Result<text::Json> call(const std::string&, const std::string& operation, const text::Json& input) override {
        if (busy_.exchange(true)) watch_.shared_connection = true;
        const std::string role = input["RoleName"].as_string();
        {
            const std::lock_guard lock(watch_.mutex);
            watch_.most_for_one_role = std::max(watch_.most_for_one_role, ++watch_.under_way[role]);
            watch_.most_at_once = std::max(watch_.most_at_once, ++watch_.now);
        }
        for (int i = 0; i < 50; ++i) std::this_thread::yield();
        {
            const std::lock_guard lock(watch_.mutex);
            --watch_.under_way[role];
            --watch_.now;
        }
        busy_ = false;
        if (operation != "ListAttachedRolePolicies") return text::Json::object();
        return text::parse_json(R"({"AttachedPolicies":[{"PolicyArn":"arn:x"}],"IsTruncated":false})");
    }

    base::Result<wire::S3Answer> s3(const wire::S3Call&) override { return base::fail("NotScripted", "s3"); }

private:
    Watch& watch_;
    std::atomic<bool> busy_ = false;
};

}  // namespace

TEST_CASE("calls about one role are made one after the other, about several side by side, each on a connection of its own") {
    Watch watch;
    const auto provider = provider::make_aws_provider(
        {.endpoint = "http://127.0.0.1:1"}, [&](const std::string&) { return std::make_unique<WatchedTransport>(watch); },
        [](std::chrono::milliseconds) {});
    constexpr int threads = 8;
    std::atomic<int> failures = 0;
    std::vector<std::thread> running;
    for (int i = 0; i < threads; ++i)
        running.emplace_back([&, i] {
            for (int turn = 0; turn < 20; ++turn) {
                const Property inputs(Object{{"role", "role-" + std::to_string(i % 4)}, {"policyArn", "arn:x"}});
                if (!provider->create("aws:iam/rolePolicyAttachment:RolePolicyAttachment", inputs, false)) ++failures;
            }
        });
    for (std::thread& thread : running) thread.join();
    CHECK(failures == 0);
    CHECK(watch.most_for_one_role == 1);
    CHECK_FALSE(watch.shared_connection);
    CHECK(watch.connections <= threads);
    CHECK(watch.most_at_once <= 4);  // as many as there are roles
}
