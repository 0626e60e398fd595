// What became of a body: its bytes, inline or in a durable blob that nothing names yet, and their digests.
//
// Owns the blob until a record names it: a write that is refused, fails or is given up leaves nothing behind. It outlives a
// call that failed with `DecisionOutdated`, so that the call can be made again though the body was read.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "objects/checksums.hpp"
#include "store/blobs.hpp"

namespace objects {

class Storage;

class ReceivedBody {
public:
    explicit ReceivedBody(const Storage& storage) : storage_(storage) {}
    ~ReceivedBody();  // removes the blob that it owns
    ReceivedBody(const ReceivedBody&) = delete;
    ReceivedBody& operator=(const ReceivedBody&) = delete;

    uint64_t size = 0;
    std::string content;  // small bodies
    store::BlobId blob;   // all others
    BodyDigest::Sums sums;
    // Under which the bytes are sealed; a record has it sealed itself. Empty: they are as they came.
    std::string data_key;
    uint32_t ciphertext_crc32c = 0;

    // A record names the blob now, or it cannot be known whether one does.
    void give_away() { owned_ = false; }

private:
    const Storage& storage_;
    bool owned_ = true;
};

}  // namespace objects
