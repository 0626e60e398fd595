#include "store/blob_log_format.hpp"

#include <algorithm>
#include <charconv>

#include "crypto/checksum.hpp"

namespace store::log_format {
namespace {

constexpr size_t number_digits = 16, half_digits = 8;

template <class Number>
void append(std::string& out, Number number) {
    constexpr std::string_view digits = "0123456789abcdef";
    for (int shift = sizeof(Number) * 8 - 4; shift >= 0; shift -= 4) out += digits[(number >> shift) & 15];
}

template <class Number>
std::optional<Number> read(std::string_view text) {
    Number number = 0;
    if (text.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

template <class Record>
uint32_t sum_of(const Record& record, size_t from, size_t to) {
    return crypto::crc32c(0, std::string_view(reinterpret_cast<const char*>(&record), sizeof record).substr(from, to - from));
}

uint32_t header_sum(const Header& header) { return sum_of(header, offsetof(Header, segment), sizeof header); }
uint32_t trailer_sum(const Trailer& trailer) { return sum_of(trailer, 0, offsetof(Trailer, sum)); }

}  // namespace

std::string segment_name(uint64_t segment) {
    std::string name;
    append(name, segment);
    return name;
}

std::optional<uint64_t> segment_of(std::string_view name) {
    if (name.size() != number_digits) return std::nullopt;
    return read<uint64_t>(name);
}

BlobId id_of(const Place& place) {
    BlobId id = segment_name(place.segment);
    append(id, place.offset);
    append(id, place.length);
    return id;
}

std::optional<Place> place_of(std::string_view id) {
    if (id.size() != number_digits + 2 * half_digits) return std::nullopt;
    const auto segment = read<uint64_t>(id.substr(0, number_digits));
    const auto offset = read<uint32_t>(id.substr(number_digits, half_digits));
    const auto length = read<uint32_t>(id.substr(number_digits + half_digits));
    if (!segment || !offset || !length || *length > logged_bytes_max) return std::nullopt;
    return Place{*segment, *offset, *length};
}

Header make_header(const Place& place, std::string_view bytes) {
    Header header{.state = State::live, .sum = 0, .segment = place.segment, .offset = place.offset, .length = place.length};
    std::ranges::copy(sums_of(bytes, log_chunk_bytes), header.sums.begin());
    header.sum = header_sum(header);
    return header;
}

bool is_header_of(const Header& header, uint64_t segment, uint64_t offset) {
    return header.segment == segment && header.offset == offset && header.length <= logged_bytes_max &&
           header.sum == header_sum(header) && (header.state == State::live || header.state == State::deleted);
}

Trailer make_trailer(uint64_t segment, uint64_t table_at, uint32_t count) {
    Trailer trailer{.segment = segment, .table_at = table_at, .count = count, .sum = 0};
    trailer.sum = trailer_sum(trailer);
    return trailer;
}

bool is_trailer_of(const Trailer& trailer, uint64_t segment, uint64_t file_bytes) {
    return trailer.magic == Trailer().magic && trailer.segment == segment && trailer.sum == trailer_sum(trailer) &&
           trailer.table_at + trailer.count * sizeof(Entry) + sizeof trailer == file_bytes;
}

Blocks whole_blocks(uint64_t from, uint64_t to, uint64_t block_bytes) {
    return {(from + block_bytes - 1) / block_bytes * block_bytes, to / block_bytes * block_bytes};
}

}  // namespace store::log_format
