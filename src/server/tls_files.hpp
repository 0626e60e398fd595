// The certificate that the port shows: the operator's files, or one of our own making for a machine that has none.
//
//     DIR/tls/        0700
//       ca.pem        the authority that clients are told to trust (`trainwarden env`); it may vouch for this machine's names alone, as a server
//       ca-key.pem    0600
//       names         those names, one a line
//       certificate.pem, key.pem (0600)      by that authority; renewed when they are about to expire, at a start and while serving
//
// With `--tls-authority-file` a copy of ca.pem that everybody may read: nobody else may look into the data folder.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "net/tls.hpp"

namespace server {

struct TlsSettings {
    std::string mode;  // empty: as the files say; self: of our own making
    std::string certificate_file, key_file;
    std::string client_authorities;  // PEM: whose certificates clients may show; empty: none are asked for
    std::string client_mode;         // optional, required; empty: optional
    std::string authority_file;      // of `self`: a copy for other users; empty: none
};

// By which clients may call this machine, beside the names that it has anyway.
struct CalledBy {
    std::vector<std::string> addresses;     // where the server listens
    std::vector<std::string> domains = {};  // its own (serve --domain), for themselves and for all directly below them
    std::string account;                    // S3 Control's clients put it before the host; may be empty
};

// nullptr: no TLS. Error `InvalidConfiguration`.
[[nodiscard]] base::Result<std::shared_ptr<net::TlsServer>> open_tls(const TlsSettings& settings, const std::string& folder,
                                                                     const CalledBy& called_by);
// `--tls self` alone: makes what is missing or ends in less than 60 days. Now and then; a server that is open reads what has changed.
[[nodiscard]] base::Result<void> renew_own_certificate(const std::string& folder, const CalledBy& called_by);
// The file of the authority that clients are told of; empty: the certificate is not of our making.
[[nodiscard]] std::string authority_of(const TlsSettings& settings, const std::string& folder);

}  // namespace server
