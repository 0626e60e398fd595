// Access previews as they are kept, for a day: `access-analyzer/ACCOUNT/REGION/preview/ANALYZER/ID`.
#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "services/access_analyzer/state.hpp"

namespace services::access_analyzer {

constexpr std::chrono::hours previews_kept_for{24};
constexpr size_t previews_max = 1'000;  // of one analyzer, at one time

struct StoredPreview {
    m::AccessPreview preview;
    std::vector<m::AccessPreviewFinding> findings;
};

// By id, without those that are too old.
[[nodiscard]] base::Result<std::vector<StoredPreview>> previews_of(const store::KeyValueStore& keys, const Place& place,
                                                                   const std::string& analyzer, base::Time now);
// Error `ResourceNotFoundException`.
[[nodiscard]] base::Result<StoredPreview> find_preview(const store::KeyValueStore& keys, const Place& place,
                                                       const std::string& analyzer, const std::string& id, base::Time now);
// Removes those that are too old. Error `ServiceQuotaExceededException`.
[[nodiscard]] base::Result<void> put_preview(store::KeyValueStore& keys, const Place& place, const std::string& analyzer,
                                             const StoredPreview& preview, base::Time now);

}  // namespace services::access_analyzer
