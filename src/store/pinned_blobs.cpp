#include "store/pinned_blobs.hpp"

#include <utility>

#include "base/invariant.hpp"
#include "base/log.hpp"

namespace store {

void PinnedBlobs::pin() {
    const base::Lock lock(mutex_);
    ++pins_;
}

void PinnedBlobs::unpin() {
    std::vector<BlobId> gone;
    {
        const base::Lock lock(mutex_);
        INVARIANT(pins_ > 0);
        if (--pins_ == 0) gone = std::exchange(waiting_, {});
    }
    for (const auto& id : gone) {
        const auto removed = blobs_->remove(id);
        if (!removed) base::log_warn("cannot remove a blob that was kept for a backup: " + removed.error().describe());
    }
}

size_t PinnedBlobs::waiting() const {
    const base::Lock lock(mutex_);
    return waiting_.size();
}

base::Result<void> PinnedBlobs::remove(const BlobId& id) {
    {
        const base::Lock lock(mutex_);
        if (pins_ > 0) {
            waiting_.push_back(id);
            return {};
        }
    }
    return blobs_->remove(id);
}

}  // namespace store
