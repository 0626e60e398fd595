#include "server/trace_exporter.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <random>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "http/client.hpp"

namespace server {
namespace {

constexpr std::chrono::seconds between_sends{1};  // unless a batch is full before
constexpr int answer_seconds_max = 5;
constexpr std::chrono::milliseconds sends_after_the_end{500};
constexpr std::string_view default_path = "/v1/traces";

}  // namespace

base::Result<std::unique_ptr<TraceExporter>> TraceExporter::open(const Settings& settings) {
    std::string url = settings.collector;
    // It would be in the log, and in the list of processes.
    if (url.find('@') != std::string::npos)
        return base::fail(base::code::InvalidConfiguration, "--trace-collector takes no user and no password");
    const size_t scheme = url.find("://");
    if ((!url.starts_with("http://") && !url.starts_with("https://")) || url.size() <= scheme + 3)
        return base::fail(base::code::InvalidConfiguration,
                          "--trace-collector " + url + ": http://HOST:PORT or https://HOST:PORT is meant");
    const size_t path = url.find('/', scheme + 3);
    if (path == std::string::npos || path + 1 == url.size()) url = url.substr(0, path) + std::string(default_path);
    double sample = 1;
    const std::string& text = settings.sample;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), sample);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size() || !(sample >= 0 && sample <= 1))
        return base::fail(base::code::InvalidConfiguration, "--trace-sample " + text + ": a number from 0 to 1 is meant");
    return std::unique_ptr<TraceExporter>(new TraceExporter(std::move(url), sample, settings.resource));
}

TraceExporter::TraceExporter(std::string url, double sample, traces::Resource resource)
    : url_(std::move(url)), sample_(sample), resource_(std::move(resource)), thread_([this] { run(); }) {}

TraceExporter::~TraceExporter() {
    sends_until_ = (std::chrono::steady_clock::now() + sends_after_the_end).time_since_epoch().count();
    {
        const base::Lock lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

bool TraceExporter::draws() const {
    if (sample_ >= 1) return true;
    static thread_local std::minstd_rand generator{std::random_device{}()};
    return std::uniform_real_distribution<double>(0, 1)(generator) < sample_;
}

void TraceExporter::offer(std::vector<traces::Span> spans) {
    bool is_full_batch = false;
    {
        const base::Lock lock(mutex_);
        if (queue_.size() + spans.size() > queue_max) {
            dropped_ += spans.size();
            return;
        }
        std::ranges::move(spans, std::back_inserter(queue_));
        is_full_batch = queue_.size() >= batch_max;
    }
    if (is_full_batch) changed_.notify_all();
}

TraceExporter::Figures TraceExporter::figures() const {
    const base::Lock lock(mutex_);
    return {.sent = sent_, .dropped = dropped_, .failed = failed_, .queued = queue_.size()};
}

void TraceExporter::run() {
    base::Lock lock(mutex_);
    bool went_well = true;
    while (!stopping_ || (!queue_.empty() && went_well)) {
        if (!stopping_)
            changed_.wait_for(mutex_, between_sends,
                              [this]() REQUIRES(mutex_) { return stopping_ || queue_.size() >= batch_max; });
        if (queue_.empty()) continue;
        std::vector<traces::Span> batch;
        while (!queue_.empty() && batch.size() < batch_max) {
            batch.push_back(std::move(queue_.front()));
            queue_.pop_front();
        }
        lock.unlock();
        went_well = send(batch);
        (went_well ? sent_ : failed_) += batch.size();
        lock.lock();
        // What does not answer is asked again once a second, and not at the rate of requests.
        if (!went_well && !stopping_) changed_.wait_for(mutex_, between_sends, [this]() REQUIRES(mutex_) { return stopping_; });
    }
    failed_ += queue_.size();
}

bool TraceExporter::send(const std::vector<traces::Span>& spans) {
    http::Client client;
    http::ClientRequest request{.method = "POST", .url = url_, .body = traces::encode(resource_, spans)};
    request.headers.add("Content-Type", "application/json");
    request.sink = [](std::string_view) -> base::Result<void> { return {}; };
    request.timeout_seconds = answer_seconds_max;
    request.given_up = [this] { return std::chrono::steady_clock::now().time_since_epoch().count() >= sends_until_; };
    const auto answer = client.send(request);
    const bool good = answer && answer->status >= 200 && answer->status < 300;
    if (!good && !complained_) {
        base::log_warn("the trace collector takes no spans (" +
                       (answer ? "HTTP status " + std::to_string(answer->status) : answer.error().message) +
                       "): they are dropped, and counted, until it does");
    }
    if (good && complained_) base::log_info("the trace collector takes spans again");
    complained_ = !good;
    return good;
}

}  // namespace server
