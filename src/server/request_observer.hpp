// Counts every request by what it asked for and what came of it, and makes spans of those that are traced. Counting takes no lock and allocates
// nothing: a few relaxed additions on lines that few threads share.
//
// What can be told apart is bounded by the program: operations of the registry, one `unknown` for each service, and error codes, of which there are
// `codes_max`; what a client writes makes no series.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/random.hpp"
#include "gate/gate.hpp"
#include "gate/observer.hpp"
#include "metrics/counter.hpp"
#include "policy/decision.hpp"

namespace server {

class TraceExporter;

enum class Outcome : uint8_t { ok, refused, client_error, server_error };
constexpr auto outcome_names = std::to_array<std::string_view>({"ok", "refused", "client_error", "server_error"});
[[nodiscard]] Outcome outcome_of(const gate::AnsweredRequest& request);

// Who refused: these, and the layers of policy.
constexpr auto layer_names =
    std::to_array<std::string_view>({"identity", "boundary", "session", "service_control", "resource_control", "resource",
                                     "vpc_endpoint", "account_root", "always", "service_rule", "authentication", "record"});
constexpr auto decision_names = std::to_array<std::string_view>({"implicit_deny", "explicit_deny", "allow"});

// A counter for each of few names that are not known in advance.
class CodeCounters {
public:
    static constexpr size_t codes_max = 384;
    CodeCounters() = default;
    ~CodeCounters();
    CodeCounters(const CodeCounters&) = delete;
    CodeCounters& operator=(const CodeCounters&) = delete;
    void add(std::string_view code);
    template <class Use>
    void each(Use use) const {
        for (const auto& slot : slots_)
            if (const Entry* entry = slot.load(std::memory_order_acquire); entry != nullptr)
                use(entry->code, entry->count.load());
        if (const uint64_t count = others_.load(); count > 0) use(std::string_view("other"), count);
    }

private:
    struct Entry {
        std::string code;
        std::atomic<uint64_t> count = 0;
    };
    std::array<std::atomic<Entry*>, 512> slots_{};
    std::atomic<size_t> used_ = 0;
    std::atomic<uint64_t> others_ = 0;  // past the most, or no code
};

class RequestObserver final : public gate::Observer {
public:
    explicit RequestObserver(crypto::Random& random);
    ~RequestObserver() override;
    // Once the registry is complete, before the first request.
    void know(const gate::Registry& registry);
    // nullptr: nothing is traced. Before the first request.
    void trace_to(TraceExporter* exporter) { exporter_ = exporter; }

    [[nodiscard]] bool wants_laps(const http::RequestHead& head) override;
    void decided(policy::Outcome outcome, policy::Layer layer) override;
    void answered(const gate::AnsweredRequest& request) override;

    struct OperationValue {
        std::string_view service, operation;
        std::array<uint64_t, outcome_names.size()> outcomes{};
        metrics::HistogramValue duration;
    };
    // Those that somebody asked for.
    [[nodiscard]] std::vector<OperationValue> operations() const;
    [[nodiscard]] const CodeCounters& codes() const { return codes_; }
    [[nodiscard]] uint64_t decisions(size_t outcome) const { return decisions_[outcome].value(); }
    [[nodiscard]] uint64_t refusals(size_t layer) const { return refusals_[layer].value(); }

private:
    struct Counts;  // of one operation
    struct Named {
        std::string service, operation;
    };
    [[nodiscard]] size_t place_of(const gate::AnsweredRequest& request) const;
    void trace(const gate::AnsweredRequest& request) const;

    crypto::Random& random_;
    TraceExporter* exporter_ = nullptr;
    std::vector<Named> named_;  // operations, by number; then `unknown` of each service; then that of none
    size_t first_unknown_ = 0;
    std::unique_ptr<Counts[]> counts_;  // of each
    CodeCounters codes_;
    std::array<metrics::Counter, decision_names.size()> decisions_;
    std::array<metrics::Counter, layer_names.size()> refusals_;
};

}  // namespace server
