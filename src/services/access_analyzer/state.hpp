// Analyzers, their archive rules and findings, as they are kept: `access-analyzer/ACCOUNT/REGION/…` of the store.
//
// Errors are Access Analyzer's own: `ResourceNotFoundException`, `ConflictException`, `ServiceQuotaExceededException`; and the store's.
#pragma once

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "base/result.hpp"
#include "services/access_analyzer/errors.hpp"
#include "services/access_analyzer/lifecycle.hpp"
#include "store/key_value_store.hpp"

namespace services::access_analyzer {

// Quotas. Source: IAM User Guide, "IAM Access Analyzer quotas".
constexpr size_t archive_rules_max = 100;  // of one analyzer

struct Place {
    std::string account, region;
};

struct StoredAnalyzer {
    m::AnalyzerSummary summary;
    std::vector<m::ArchiveRuleSummary> rules;  // by name
    std::string client_token;                  // of the request that made it

    [[nodiscard]] std::vector<Filter> filters() const;
};

class State {
public:
    explicit State(store::KeyValueStore& keys) : keys_(keys) {}

    [[nodiscard]] base::Result<StoredAnalyzer> analyzer(const Place& place, const std::string& name) const;
    [[nodiscard]] base::Result<std::vector<StoredAnalyzer>> analyzers(const Place& place) const;  // by name
    // Of every region.
    [[nodiscard]] base::Result<std::vector<StoredAnalyzer>> analyzers_of(const std::string& account) const;
    [[nodiscard]] base::Result<void> put(const Place& place, const StoredAnalyzer& analyzer);
    [[nodiscard]] base::Result<void> erase(const Place& place, const std::string& name);  // with all that is its own

    [[nodiscard]] base::Result<std::vector<FindingRecord>> findings(const Place& place, const std::string& analyzer) const;
    // Of those in the order of their ids, at most so many behind this one, which need not be there. Empty: from the first.
    [[nodiscard]] base::Result<std::vector<FindingRecord>> findings_after(const Place& place, const std::string& analyzer,
                                                                          const std::string& id, size_t most) const;
    [[nodiscard]] base::Result<FindingRecord> finding(const Place& place, const std::string& analyzer,
                                                      const std::string& id) const;
    [[nodiscard]] base::Result<void> change(const Place& place, const std::string& analyzer, const FindingChanges& changes);
    // In two steps: what takes long needs no lock.
    [[nodiscard]] static store::Batch batch_of(const Place& place, const std::string& analyzer, const FindingChanges& changes);
    [[nodiscard]] base::Result<void> change(const store::Batch& batch);
    // Another one after every change of anything here.
    [[nodiscard]] uint64_t changes() const { return changes_.load(std::memory_order_acquire); }

    // Another one after every change of analyzers and their tags.
    [[nodiscard]] uint64_t version() const { return version_.load(std::memory_order_acquire); }

    // Reading what is there and writing what becomes of it is one thing, for every handler that changes something. Held for moments.
    mutable base::Mutex changing;
    // One look at the account at a time, for as long as it takes: what it needs of memory, it needs once. Before `changing`, never within it.
    mutable base::Mutex looking;

private:
    store::KeyValueStore& keys_;
    std::atomic<uint64_t> version_ = 1, changes_ = 1;
};

[[nodiscard]] std::string analyzer_arn(const Place& place, const std::string& name);

}  // namespace services::access_analyzer
