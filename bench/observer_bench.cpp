// What it costs to count a request: what the gate tells an observer of each, on one thread and on several that count the same operation.
#include <benchmark/benchmark.h>

#include "crypto/random.hpp"
#include "server/request_observer.hpp"

namespace {

struct Counting {
    crypto::SystemRandom random;
    gate::Registry registry;
    server::RequestObserver observer{random};
    http::Request request;
    Counting() {
        for (const char* name : {"GetObject", "PutObject"})
            registry.add({.service = "s3", .name = name, .begin = [] { return nullptr; }});
        observer.know(registry);
    }
};

Counting& counting() {
    static Counting one;
    return one;
}

void count(benchmark::State& state, int status, const char* code, gate::Barrier barrier) {
    Counting& all = counting();
    const gate::Operation* const known = all.registry.find("s3", "GetObject");
    const auto began = std::chrono::steady_clock::now();
    const auto ended = began + std::chrono::microseconds(300);
    for (auto _ : state) {
        benchmark::DoNotOptimize(all.observer.wants_laps(all.request.head));
        all.observer.decided(policy::Outcome::allow, policy::Layer::identity);
        all.observer.answered({.request = all.request,
                               .service = "s3",
                               .operation = "GetObject",
                               .known = known,
                               .request_id = "7Q2M5V0K3N8R4T1W",
                               .error_code = code,
                               .barrier = barrier,
                               .status = status,
                               .began = began,
                               .ended = ended});
    }
}

void count_allowed(benchmark::State& state) { count(state, 200, "", gate::Barrier::none); }
void count_refused(benchmark::State& state) { count(state, 403, "AccessDenied", gate::Barrier::decision); }
// The only look at the clock that the gate did not take before.
void look_at_clock(benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(std::chrono::steady_clock::now());
}

}  // namespace

BENCHMARK(count_allowed)->ThreadRange(1, 8)->UseRealTime();
BENCHMARK(count_refused)->ThreadRange(1, 8)->UseRealTime();
BENCHMARK(look_at_clock);
BENCHMARK_MAIN();
