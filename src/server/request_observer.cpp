#include "server/request_observer.hpp"

#include <algorithm>
#include <chrono>
#include <functional>

#include "base/invariant.hpp"
#include "server/trace_exporter.hpp"
#include "traces/context.hpp"

namespace server {
namespace {

constexpr size_t code_bytes_max = 64;
constexpr size_t authentication = 10, record = 11;  // in layer_names
static_assert(layer_names[static_cast<size_t>(policy::Layer::service_rule)] == "service_rule");
static_assert(layer_names[authentication] == "authentication" && layer_names[record] == "record");

bool is_code(std::string_view text) {
    const auto is_good = [](unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '_'; };
    return !text.empty() && text.size() <= code_bytes_max && std::ranges::all_of(text, is_good);
}

std::string_view name_of(gate::Phase phase) {
    switch (phase) {
        case gate::Phase::authenticate:
            return "authenticate";
        case gate::Phase::decide:
            return "decide";
        case gate::Phase::record:
            return "record";
        case gate::Phase::handle:
            return "handle";
    }
    return "";
}

}  // namespace

Outcome outcome_of(const gate::AnsweredRequest& request) {
    if (request.status >= 500) return Outcome::server_error;
    if (request.status < 400) return Outcome::ok;
    const bool is_refused = request.barrier == gate::Barrier::authentication || request.barrier == gate::Barrier::decision ||
                            request.status == 401 || request.status == 403;
    return is_refused ? Outcome::refused : Outcome::client_error;
}

CodeCounters::~CodeCounters() {
    for (auto& slot : slots_) delete slot.load();
}

void CodeCounters::add(std::string_view code) {
    if (!is_code(code)) {
        ++others_;
        return;
    }
    for (size_t at = std::hash<std::string_view>{}(code), tried = 0; tried < slots_.size(); ++at, ++tried) {
        auto& slot = slots_[at % slots_.size()];
        Entry* entry = slot.load(std::memory_order_acquire);
        if (entry == nullptr) {
            if (used_.fetch_add(1) >= codes_max) {
                --used_;
                break;
            }
            auto made = std::make_unique<Entry>();
            made->code = code;
            if (slot.compare_exchange_strong(entry, made.get(), std::memory_order_acq_rel))
                entry = made.release();
            else
                --used_;  // another thread was first, perhaps with another code
        }
        if (entry->code != code) continue;
        entry->count.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    ++others_;
}

struct RequestObserver::Counts {
    struct alignas(metrics::cache_line) Stripe {
        std::array<std::atomic<uint64_t>, outcome_names.size()> outcomes{};
    };
    std::array<Stripe, metrics::stripes> stripes;
    metrics::Histogram duration;
};

RequestObserver::RequestObserver(crypto::Random& random) : random_(random) {}
RequestObserver::~RequestObserver() = default;

void RequestObserver::know(const gate::Registry& registry) {
    const auto all = registry.all();
    named_.resize(all.size());
    std::vector<std::string> services;
    for (const gate::Operation* one : all) {
        INVARIANT(one->number < named_.size());
        named_[one->number] = {.service = one->service, .operation = one->name};
        if (std::ranges::find(services, one->service) == services.end()) services.push_back(one->service);
    }
    first_unknown_ = named_.size();
    for (auto& service : services) named_.push_back({.service = std::move(service), .operation = "unknown"});
    named_.push_back({.service = "unknown", .operation = "unknown"});
    counts_ = std::make_unique<Counts[]>(named_.size());
}

size_t RequestObserver::place_of(const gate::AnsweredRequest& request) const {
    if (request.known != nullptr) return request.known->number;
    size_t place = first_unknown_;
    while (place + 1 < named_.size() && named_[place].service != request.service) ++place;
    return place;
}

bool RequestObserver::wants_laps(const http::RequestHead& head) {
    if (exporter_ == nullptr) return false;
    if (const std::string* header = head.headers.find("traceparent"))
        if (const auto context = traces::parse_traceparent(*header))
            return context->sampled && traces::is_in_sample(context->trace_id, exporter_->sample());
    return exporter_->draws();
}

void RequestObserver::decided(policy::Outcome outcome, policy::Layer) { decisions_[static_cast<size_t>(outcome)].add(); }

void RequestObserver::answered(const gate::AnsweredRequest& request) {
    Counts& counts = counts_[place_of(request)];
    counts.stripes[metrics::stripe()].outcomes[static_cast<size_t>(outcome_of(request))].fetch_add(1, std::memory_order_relaxed);
    counts.duration.add(request.ended - request.began);
    if (!request.error_code.empty()) codes_.add(request.error_code);
    switch (request.barrier) {
        case gate::Barrier::none:
            break;
        case gate::Barrier::authentication:
            refusals_[authentication].add();
            break;
        case gate::Barrier::decision:
            refusals_[static_cast<size_t>(request.layer)].add();
            break;
        case gate::Barrier::record:
            refusals_[record].add();
            break;
    }
    if (request.laps != nullptr) trace(request);
}

std::vector<RequestObserver::OperationValue> RequestObserver::operations() const {
    std::vector<OperationValue> out;
    for (size_t place = 0; place < named_.size(); ++place) {
        OperationValue one{.service = named_[place].service, .operation = named_[place].operation};
        for (const auto& stripe : counts_[place].stripes)
            for (size_t i = 0; i < one.outcomes.size(); ++i)
                one.outcomes[i] += stripe.outcomes[i].load(std::memory_order_relaxed);
        one.duration = counts_[place].duration.value();
        if (one.duration.count() > 0) out.push_back(one);
    }
    return out;
}

// The request's own span, and one for each of its phases.
void RequestObserver::trace(const gate::AnsweredRequest& request) const {
    const auto wall = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch());
    const auto now = std::chrono::steady_clock::now();
    const auto at = [&](gate::Moment moment) { return static_cast<uint64_t>((wall - (now - moment)).count()); };
    const http::RequestHead& head = request.request.head;
    traces::Span whole;
    whole.kind = traces::Kind::server;
    const std::string* header = head.headers.find("traceparent");
    if (auto context = header != nullptr ? traces::parse_traceparent(*header) : std::nullopt) {
        whole.trace_id = std::move(context->trace_id);
        whole.parent_id = std::move(context->span_id);
    } else {
        whole.trace_id = random_.hex(32);
    }
    whole.span_id = random_.hex(16);
    const Named& named = named_[place_of(request)];
    whole.name = named.service + ":" + named.operation;
    whole.began = at(request.began);
    whole.ended = at(request.ended);
    whole.failed = request.status >= 500;
    whole.attributes = {{"aws.request_id", std::string(request.request_id)},
                        {"rpc.service", named.service},
                        {"rpc.method", named.operation},
                        {"http.request.method", head.method},
                        {"url.path", head.path},
                        {"http.response.status_code", int64_t{request.status}},
                        {"trainwarden.outcome", std::string(outcome_names[static_cast<size_t>(outcome_of(request))])}};
    if (!request.error_code.empty()) whole.attributes.emplace_back("error.type", std::string(request.error_code));
    std::vector<traces::Span> spans;
    spans.reserve(request.laps->size() + 1);
    for (const gate::Lap& lap : *request.laps) {
        spans.push_back({.trace_id = whole.trace_id,
                         .span_id = random_.hex(16),
                         .parent_id = whole.span_id,
                         .name = std::string(name_of(lap.phase)),
                         .began = at(lap.began),
                         .ended = at(lap.ended)});
    }
    spans.push_back(std::move(whole));
    exporter_->offer(std::move(spans));
}

}  // namespace server
