#include "crypto/random.hpp"

#include <openssl/rand.h>

#include "base/invariant.hpp"
#include "crypto/digest.hpp"

namespace crypto {

std::string Random::hex(size_t digits) { return crypto::hex(bytes((digits + 1) / 2)).substr(0, digits); }

std::string Random::text(size_t length, std::string_view alphabet) {
    INVARIANT(!alphabet.empty() && alphabet.size() <= 256);
    // Bytes past the last whole multiple of the alphabet are thrown away: modulo alone would favour its beginning.
    const size_t even = 256 - 256 % alphabet.size();
    std::string out;
    while (out.size() < length) {
        for (const char c : bytes(length - out.size())) {
            const auto byte = static_cast<unsigned char>(c);
            if (byte < even) out += alphabet[byte % alphabet.size()];
        }
    }
    return out;
}

std::string Random::uuid() {
    auto raw = bytes(16);
    raw[6] = static_cast<char>((static_cast<unsigned char>(raw[6]) & 0x0f) | 0x40);
    raw[8] = static_cast<char>((static_cast<unsigned char>(raw[8]) & 0x3f) | 0x80);
    auto text = crypto::hex(raw);
    for (const size_t at : {20u, 16u, 12u, 8u}) text.insert(at, 1, '-');
    return text;
}

std::string SystemRandom::bytes(size_t count) {
    std::string out(count, '\0');
    const int done = RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(count));
    INVARIANT(done == 1);  // Without randomness nothing here is safe to continue.
    return out;
}

}  // namespace crypto
