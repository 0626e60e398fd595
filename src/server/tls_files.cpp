#include "server/tls_files.hpp"

#include <ifaddrs.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "base/strings.hpp"
#include "net/certificate.hpp"
#include "net/socket.hpp"
#include "os/file.hpp"
#include "server/data_folder.hpp"

namespace server {
namespace {

constexpr int authority_days = 3650, certificate_days = 397;
constexpr mode_t readable_by_all = 0644;
constexpr int days_ahead = 60;  // of its end a certificate is renewed

// By which clients may call this machine.
net::MachineNames machine_names(const CalledBy& called_by) {
    // Clients that put a bucket before the host. OpenSSL takes no wildcard directly below a top-level name: `BUCKET.localhost` is for others
    // (Go's), `BUCKET.s3.localhost` for all.
    net::MachineNames names = {"localhost", "127.0.0.1", "::1", "*.localhost", "s3.localhost", "*.s3.localhost"};
    const auto add = [&](const std::string& name) {
        if (!name.empty() && std::ranges::find(names, name) == names.end()) names.push_back(name);
    };
    char host[256] = "";
    ::gethostname(host, sizeof host - 1);
    const std::string name = host;
    if (std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '.'; }) &&
        !name.empty()) {
        add(name);
        if (name != "localhost") {
            add("*." + name);
            add("*.s3." + name);
        }
    }
    for (const auto& domain : called_by.domains) {
        add(domain);
        add("*." + domain);
    }
    if (!called_by.account.empty()) {
        add(called_by.account + ".localhost");
        add(called_by.account + ".s3-control.localhost");
    }
    bool all_addresses = false;
    for (const auto& address : called_by.addresses) {
        if (address == "0.0.0.0" || address == "::")
            all_addresses = true;
        else
            add(address);
    }
    if (!all_addresses) return names;
    ifaddrs* first = nullptr;
    if (::getifaddrs(&first) != 0) return names;
    for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next)
        if (one->ifa_addr != nullptr) add(net::text_of_address(*one->ifa_addr));
    ::freeifaddrs(first);
    return names;
}

struct OwnFiles {
    explicit OwnFiles(const std::string& folder)
        : ca(folder + "/ca.pem"),
          ca_key(folder + "/ca-key.pem"),
          certificate(folder + "/certificate.pem"),
          key(folder + "/key.pem"),
          names(folder + "/names") {}
    const std::string ca, ca_key, certificate, key, names;
};

base::Result<net::ClientAuthorities> client_authorities(const TlsSettings& settings) {
    if (settings.client_authorities.empty() && !settings.client_mode.empty())
        return base::fail(base::code::InvalidConfiguration, "--tls-clients needs --tls-client-ca: who vouches for them");
    if (!settings.client_mode.empty() && settings.client_mode != "optional" && settings.client_mode != "required")
        return base::fail(base::code::InvalidConfiguration, "--tls-clients is optional or required");
    return net::ClientAuthorities{.file = settings.client_authorities, .is_required = settings.client_mode == "required"};
}

}  // namespace

std::string authority_of(const TlsSettings& settings, const std::string& folder) {
    if (settings.mode != "self") return "";
    return settings.authority_file.empty() ? OwnFiles(folder).ca : settings.authority_file;
}

base::Result<void> renew_own_certificate(const std::string& folder, const CalledBy& called_by) {
    const OwnFiles files(folder);
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        return base::fail(base::code::InvalidConfiguration, "cannot make the folder " + folder);
    const auto names = machine_names(called_by);
    const std::string listed = base::join(names, "\n") + "\n";
    const auto content = [](const std::string& path) { return os::read_file(path).value_or(""); };
    net::KeyAndCertificate authority{.key_pem = content(files.ca_key), .certificate_pem = content(files.ca)};
    const bool same = content(files.names) == listed &&
                      net::is_good_for(authority.certificate_pem, authority.certificate_pem, {}, certificate_days);
    if (!same || authority.key_pem.empty()) {
        authority = TRY(net::make_authority("Trainwarden on this machine", names, authority_days));
        TRY(write_whole(files.ca_key, authority.key_pem));
        TRY(write_whole(files.ca, authority.certificate_pem));
        TRY(write_whole(files.names, listed));
        base::log_info("made a certificate authority for this machine: " + files.ca +
                       "; `trainwarden env` tells AWS tools of it");
    }
    if (!net::is_good_for(content(files.certificate), authority.certificate_pem, names, days_ahead)) {
        const auto made = TRY(net::make_certificate(authority, names, certificate_days));
        TRY(write_whole(files.key, made.key_pem));
        TRY(write_whole(files.certificate, made.certificate_pem));
    }
    return {};
}

base::Result<std::shared_ptr<net::TlsServer>> open_tls(const TlsSettings& settings, const std::string& folder,
                                                       const CalledBy& called_by) {
    const bool has_files = !settings.certificate_file.empty() || !settings.key_file.empty();
    const net::ClientAuthorities clients = TRY(client_authorities(settings));
    if (settings.mode == "self" && !has_files) {
        TRY(renew_own_certificate(folder, called_by));
        const OwnFiles files(folder);
        if (!settings.authority_file.empty()) {
            const std::string authority = TRY(os::read_file(files.ca));
            TRY(os::replace_file(settings.authority_file, authority, readable_by_all));
        }
        return std::shared_ptr<net::TlsServer>(TRY(net::TlsServer::open(files.certificate, files.key, clients)));
    }
    if (!settings.mode.empty())
        return base::fail(base::code::InvalidConfiguration,
                          "--tls is self, or left out: with --tls-certificate and --tls-key it is");
    if (!has_files && !clients.file.empty())
        return base::fail(base::code::InvalidConfiguration,
                          "--tls-client-ca needs TLS: --tls-certificate and --tls-key, or --tls self");
    if (!has_files) return nullptr;
    if (settings.certificate_file.empty() || settings.key_file.empty())
        return base::fail(base::code::InvalidConfiguration, "--tls-certificate and --tls-key belong together");
    return std::shared_ptr<net::TlsServer>(TRY(net::TlsServer::open(settings.certificate_file, settings.key_file, clients)));
}

}  // namespace server
