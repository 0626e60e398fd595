#include <doctest/doctest.h>

#include <algorithm>

#include "crypto/checksum.hpp"
#include "crypto/digest.hpp"
#include "crypto/random.hpp"
#include "crypto/seal.hpp"

using namespace crypto;

TEST_CASE("digests: published vectors") {
    CHECK(hex(md5("")) == "d41d8cd98f00b204e9800998ecf8427e");                                        // RFC 1321
    CHECK(hex(sha1("abc")) == "a9993e364706816aba3e25717850c26c9cd0d89d");                            // FIPS 180-4
    CHECK(hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-4
    CHECK(hex(hmac_sha256("Jefe", "what do ya want for nothing?")) ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");                                // RFC 4231
    CHECK(hex(pbkdf2_hmac_sha256("passwd", "salt", 1, 64)).starts_with("55ac046e56e3089fec1691c22544b605"));  // RFC 7914
    Digest parts(DigestKind::sha256);
    parts.update("a");
    parts.update("bc");
    CHECK(parts.finish() == sha256("abc"));
    CHECK(equal_in_constant_time("abc", "abc"));
    CHECK_FALSE(equal_in_constant_time("abc", "abd"));
    CHECK_FALSE(equal_in_constant_time("abc", "ab"));
}

TEST_CASE("checksums: the check value of each catalogue entry, and continuing") {
    const std::string_view check = "123456789";
    CHECK(crc32(0, check) == 0xcbf43926u);
    CHECK(crc32c(0, check) == 0xe3069283u);
    CHECK(crc64nvme(0, check) == 0xae8b14860a799888ull);
    std::string long_text;
    for (int i = 0; i < 1000; ++i) long_text += static_cast<char>(i * 7);
    for (const size_t cut : {size_t{0}, size_t{1}, size_t{9}, size_t{500}}) {
        const std::string_view text = long_text;
        CHECK(crc32(crc32(0, text.substr(0, cut)), text.substr(cut)) == crc32(0, text));
        CHECK(crc32c(crc32c(0, text.substr(0, cut)), text.substr(cut)) == crc32c(0, text));
        CHECK(crc64nvme(crc64nvme(0, text.substr(0, cut)), text.substr(cut)) == crc64nvme(0, text));
    }
    CHECK(hex(big_endian(uint32_t{0x01020304})) == "01020304");
}

TEST_CASE("CRC-64/NVME: the same by many bytes a step as by one") {
    std::string text;
    for (int i = 0; i < 5000; ++i) text += static_cast<char>(i * i + i / 3);
    uint64_t by_one = 0;
    for (size_t size = 0; size <= text.size(); ++size) {
        if (size > 0) by_one = crc64nvme(by_one, std::string_view(text).substr(size - 1, 1));
        if (size > 600 && size < text.size() - 300) continue;
        CAPTURE(size);
        CHECK(crc64nvme(0, std::string_view(text).substr(0, size)) == by_one);
        CHECK(crc64nvme(crc64nvme(0, std::string_view(text).substr(0, size / 3)),
                        std::string_view(text).substr(size / 3, size - size / 3)) == by_one);
    }
}

TEST_CASE("sealing: opens with the same key and binding only") {
    SystemRandom random;
    const std::string key(32, 'k');
    const auto sealed = seal(random, key, "secret", "user/a");
    CHECK(open_seal(key, sealed, "user/a").value() == "secret");
    CHECK_FALSE(open_seal(key, sealed, "user/b").has_value());
    CHECK_FALSE(open_seal(std::string(32, 'x'), sealed, "user/a").has_value());
    for (size_t at = 0; at < sealed.size(); ++at) {
        auto changed = sealed;
        changed[at] ^= 1;
        CHECK_FALSE(open_seal(key, changed, "user/a").has_value());
    }
    for (size_t size = 0; size < 12 + 16; ++size) CHECK_FALSE(open_seal(key, std::string(size, 'x'), "").has_value());
    CHECK(seal(random, key, "secret", "user/a") != sealed);  // A nonce is never used twice.
}

TEST_CASE("random text keeps to its alphabet") {
    SystemRandom random;
    const auto text = random.text(2000, "ABC");
    CHECK(text.size() == 2000);
    CHECK(text.find_first_not_of("ABC") == std::string::npos);
    for (const char c : {'A', 'B', 'C'}) CHECK(std::count(text.begin(), text.end(), c) > 400);
    CHECK(random.uuid().size() == 36);
    CHECK(random.uuid()[14] == '4');
    CHECK(random.hex(7).size() == 7);
}

TEST_CASE("every letter of an alphabet is as likely as the others, whatever its size") {
    crypto::SystemRandom random;
    const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const size_t length = alphabet.size() * 4000;
    const std::string text = random.text(length, alphabet);
    CHECK(text.size() == length);
    for (const char letter : alphabet) {
        const auto count = std::ranges::count(text, letter);
        CAPTURE(letter);
        CHECK(count > 3520);
        CHECK(count < 4480);  // a letter that a remainder favours has 5000; seven standard deviations are 440
    }
}
