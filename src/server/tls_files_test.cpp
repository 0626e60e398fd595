#include "server/tls_files.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "net/certificate.hpp"
#include "os/file.hpp"
#include "temporary_folder.hpp"

using server::renew_own_certificate;

namespace {

const server::CalledBy loopback{.addresses = {"127.0.0.1"}, .account = "123456789012"};

std::string read(const std::string& path) { return os::read_file(path).value(); }

}  // namespace

TEST_CASE("a certificate of our own making holds for the server's domains and what is below them") {
    const TemporaryFolder folder;
    REQUIRE(renew_own_certificate(folder.path, {.addresses = {"127.0.0.1"}}));
    const std::string without = read(folder.path + "/ca.pem");
    REQUIRE(renew_own_certificate(folder.path, {.addresses = {"127.0.0.1"}, .domains = {"s3.lab.internal"}}));
    const std::string authority = read(folder.path + "/ca.pem"), certificate = read(folder.path + "/certificate.pem");
    CHECK(authority != without);  // it vouches for no other names
    CHECK(net::is_good_for(certificate, authority, {"s3.lab.internal", "*.s3.lab.internal", "localhost"}, 300));
    CHECK_FALSE(net::is_good_for(certificate, authority, {"lab.internal"}, 300));
    REQUIRE(renew_own_certificate(folder.path, {.addresses = {"127.0.0.1"}, .domains = {"s3.lab.internal"}}));
    CHECK(read(folder.path + "/certificate.pem") == certificate);
}

TEST_CASE("a certificate of our own making is renewed before it ends, by the same authority, and not before that") {
    const TemporaryFolder folder;
    REQUIRE(renew_own_certificate(folder.path, loopback));
    const std::string authority = read(folder.path + "/ca.pem"), first = read(folder.path + "/certificate.pem");
    REQUIRE(renew_own_certificate(folder.path, loopback));
    CHECK(read(folder.path + "/certificate.pem") == first);

    const net::KeyAndCertificate keys{.key_pem = read(folder.path + "/ca-key.pem"), .certificate_pem = authority};
    const auto ending = net::make_certificate(keys, {"localhost"}, 30).value();
    REQUIRE(os::replace_file(folder.path + "/key.pem", ending.key_pem));
    REQUIRE(os::replace_file(folder.path + "/certificate.pem", ending.certificate_pem));
    const auto open = server::open_tls({.mode = "self", .certificate_file = {}, .key_file = {}}, folder.path, loopback);
    CHECK(open.has_value());  // a start renews, too
    const std::string renewed = read(folder.path + "/certificate.pem");
    CHECK(renewed != ending.certificate_pem);
    CHECK(net::is_good_for(renewed, authority, {"localhost", "127.0.0.1"}, 300));
    CHECK(read(folder.path + "/ca.pem") == authority);
}

TEST_CASE("client certificates need TLS, an authority that can be read, and a mode that there is") {
    const TemporaryFolder folder;
    const auto error = [&](const server::TlsSettings& settings) {
        const auto made = server::open_tls(settings, folder.path, loopback);
        return made ? std::string("none") : made.error().code;
    };
    REQUIRE(renew_own_certificate(folder.path, loopback));
    const std::string authority = folder.path + "/ca.pem";
    CHECK(error({.mode = "self", .certificate_file = {}, .key_file = {}, .client_authorities = authority}) == "none");
    CHECK(error({.mode = "self",
                 .certificate_file = {},
                 .key_file = {},
                 .client_authorities = authority,
                 .client_mode = "required"}) == "none");
    CHECK(
        error(
            {.mode = "self", .certificate_file = {}, .key_file = {}, .client_authorities = authority, .client_mode = "maybe"}) ==
        "InvalidConfiguration");
    CHECK(error({.mode = "self", .certificate_file = {}, .key_file = {}, .client_authorities = {}, .client_mode = "required"}) ==
          "InvalidConfiguration");
    CHECK(error({.mode = "self", .certificate_file = {}, .key_file = {}, .client_authorities = folder.path + "/none"}) ==
          "InvalidConfiguration");
    CHECK(error({.mode = {}, .certificate_file = {}, .key_file = {}, .client_authorities = authority}) == "InvalidConfiguration");
}

TEST_CASE("it is for every name by which clients call: buckets and accounts before the host, and all places to listen") {
    const TemporaryFolder folder;
    REQUIRE(renew_own_certificate(folder.path, {.addresses = {"127.0.0.1", "127.0.0.2"}, .account = "123456789012"}));
    const std::string authority = read(folder.path + "/ca.pem"), made = read(folder.path + "/certificate.pem");
    for (const char* name : {"localhost", "a-bucket.s3.localhost", "s3.localhost", "*.localhost", "123456789012.localhost",
                             "123456789012.s3-control.localhost", "127.0.0.1", "127.0.0.2", "::1"})
        CHECK_MESSAGE(net::is_good_for(made, authority, {name}, 0), name);
    CHECK_FALSE(net::is_good_for(made, authority, {"127.0.0.3"}, 0));
    CHECK_FALSE(net::is_good_for(made, authority, {"210987654321.s3-control.localhost"}, 0));
    // Another place: another authority, since the first may not vouch for it.
    REQUIRE(renew_own_certificate(folder.path, {.addresses = {"127.0.0.3"}, .account = "123456789012"}));
    CHECK(read(folder.path + "/ca.pem") != authority);
}

TEST_CASE("what clients are to trust is readable where it was asked for, and says so; keys are not") {
    const TemporaryFolder folder;
    const std::string shared = folder.path + "/for-all.pem", tls = folder.path + "/tls";
    const server::TlsSettings settings{.mode = "self", .certificate_file = {}, .key_file = {}, .authority_file = shared};
    REQUIRE(server::open_tls(settings, tls, loopback).has_value());
    CHECK(read(shared) == read(tls + "/ca.pem"));
    CHECK(server::authority_of(settings, tls) == shared);
    CHECK(server::authority_of({.mode = "self", .certificate_file = {}, .key_file = {}}, tls) == tls + "/ca.pem");
    CHECK(server::authority_of({.mode = {}, .certificate_file = {}, .key_file = {}}, tls) == "");
    const auto mode_of = [](const std::string& path) {
        struct stat status{};
        REQUIRE(::stat(path.c_str(), &status) == 0);
        return status.st_mode & 0777;
    };
    CHECK(mode_of(shared) == 0644);
    for (const char* file : {"/ca-key.pem", "/key.pem"}) CHECK(mode_of(tls + file) == 0600);
}
