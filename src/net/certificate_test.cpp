#include "net/certificate.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "net/tls.hpp"
#include "os/file.hpp"
#include "temporary_folder.hpp"

namespace net {
namespace {

const MachineNames names = {"localhost", "machine.example", "127.0.0.1", "::1"};

}  // namespace

TEST_CASE("a certificate by an authority of our own is good for its names and its time, and by that authority") {
    const auto authority = make_authority("an authority", names, 100).value();
    const auto other = make_authority("an authority", names, 100).value();
    const auto made = make_certificate(authority, names, 50).value();
    CHECK(is_good_for(made.certificate_pem, authority.certificate_pem, names, 49));
    CHECK(is_good_for(made.certificate_pem, authority.certificate_pem, {"::1"}, 0));
    CHECK_FALSE(is_good_for(made.certificate_pem, authority.certificate_pem, names, 51));
    CHECK_FALSE(is_good_for(made.certificate_pem, authority.certificate_pem, {"other.example"}, 0));
    CHECK_FALSE(is_good_for(made.certificate_pem, authority.certificate_pem, {"127.0.0.2"}, 0));
    CHECK_FALSE(is_good_for(made.certificate_pem, other.certificate_pem, names, 0));
    CHECK_FALSE(is_good_for("", authority.certificate_pem, {}, 0));
    CHECK_FALSE(is_good_for(made.certificate_pem, "no certificate", {}, 0));
}

TEST_CASE("a server says which file it cannot use, and reads a certificate again when it has changed") {
    const TemporaryFolder folder;
    const std::string certificate = folder.path + "/certificate.pem", key = folder.path + "/key.pem";
    const auto authority = make_authority("an authority", names, 100).value();
    const auto write = [&](const MachineNames& of) {
        const auto made = make_certificate(authority, of, 50).value();
        REQUIRE(os::replace_file(key, made.key_pem));
        REQUIRE(os::replace_file(certificate, made.certificate_pem));
    };
    CHECK(TlsServer::open(certificate, key).error().code == "InvalidConfiguration");
    write({"localhost"});
    const auto server = TlsServer::open(certificate, key).value();
    CHECK(server->name() == "localhost");
    const auto another = make_certificate(authority, names, 50).value();
    REQUIRE(os::replace_file(key, another.key_pem));
    const auto refused = TlsServer::open(certificate, key);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find("the key in " + key) != std::string::npos);
    // One of the two files has changed: what was read before is used.
    REQUIRE(server->begin(0));
    CHECK(server->name() == "localhost");
    write({"*.machine.example", "machine.example"});
    std::string name;
    for (int i = 0; i < 300 && name != "machine.example"; ++i) {
        struct timespec pause{.tv_sec = 0, .tv_nsec = 10'000'000};
        ::nanosleep(&pause, nullptr);
        REQUIRE(server->begin(0));
        name = server->name();
    }
    CHECK(name == "machine.example");
}

}  // namespace net
