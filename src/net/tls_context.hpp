// What a server shows to those who connect over TLS, from the texts of its files. Reads no file.
#pragma once

#include <string>

#include "base/result.hpp"
#include "net/openssl.hpp"

namespace net {

// PEM. The files are for messages.
struct PemPair {
    std::string certificate_file, key_file;
    std::string certificate, key;  // the certificate with the chain behind it
};
struct PemAuthorities {
    std::string file;  // empty: none are asked for
    bool is_required = false;
    std::string text;
};

// Error `InvalidConfiguration`; the message names the file that cannot be used.
[[nodiscard]] base::Result<TlsContext> make_context(const PemPair& pair, const PemAuthorities& authorities);

}  // namespace net
