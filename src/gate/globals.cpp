#include "gate/globals.hpp"

#include "base/strings.hpp"
#include "identity/service_call.hpp"

namespace gate {

namespace {

// Every value, if the header is there more than once (R81).
void set_header_key(policy::Context& context, std::string_view key, const http::Headers& headers, std::string_view name) {
    for (const auto& [field, value] : headers.fields())
        if (base::equals_ignoring_case(field, name)) context.set(key, value);
}

}  // namespace

std::string plain_address(const std::string& peer) {
    constexpr std::string_view mapped = "::ffff:";
    if (base::lower(peer).starts_with(mapped) && peer.find('.') != std::string::npos) return peer.substr(mapped.size());
    return peer;
}

policy::Context global_context(const RequestFacts& facts) {
    policy::Context context;
    identity::set_circumstances(context, facts.now, facts.region);
    context.set("aws:SecureTransport", "false");  // TLS ends at a proxy in front, which nothing here can vouch for
    context.set("aws:PrincipalIsAWSService", "false");
    if (facts.http == nullptr) return context;

    const http::Headers& headers = facts.http->head.headers;
    if (!facts.http->peer_address.empty()) context.set("aws:SourceIp", plain_address(facts.http->peer_address));
    set_header_key(context, "aws:UserAgent", headers, "user-agent");
    set_header_key(context, "aws:Referer", headers, "referer");
    if (facts.service != "s3") return context;

    if (const std::string* hash = headers.find("x-amz-content-sha256"))
        context.set("s3:x-amz-content-sha256", *hash);
    else if (facts.signature != nullptr && facts.signature->place == wire::SignaturePlace::query)
        context.set("s3:x-amz-content-sha256", "UNSIGNED-PAYLOAD");  // what such a request signed
    if (facts.signature == nullptr) return context;
    const bool is_v2 = facts.signature->version == wire::SignatureVersion::v2;
    context.set("s3:signatureversion", is_v2 ? "AWS" : "AWS4-HMAC-SHA256");
    context.set("s3:authType", facts.signature->place == wire::SignaturePlace::query ? "REST-QUERY-STRING" : "REST-HEADER");
    if (!is_v2) context.set("s3:signatureAge", std::to_string((facts.now - facts.signature->time).count()));
    return context;
}

}  // namespace gate
