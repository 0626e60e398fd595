// crypto/chunks.hpp: what is sealed opens, and nothing else does. The input says how the plain bytes come and what is done to the sealed ones.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "crypto/chunks.hpp"

namespace {

const std::string key(32, 'k');

void check(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto number = [&](size_t bytes) {
        uint64_t value = 0;
        for (; bytes > 0 && !input.empty(); --bytes, input.remove_prefix(1))
            value = value << 8 | static_cast<unsigned char>(input.front());
        return value;
    };
    // Of some chunks, for the input itself is shorter than one.
    const size_t length = number(3) % (4 * crypto::chunk_bytes);
    const size_t piece = number(3) % (2 * crypto::chunk_bytes) + 1;
    const auto what = number(1);
    const size_t from = number(3), to = number(3);
    std::string plain(length, 'p');
    for (size_t at = 0; at < input.size() && at < plain.size(); ++at) plain[at * 37 % plain.size()] = input[at];

    crypto::ChunkSealer sealer(key);
    std::string sealed;
    for (size_t at = 0; at < plain.size(); at += piece) sealer.update(std::string_view(plain).substr(at, piece), sealed);
    sealer.finish(sealed);
    check(sealed.size() == crypto::sealed_bytes_of(plain.size()));
    check(sealed == crypto::seal_chunks(key, plain));
    const auto opened = crypto::open_chunks(key, sealed);
    check(opened && *opened == plain);

    std::string altered = sealed;
    const size_t here = from % altered.size(), there = to % altered.size();
    switch (what % 6) {
        case 0:
            altered.resize(here);
            break;
        case 1:
            altered[here] = static_cast<char>(altered[here] ^ (1 << (to % 8)));
            break;
        case 2:
            altered.erase(here, to);
            break;
        case 3:
            altered.insert(here, sealed.substr(there));
            break;
        case 4:
            std::swap(altered[here], altered[there]);
            break;
        default:
            altered = std::string(input);
            break;
    }
    if (altered != sealed) check(!crypto::open_chunks(key, altered));
    return 0;
}
