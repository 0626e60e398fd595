// Large blobs: a file each.
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "store/blobs.hpp"

namespace store {

[[nodiscard]] base::Result<std::unique_ptr<Blobs>> open_file_blobs(const std::string& directory);
// Errors `NoSuchBlob`, `InternalError`.
[[nodiscard]] base::Result<std::shared_ptr<BlobReader>> open_blob_file(const std::string& directory, const BlobId& id);

}  // namespace store
