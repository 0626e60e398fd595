// Bytes that are never in memory as a whole: the body of a request that stores them, and of an answer that sends them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace model {

// A request's. The read of its last bytes fails where a hash, checksum or signature of the body does not hold: nothing is to be
// kept of what was not read to its end.
class ByteSource {
public:
    virtual ~ByteSource() = default;
    // Fills at most the span; 0 is the end.
    [[nodiscard]] virtual base::Result<size_t> read(std::span<char> into) = 0;
    // How many will come, if the client said so.
    [[nodiscard]] virtual std::optional<uint64_t> length() const = 0;

    // What its reader has made of it. A request that is decided again (R83) has no second body: it finds here what it left.
    std::shared_ptr<void> kept;
};

// Part of an open file. `owner` keeps the descriptor open. Or of what is not as it lies there: `read` fills the span as far as it likes, from the
// offset on.
struct FileRange {
    std::shared_ptr<const void> owner;
    int descriptor = -1;
    uint64_t offset = 0;
    uint64_t length = 0;
    std::function<base::Result<size_t>(uint64_t offset, std::span<char> into)> read = nullptr;
};

// An answer's: the bytes themselves, or the files that they lie in, one after the other.
using ResponseBody = std::variant<std::string, FileRange, std::vector<FileRange>>;

}  // namespace model
