// The bytes of a segment of the log of blobs (blob_log.cpp). Pure.
//
//   segment = {record} [table trailer]
//   record  = header, the blob's bytes
//   table   = an entry a record, in order; behind the last record once the segment takes no more
//
// A blob's id says where it lies, so that nothing has to be looked up: 16 hexadecimal digits of the segment, 8 of the record's offset, 8 of
// the blob's size. A segment's number is random: what once had an id never comes again. Little-endian, as all machines that this builds on.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "store/blobs.hpp"
#include "store/chunks.hpp"

namespace store::log_format {

constexpr size_t chunks_max = logged_bytes_max / log_chunk_bytes;

// Deleting overwrites the first word of a header and the state of its entry, and frees the blocks between: those read as zeros.
enum class State : uint32_t { freed = 0, live = 0x6c424f4c, deleted = 0x64424f4c };

struct Header {
    State state = State::live;
    uint32_t sum = 0;  // of what follows
    uint64_t segment = 0;
    uint32_t offset = 0, length = 0;
    std::array<uint32_t, chunks_max> sums{};
};
static_assert(sizeof(Header) == 40);

struct Entry {
    uint32_t offset = 0, length = 0;
    State state = State::live;
};
static_assert(sizeof(Entry) == 12);

struct Trailer {
    uint64_t magic = 0x31676f6c626f6c62;
    uint64_t segment = 0, table_at = 0;
    uint32_t count = 0;
    uint32_t sum = 0;  // of what stands before
};
static_assert(sizeof(Trailer) == 32);

struct Place {
    uint64_t segment = 0;
    uint32_t offset = 0, length = 0;
    auto operator<=>(const Place&) const = default;
};

[[nodiscard]] BlobId id_of(const Place& place);
// Nothing: it is no id, or of a blob that is too large for the log.
[[nodiscard]] std::optional<Place> place_of(std::string_view id);
[[nodiscard]] std::string segment_name(uint64_t segment);
[[nodiscard]] std::optional<uint64_t> segment_of(std::string_view name);

[[nodiscard]] Header make_header(const Place& place, std::string_view bytes);
// Whether the header is whole, of this place, and of a blob that may be in the log; whatever its state.
[[nodiscard]] bool is_header_of(const Header& header, uint64_t segment, uint64_t offset);
[[nodiscard]] Trailer make_trailer(uint64_t segment, uint64_t table_at, uint32_t count);
[[nodiscard]] bool is_trailer_of(const Trailer& trailer, uint64_t segment, uint64_t file_bytes);

[[nodiscard]] inline uint64_t end_of(const Entry& entry) { return uint64_t{entry.offset} + sizeof(Header) + entry.length; }

// The whole blocks in [from, to).
struct Blocks {
    uint64_t from = 0, to = 0;
};
[[nodiscard]] Blocks whole_blocks(uint64_t from, uint64_t to, uint64_t block_bytes);

}  // namespace store::log_format
