#include "net/certificate.hpp"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/error_codes.hpp"
#include "net/openssl.hpp"

namespace net {

using base::fail;
using base::Result;

namespace {

constexpr int clock_slack_seconds = 3600;  // of clients whose clocks are behind
constexpr int serial_bytes = 16;

std::unexpected<base::Error> failed(const char* what) {
    const unsigned long code = ERR_get_error();
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    ERR_clear_error();
    return fail(base::code::InternalError,
                std::string("a certificate cannot be made (") + what + "): " + (reason ? reason : "?"));
}

std::string text_of(BIO* memory) {
    const char* data = nullptr;
    const long size = BIO_get_mem_data(memory, const_cast<char**>(&data));
    return {data, static_cast<size_t>(std::max(size, 0L))};
}

Bio memory_of(std::string_view text) { return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }
Certificate certificate_of(std::string_view pem) {
    return Certificate(PEM_read_bio_X509(memory_of(pem).get(), nullptr, nullptr, nullptr));
}

bool is_address(const std::string& name) {
    std::array<unsigned char, 16> raw{};
    return ::inet_pton(AF_INET, name.c_str(), raw.data()) == 1 || ::inet_pton(AF_INET6, name.c_str(), raw.data()) == 1;
}

// As OpenSSL's configuration writes names.
std::string list_of(const MachineNames& names) {
    std::string out;
    for (const auto& name : names) out += (out.empty() ? "" : ",") + std::string(is_address(name) ? "IP:" : "DNS:") + name;
    return out;
}

// Name constraints hold networks: an address is a network of one. A DNS name permits all below it. A kind of name that is not named at all
// would be free: of mailboxes and URIs those of a domain are permitted that never exists (RFC 2606). Directory names are left out, because
// Go's clients refuse an authority with constraints of a kind that they do not know; what vouches for persons is forbidden by its use.
std::string constraints_of(const MachineNames& names) {
    std::string out = "permitted;email:nobody.invalid,permitted;URI:nowhere.invalid";
    for (const auto& name : names) {
        if (is_address(name))
            out += ",permitted;IP:" + name +
                   (name.find(':') == std::string::npos ? "/255.255.255.255" : "/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
        else if (!name.starts_with("*."))
            out += ",permitted;DNS:" + name;
    }
    return out;
}

bool add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> one(
        X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()), X509_EXTENSION_free);
    return one && X509_add_ext(certificate, one.get(), -1) == 1;
}

// What all certificates have; the names, extensions and signature are its caller's.
Result<Certificate> begin(EVP_PKEY* key, const std::string& name, int days) {
    Certificate out(X509_new());
    std::array<unsigned char, serial_bytes> serial{};
    if (!out || RAND_bytes(serial.data(), serial_bytes) != 1) return failed("begin");
    serial[0] &= 0x7f;
    std::unique_ptr<BIGNUM, decltype(&BN_free)> number(BN_bin2bn(serial.data(), serial_bytes, nullptr), BN_free);
    auto* subject = X509_get_subject_name(out.get());
    const auto* text = reinterpret_cast<const unsigned char*>(name.c_str());
    if (!number || BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(out.get())) == nullptr ||
        X509_set_version(out.get(), X509_VERSION_3) != 1 ||
        X509_gmtime_adj(X509_getm_notBefore(out.get()), -clock_slack_seconds) == nullptr ||
        X509_time_adj_ex(X509_getm_notAfter(out.get()), days, 0, nullptr) == nullptr || X509_set_pubkey(out.get(), key) != 1 ||
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, text, -1, -1, 0) != 1)
        return failed("fields");
    return out;
}

Result<KeyAndCertificate> written(X509* certificate, EVP_PKEY* key, EVP_PKEY* signer) {
    if (X509_sign(certificate, signer, EVP_sha256()) == 0) return failed("signature");
    const Bio key_text(BIO_new(BIO_s_mem())), certificate_text(BIO_new(BIO_s_mem()));
    if (!key_text || !certificate_text ||
        PEM_write_bio_PKCS8PrivateKey(key_text.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
        PEM_write_bio_X509(certificate_text.get(), certificate) != 1)
        return failed("text");
    return KeyAndCertificate{.key_pem = text_of(key_text.get()), .certificate_pem = text_of(certificate_text.get())};
}

}  // namespace

Result<KeyAndCertificate> make_authority(const std::string& name, const MachineNames& may_vouch_for, int days) {
    const Key key(EVP_EC_gen("P-256"));
    if (!key) return failed("key");
    const Certificate out = TRY(begin(key.get(), name, days));
    if (X509_set_issuer_name(out.get(), X509_get_subject_name(out.get())) != 1 ||
        !add_extension(out.get(), out.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
        !add_extension(out.get(), out.get(), NID_key_usage, "critical,keyCertSign") ||
        !add_extension(out.get(), out.get(), NID_ext_key_usage, "serverAuth") ||
        !add_extension(out.get(), out.get(), NID_subject_key_identifier, "hash") ||
        !add_extension(out.get(), out.get(), NID_name_constraints, "critical," + constraints_of(may_vouch_for)))
        return failed("extensions");
    return written(out.get(), key.get(), key.get());
}

Result<KeyAndCertificate> make_certificate(const KeyAndCertificate& authority, const MachineNames& names, int days) {
    const Certificate issuer = certificate_of(authority.certificate_pem);
    const Key signer(PEM_read_bio_PrivateKey(memory_of(authority.key_pem).get(), nullptr, nullptr, nullptr));
    const Key key(EVP_EC_gen("P-256"));
    if (!issuer || !signer || !key) return failed("keys");
    // Its common name is no name of the machine: constraints would be held against it.
    const Certificate out = TRY(begin(key.get(), "Trainwarden server", days));
    if (X509_set_issuer_name(out.get(), X509_get_subject_name(issuer.get())) != 1 ||
        !add_extension(out.get(), issuer.get(), NID_basic_constraints, "critical,CA:FALSE") ||
        !add_extension(out.get(), issuer.get(), NID_key_usage, "critical,digitalSignature") ||
        !add_extension(out.get(), issuer.get(), NID_ext_key_usage, "serverAuth") ||
        !add_extension(out.get(), issuer.get(), NID_subject_key_identifier, "hash") ||
        !add_extension(out.get(), issuer.get(), NID_authority_key_identifier, "keyid") ||
        !add_extension(out.get(), issuer.get(), NID_subject_alt_name, list_of(names)))
        return failed("extensions");
    return written(out.get(), key.get(), signer.get());
}

bool is_good_for(std::string_view certificate_pem, std::string_view authority_pem, const MachineNames& names, int days) {
    const Certificate one = certificate_of(certificate_pem), issuer = certificate_of(authority_pem);
    ERR_clear_error();
    if (!one || !issuer) return false;
    EVP_PKEY* key = X509_get0_pubkey(issuer.get());
    int left = 0, seconds = 0;
    const bool holds = key != nullptr && X509_verify(one.get(), key) == 1 &&
                       ASN1_TIME_diff(&left, &seconds, nullptr, X509_get0_notAfter(one.get())) == 1 && left >= days &&
                       std::ranges::all_of(names, [&](const std::string& name) {
                           return is_address(name) ? X509_check_ip_asc(one.get(), name.c_str(), 0) == 1
                                                   : X509_check_host(one.get(), name.data(), name.size(), 0, nullptr) == 1;
                       });
    ERR_clear_error();
    return holds;
}

}  // namespace net
