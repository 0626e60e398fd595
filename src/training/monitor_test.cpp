#include "training/monitor.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace training {

TEST_CASE("metrics are found in lines by their expressions' first group") {
    MetricPatterns patterns({{"train:loss", R"(loss=([0-9\.eE+-]+))"},
                             {"accuracy", "Accuracy: (.*?);"},
                             {"validation", "#quality_metric: host=\\S+, epoch=\\S+, validation cross_entropy <loss>=(\\S+)"}});
    auto found = [&](std::string_view line) {
        std::vector<MetricPoint> points;
        patterns.find(line, base::Time{}, points);
        std::string out;
        for (const auto& point : points) out += point.name + "=" + std::to_string(point.value) + " ";
        return out;
    };
    CHECK(found("epoch 1 loss=0.25 Accuracy: 0.5; more") == "train:loss=0.250000 accuracy=0.500000 ");
    CHECK(found("loss=1e-3") == "train:loss=0.001000 ");
    CHECK(found("loss=+2") == "train:loss=2.000000 ");
    CHECK(found("Accuracy: nan;") == "");
    CHECK(found("Accuracy: high;") == "");
    CHECK(found("#quality_metric: host=algo-1, epoch=3, validation cross_entropy <loss>=0.5") == "validation=0.500000 ");
    CHECK(found("nothing here") == "");

    CHECK(MetricPatterns::check({"m", "a(b)"}).has_value());
    CHECK(MetricPatterns::check({"m", "ab"}).error().message.find("no group") != std::string::npos);
    CHECK(MetricPatterns::check({"m", "(?<=a)(b)"}).error().code == "ValidationException");
    CHECK(MetricPatterns::check({"m", "a(b"}).error().code == "ValidationException");
}

TEST_CASE("what is published is everything, and the last value stays") {
    Plan plan;
    plan.hosts = {"algo-1"};
    plan.metrics = {{"loss", "loss=(\\S+)"}};
    base::SystemClock clock;
    std::vector<MetricPoint> published;
    JobMonitor monitor(
        clock, plan, [](size_t) { return uint64_t{0}; },
        [&](std::vector<MetricPoint> points) { published.insert(published.end(), points.begin(), points.end()); });
    for (int i = 0; i < 100; ++i) monitor.line("loss=" + std::to_string(i), base::Time(std::chrono::milliseconds(i)));
    auto last = monitor.finish();
    CHECK(published.size() == 100);
    REQUIRE(last.size() == 1);
    CHECK(last[0].value == 99);
    CHECK(last[0].time == base::Time(std::chrono::milliseconds(99)));
}

TEST_CASE("a process's use of the machine is its children's too") {
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    pid_t child = ::fork();
    if (child == 0) {
        ::setpgid(0, 0);
        if (::fork() == 0) {
            volatile char* memory = static_cast<char*>(::malloc(64 << 20));
            for (size_t i = 0; i < (64 << 20); i += 4096) memory[i] = 1;
            char done = 'x';
            if (::write(ready[1], &done, 1) != 1) ::_exit(1);
            ::pause();
        }
        ::pause();
    }
    char done = 0;
    REQUIRE(::read(ready[0], &done, 1) == 1);
    auto usage = usage_of({child, 999'999'999});
    CHECK(usage.size() == 1);
    CHECK(usage[child].resident_bytes >= (64 << 20));
    ::kill(-child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(ready[0]);
    ::close(ready[1]);
}

}  // namespace training
