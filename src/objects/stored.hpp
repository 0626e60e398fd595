// What `Storage::receive` made of a body; only the files of Storage look inside.
#pragma once

#include "objects/storage.hpp"

namespace objects {

struct Storage::Stored {
    uint64_t size = 0;
    std::string content;  // small bodies
    store::BlobId blob;   // all others; durable, and garbage until a record names it
    BodyDigest::Sums sums;
};

}  // namespace objects
