#include "objects/key.hpp"

#include <cstdint>

#include "base/error_codes.hpp"
#include "objects/object.hpp"

namespace objects {

base::Result<void> check_key(std::string_view key) {
    if (key.size() > key_bytes_max)
        return base::fail(base::Error(base::code::KeyTooLongError, "Your key is too long")
                              .note("Size: " + std::to_string(key.size()))
                              .note("MaxSizeAllowed: " + std::to_string(key_bytes_max)));
    if (key.empty() || key.find('\0') != std::string_view::npos)
        return base::fail(base::code::InvalidArgument, "The object key is not valid.");
    return {};
}

base::Result<void> check_new_key(std::string_view key) {
    TRY(check_key(key));
    if (!is_utf8(key))
        return base::fail(base::code::InvalidURI, "Couldn't parse the specified URI: the object key is not UTF-8.");
    return {};
}

// RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF.
bool is_utf8(std::string_view bytes) {
    for (size_t at = 0; at < bytes.size();) {
        const auto lead = static_cast<unsigned char>(bytes[at]);
        const size_t length = lead < 0x80                    ? 1
                              : lead >= 0xc2 && lead <= 0xdf ? 2
                              : (lead & 0xf0) == 0xe0        ? 3
                              : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                             : 0;
        if (length == 0 || at + length > bytes.size()) return false;
        uint32_t code = length == 1 ? lead : lead & (0xffu >> (length + 1));
        for (size_t next = 1; next < length; ++next) {
            const auto byte = static_cast<unsigned char>(bytes[at + next]);
            if ((byte & 0xc0) != 0x80) return false;
            code = code << 6 | (byte & 0x3fu);
        }
        constexpr uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        if (code < least[length] || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) return false;
        at += length;
    }
    return true;
}

}  // namespace objects
