#include "crypto/chunks.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "crypto/random.hpp"

namespace {

using crypto::chunk_bytes, crypto::sealed_chunk_bytes;

const std::string key(32, 'k');

// Pieces as bodies come: of this size, the last has the rest.
std::string sealed_in_pieces(const std::string& plain, size_t piece) {
    crypto::ChunkSealer sealer(key);
    std::string sealed;
    for (size_t at = 0; at < plain.size(); at += piece) sealer.update(std::string_view(plain).substr(at, piece), sealed);
    sealer.finish(sealed);
    return sealed;
}

std::vector<std::string> chunks_in(const std::string& sealed) {
    std::vector<std::string> out;
    for (size_t at = 0; at < sealed.size(); at += sealed_chunk_bytes) out.push_back(sealed.substr(at, sealed_chunk_bytes));
    return out;
}

bool opens(const std::string& sealed) { return crypto::open_chunks(key, sealed).has_value(); }

}  // namespace

TEST_CASE("what is sealed opens, however it came") {
    crypto::SystemRandom random;
    for (const size_t size :
         {0ul, 1ul, 15ul, 4096ul, chunk_bytes - 1, chunk_bytes, chunk_bytes + 1, 2 * chunk_bytes, 3 * chunk_bytes + 17}) {
        const auto plain = random.bytes(size);
        const auto sealed = crypto::seal_chunks(key, plain);
        CAPTURE(size);
        CHECK(sealed.size() == crypto::sealed_bytes_of(size));
        const auto opened = crypto::open_chunks(key, sealed);
        REQUIRE(opened.has_value());
        CHECK(*opened == plain);
        for (const size_t piece : {1000ul, chunk_bytes - 1, chunk_bytes, chunk_bytes + 1, 5 * chunk_bytes})
            CHECK(sealed_in_pieces(plain, piece) == sealed);
    }
}

TEST_CASE("every chunk opens by itself, and only in its place") {
    crypto::SystemRandom random;
    const auto plain = random.bytes(2 * chunk_bytes + 100);
    const auto chunks = chunks_in(crypto::seal_chunks(key, plain));
    REQUIRE(chunks.size() == 3);
    std::string into(chunk_bytes, '\0');
    for (uint64_t number = 0; number < 4; ++number)
        for (const bool is_last : {false, true})
            for (size_t at = 0; at < chunks.size(); ++at) {
                const bool is_its_place = number == at && is_last == (at == 2);
                CHECK(crypto::open_chunk(key, number, is_last, chunks[at], into) == is_its_place);
                if (is_its_place)
                    CHECK(into.starts_with(std::string_view(plain).substr(at * chunk_bytes, chunks[at].size() - 16)));
            }
    CHECK_FALSE(crypto::open_chunk(std::string(32, 'x'), 0, false, chunks[0], into));
    CHECK_FALSE(crypto::open_chunk(key, 0, false, std::string(15, 'x'), into));
    CHECK_FALSE(crypto::open_chunk(key, 0, false, std::string(sealed_chunk_bytes + 1, 'x'), into));
}

TEST_CASE("every truncation and every flipped bit of a short one is found") {
    const auto sealed = crypto::seal_chunks(key, "forty bytes of somebody's training data..");
    for (size_t size = 0; size < sealed.size(); ++size) CHECK_FALSE(opens(sealed.substr(0, size)));
    for (size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
        auto altered = sealed;
        altered[bit / 8] = static_cast<char>(altered[bit / 8] ^ (1 << (bit % 8)));
        CHECK_FALSE(opens(altered));
    }
    CHECK_FALSE(opens(sealed + "x"));
    CHECK_FALSE(opens(sealed + sealed));
}

TEST_CASE("chunks left out, moved, repeated, or of another are found") {
    crypto::SystemRandom random;
    const auto plain = random.bytes(4 * chunk_bytes + 5);
    const auto sealed = crypto::seal_chunks(key, plain);
    const auto chunks = chunks_in(sealed);
    const auto joined = [](const std::vector<std::string>& parts) {
        std::string out;
        for (const auto& part : parts) out += part;
        return out;
    };
    REQUIRE(opens(joined(chunks)));
    for (size_t at = 0; at < chunks.size(); ++at) {
        auto without = chunks;
        without.erase(without.begin() + static_cast<std::ptrdiff_t>(at));
        CHECK_FALSE(opens(joined(without)));
        auto twice = chunks;
        twice.insert(twice.begin() + static_cast<std::ptrdiff_t>(at), chunks[at]);
        CHECK_FALSE(opens(joined(twice)));
        CHECK_FALSE(opens(joined({chunks.begin(), chunks.begin() + static_cast<std::ptrdiff_t>(at)})));
        for (size_t other = at + 1; other < chunks.size(); ++other) {
            auto swapped = chunks;
            std::swap(swapped[at], swapped[other]);
            CHECK_FALSE(opens(joined(swapped)));
        }
        // The same place of what another key sealed.
        auto spliced = chunks;
        spliced[at] = chunks_in(crypto::seal_chunks(std::string(32, 'x'), plain))[at];
        CHECK_FALSE(opens(joined(spliced)));
    }
    for (int round = 0; round < 200; ++round) {
        auto altered = sealed;
        const auto draw = random.bytes(5);
        uint32_t place = 0;
        std::copy_n(draw.data(), sizeof place, reinterpret_cast<char*>(&place));
        altered[place % altered.size()] = static_cast<char>(altered[place % altered.size()] ^ (1 << (draw[4] & 7)));
        CHECK_FALSE(opens(altered));
    }
}
