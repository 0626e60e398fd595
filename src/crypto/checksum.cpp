#include "crypto/checksum.hpp"

#include <isa-l/crc.h>

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace crypto {
namespace {

// CRC-64/NVME: reflected polynomial 0x9a6c9329ac4bc9b5, initial value and final XOR all ones (NVM Express NVM Command
// Set, 5.2.1.3.4). ISA-L has it from 2.31 on; Debian 12 has 2.30.
constexpr uint64_t crc64_polynomial = 0x9a6c9329ac4bc9b5ULL;

// Eight tables of 256 entries: eight bytes a step ("slicing by 8").
using Tables = std::array<std::array<uint64_t, 256>, 8>;

constexpr Tables make_tables() {
    Tables tables{};
    for (uint64_t byte = 0; byte < 256; ++byte) {
        uint64_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? (crc >> 1) ^ crc64_polynomial : crc >> 1;
        tables[0][byte] = crc;
    }
    for (size_t table = 1; table < 8; ++table)
        for (size_t byte = 0; byte < 256; ++byte) {
            const uint64_t before = tables[table - 1][byte];
            tables[table][byte] = (before >> 8) ^ tables[0][before & 0xff];
        }
    return tables;
}

constinit const Tables crc64_tables = make_tables();

// Without initial value and final XOR.
uint64_t crc64_by_tables(uint64_t crc, const unsigned char* at, size_t left) {
    for (; left >= 8; left -= 8, at += 8) {
        uint64_t word = 0;
        std::memcpy(&word, at, 8);  // little-endian machines only, as all that this builds on are
        word ^= crc;
        crc = 0;
        for (size_t byte = 0; byte < 8; ++byte) crc ^= crc64_tables[7 - byte][(word >> (8 * byte)) & 0xff];
    }
    for (; left > 0; --left, ++at) crc = (crc >> 8) ^ crc64_tables[0][(crc ^ *at) & 0xff];
    return crc;
}

#if defined(__x86_64__)
constexpr size_t folded_bytes_min = 128;

// x^power modulo the polynomial, reflected: bit 63 is x^0.
constexpr uint64_t power_of_x(unsigned power) {
    uint64_t value = uint64_t{1} << 63;
    for (; power > 0; --power) value = value & 1 ? (value >> 1) ^ crc64_polynomial : value >> 1;
    return value;
}

// 128 bits times x^distance, congruent: the halves times two constants, by carry-less multiplication. A product of reflected numbers is
// reflected one bit lower, hence the powers less one.
template <unsigned distance>
[[gnu::target("pclmul,sse2")]] inline __m128i moved(__m128i value) {
    constexpr uint64_t low = power_of_x(distance + 64 - 1), high = power_of_x(distance - 1);
    const __m128i factors = _mm_set_epi64x(static_cast<int64_t>(high), static_cast<int64_t>(low));
    return _mm_xor_si128(_mm_clmulepi64_si128(value, factors, 0x00), _mm_clmulepi64_si128(value, factors, 0x11));
}

// REQUIRES: at least folded_bytes_min bytes. Eight lanes of 16 bytes hide the latency of the multiplication; they are folded into one, whose 16
// bytes and what is left go through the tables.
[[gnu::target("pclmul,sse2")]] uint64_t crc64_by_folding(uint64_t crc, const unsigned char* at, size_t left) {
    constexpr size_t lanes = 8, lane_bytes = 16;
    const auto load = [](const unsigned char* from) __attribute__((target("pclmul,sse2"))) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    };
    __m128i lane[lanes];
    for (size_t i = 0; i < lanes; ++i) lane[i] = load(at + i * lane_bytes);
    lane[0] = _mm_xor_si128(lane[0], _mm_set_epi64x(0, static_cast<int64_t>(crc)));
    at += lanes * lane_bytes;
    left -= lanes * lane_bytes;
    for (; left >= lanes * lane_bytes; at += lanes * lane_bytes, left -= lanes * lane_bytes)
        for (size_t i = 0; i < lanes; ++i)
            lane[i] = _mm_xor_si128(moved<lanes * lane_bytes * 8>(lane[i]), load(at + i * lane_bytes));
    __m128i one = lane[0];
    for (size_t i = 1; i < lanes; ++i) one = _mm_xor_si128(moved<lane_bytes * 8>(one), lane[i]);
    for (; left >= lane_bytes; at += lane_bytes, left -= lane_bytes) one = _mm_xor_si128(moved<lane_bytes * 8>(one), load(at));
    unsigned char rest[lane_bytes];
    _mm_storeu_si128(reinterpret_cast<__m128i*>(rest), one);
    return crc64_by_tables(crc64_by_tables(0, rest, sizeof rest), at, left);
}

const bool has_carryless_multiplication = __builtin_cpu_supports("pclmul") != 0;
#endif

}  // namespace

uint32_t crc32(uint32_t so_far, std::string_view bytes) {
    return crc32_gzip_refl(so_far, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

uint32_t crc32c(uint32_t so_far, std::string_view bytes) {
    // ISA-L's iSCSI routine leaves the inversion before and after to the caller, and takes an int length.
    uint32_t crc = ~so_far;
    while (!bytes.empty()) {
        const auto part = bytes.substr(0, 1u << 30);
        crc = crc32_iscsi(reinterpret_cast<unsigned char*>(const_cast<char*>(part.data())), static_cast<int>(part.size()), crc);
        bytes.remove_prefix(part.size());
    }
    return ~crc;
}

uint64_t crc64nvme(uint64_t so_far, std::string_view bytes) {
    const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
#if defined(__x86_64__)
    if (bytes.size() >= folded_bytes_min && has_carryless_multiplication) return ~crc64_by_folding(~so_far, at, bytes.size());
#endif
    return ~crc64_by_tables(~so_far, at, bytes.size());
}

std::string big_endian(uint32_t value) {
    std::string out(4, '\0');
    for (size_t byte = 0; byte < 4; ++byte) out[byte] = static_cast<char>(value >> (24 - 8 * byte));
    return out;
}

std::string big_endian(uint64_t value) {
    return big_endian(static_cast<uint32_t>(value >> 32)) + big_endian(static_cast<uint32_t>(value));
}

}  // namespace crypto
