// Blobs that can be kept for a while: what is removed while they are pinned goes when the last pin does. For a backup, which copies the
// blobs that a snapshot of the metadata names while deletes go on. A server that ends meanwhile forgets what it was to remove; nothing
// names it, so the sweep at the next start finds it.
#pragma once

#include <memory>
#include <vector>

#include "base/mutex.hpp"
#include "store/blobs.hpp"

namespace store {

// Any thread.
class PinnedBlobs final : public Blobs {
public:
    explicit PinnedBlobs(std::unique_ptr<Blobs> blobs) : blobs_(std::move(blobs)) {}

    void pin();
    // Removes what was to be removed since the first pin, if this was the last. What fails is in the log.
    void unpin();
    [[nodiscard]] size_t waiting() const;  // blobs that go with the last pin

    [[nodiscard]] base::Result<std::unique_ptr<BlobWriter>> create() override { return blobs_->create(); }
    [[nodiscard]] base::Result<std::shared_ptr<BlobReader>> open(const BlobId& id) const override { return blobs_->open(id); }
    [[nodiscard]] base::Result<void> remove(const BlobId& id) override;
    [[nodiscard]] base::Result<std::vector<BlobId>> list() const override { return blobs_->list(); }

private:
    const std::unique_ptr<Blobs> blobs_;
    mutable base::Mutex mutex_;
    size_t pins_ GUARDED_BY(mutex_) = 0;
    std::vector<BlobId> waiting_ GUARDED_BY(mutex_);
};

}  // namespace store
