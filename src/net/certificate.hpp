// Certificates of our own making, for a machine that has none: an authority that may vouch for this machine's names alone, and a certificate
// by it. Nothing here touches a file.
//
// Source: RFC 5280 sections 4.2.1.3 (key usage), 4.2.1.6 (subject alternative name), 4.2.1.9 (basic constraints), 4.2.1.10 (name
// constraints), 4.2.1.12 (extended key usage, which all that verify chains hold against the certificates below an authority, too).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace net {

struct KeyAndCertificate {
    std::string key_pem, certificate_pem;
};

// DNS names and addresses, as text. `*.NAME` is good for one label more; whoever is to vouch for it needs NAME beside it.
using MachineNames = std::vector<std::string>;

// Keys are ECDSA P-256. It may vouch for servers alone: no clients, mail or code. Error `InternalError`.
[[nodiscard]] base::Result<KeyAndCertificate> make_authority(const std::string& name, const MachineNames& may_vouch_for,
                                                             int days);
// REQUIRES: the authority may vouch for all of the names.
[[nodiscard]] base::Result<KeyAndCertificate> make_certificate(const KeyAndCertificate& authority, const MachineNames& names,
                                                               int days);

// Is it by this authority, for all of these names, and for so many days from now? False too: it cannot be read.
[[nodiscard]] bool is_good_for(std::string_view certificate_pem, std::string_view authority_pem, const MachineNames& names,
                               int days);

}  // namespace net
