#include "training/monitor.hpp"

#include <re2/re2.h>
#include <unistd.h>

#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/error_codes.hpp"
#include "base/mutex.hpp"
#include "base/strings.hpp"

namespace training {
namespace {

constexpr auto flush_interval = std::chrono::seconds(1);
constexpr int flushes_per_sample = 5;
constexpr size_t points_waiting_max = 10'000;  // between two flushes
constexpr size_t line_bytes_max = 64 * 1024;   // of a line, looked at: longer ones are data, not messages

struct ProcessLine {
    int parent = 0;
    double cpu_seconds = 0;
    uint64_t resident_bytes = 0;
};

// /proc/N/stat: the name stands in parentheses and may hold anything.
bool read_process(const std::string& path, ProcessLine& out) {
    static const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    static const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    std::ifstream file(path);
    std::string line;
    if (!std::getline(file, line)) return false;
    auto end = line.rfind(')');
    if (end == std::string::npos) return false;
    auto fields = base::split(std::string_view(line).substr(end + 2), ' ');
    if (fields.size() < 22) return false;
    auto number = [&](size_t field) {
        uint64_t value = 0;
        std::from_chars(fields[field].data(), fields[field].data() + fields[field].size(), value);
        return value;
    };
    out.parent = static_cast<int>(number(1));
    out.cpu_seconds = static_cast<double>(number(11) + number(12) + number(13) + number(14)) / ticks;
    out.resident_bytes = number(21) * page;
    return true;
}

double machine_memory() { return static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE)); }

}  // namespace

struct MetricPatterns::State {
    struct One {
        std::string name;
        std::unique_ptr<re2::RE2> pattern;
    };
    std::vector<One> all;
};

MetricPatterns::MetricPatterns(const std::vector<MetricDefinition>& definitions) : state_(std::make_unique<State>()) {
    for (const auto& definition : definitions)
        state_->all.push_back({definition.name, std::make_unique<re2::RE2>(definition.regex, re2::RE2::Quiet)});
}

MetricPatterns::~MetricPatterns() = default;

base::Result<void> MetricPatterns::check(const MetricDefinition& definition) {
    re2::RE2 pattern(definition.regex, re2::RE2::Quiet);
    if (!pattern.ok()) {
        return base::fail(base::code::ValidationException, "The regular expression of the metric " + definition.name +
                                                               " cannot be used: " + pattern.error() +
                                                               " (RE2's syntax: no look-around, no back-references).");
    }
    if (pattern.NumberOfCapturingGroups() < 1) {
        return base::fail(base::code::ValidationException,
                          "The regular expression of the metric " + definition.name + " has no group for the value: write (…).");
    }
    return {};
}

void MetricPatterns::find(std::string_view line, base::Time time, std::vector<MetricPoint>& out) const {
    re2::StringPiece text(line.data(), std::min(line.size(), line_bytes_max));
    for (const auto& [name, pattern] : state_->all) {
        re2::StringPiece group;
        if (!re2::RE2::PartialMatch(text, *pattern, &group)) continue;
        std::string_view digits = base::trim(std::string_view(group.data(), group.size()));
        if (digits.starts_with('+')) digits.remove_prefix(1);
        double value = 0;
        auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        // `nan` is what a diverging loss prints: no number, and CloudWatch takes none.
        if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() || !std::isfinite(value)) continue;
        out.push_back({name, value, time, "", "None"});
    }
}

std::map<int, Usage> usage_of(const std::vector<int>& processes) {
    std::map<int, ProcessLine> all;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
        std::string name = entry.path().filename().string();
        int process = 0;
        auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), process);
        ProcessLine line;
        if (bad != std::errc() || end != name.data() + name.size() || !read_process(entry.path().string() + "/stat", line))
            continue;
        all[process] = line;
    }
    std::set<int> wanted(processes.begin(), processes.end());
    std::map<int, Usage> out;
    for (const auto& [process, line] : all) {
        int ancestor = process;
        for (int steps = 0; steps < 1000 && !wanted.contains(ancestor) && all.contains(ancestor); ++steps)
            ancestor = all[ancestor].parent;
        if (!wanted.contains(ancestor)) continue;
        out[ancestor].cpu_seconds += line.cpu_seconds;
        out[ancestor].resident_bytes += line.resident_bytes;
    }
    return out;
}

JobMonitor::JobMonitor(const base::Clock& clock, const Plan& plan, BytesRead bytes_read, Publish publish)
    : clock_(clock),
      hosts_(plan.hosts),
      patterns_(plan.metrics),
      bytes_read_(std::move(bytes_read)),
      publish_(std::move(publish)),
      thread_([this] { run(); }) {}

JobMonitor::~JobMonitor() { (void)finish(); }

void JobMonitor::line(std::string_view text, base::Time time) {
    std::vector<MetricPoint> found;
    patterns_.find(text, time, found);
    if (found.empty()) return;
    base::Lock lock(mutex_);
    for (auto& point : found) {
        last_[point.name] = {point.name, point.value, point.time};
        // More than anybody plots: who prints without end must not fill the memory, nor the store.
        if (waiting_.size() < points_waiting_max) waiting_.push_back(std::move(point));
    }
}

void JobMonitor::watch(size_t host, int process) {
    base::Lock lock(mutex_);
    watched_.push_back({host, process, 0, bytes_read_(host), clock_.now()});
}

void JobMonitor::sample(std::vector<MetricPoint>& out) {
    std::vector<int> processes;
    for (const auto& one : watched_) processes.push_back(one.process);
    auto usage = usage_of(processes);
    static const double memory = machine_memory();
    base::Time now = clock_.now();
    for (auto& one : watched_) {
        auto found = usage.find(one.process);
        double seconds = std::chrono::duration<double>(now - one.since).count();
        if (found == usage.end() || seconds <= 0) continue;
        const std::string& host = hosts_[one.host];
        double busy = std::max(0.0, found->second.cpu_seconds - one.cpu_seconds);
        out.push_back({"CPUUtilization", 100 * busy / seconds, now, host, "Percent"});
        out.push_back(
            {"MemoryUtilization", 100 * static_cast<double>(found->second.resident_bytes) / memory, now, host, "Percent"});
        uint64_t bytes = bytes_read_(one.host);
        out.push_back({"InputBytes", static_cast<double>(bytes - one.bytes_read), now, host, "Bytes"});
        one.cpu_seconds = found->second.cpu_seconds;
        one.bytes_read = bytes;
        one.since = now;
    }
}

void JobMonitor::run() {
    base::Lock lock(mutex_);
    for (int round = 1; !wake_.wait_for(mutex_, flush_interval, [this]() REQUIRES(mutex_) { return stop_; }); ++round) {
        auto points = std::exchange(waiting_, {});
        if (round % flushes_per_sample == 1) sample(points);
        if (points.empty()) continue;
        lock.unlock();
        publish_(std::move(points));
        lock.lock();
    }
}

std::vector<FinalMetric> JobMonitor::finish() {
    {
        base::Lock lock(mutex_);
        stop_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
    std::vector<MetricPoint> points;
    std::vector<FinalMetric> out;
    {
        const base::Lock lock(mutex_);
        points.swap(waiting_);
        for (const auto& [name, metric] : last_) out.push_back(metric);
    }
    if (!points.empty()) publish_(std::move(points));
    return out;
}

}  // namespace training
