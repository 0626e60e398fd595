#include "wire/region.hpp"

#include <algorithm>

#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "base/strings.hpp"

namespace wire {

namespace {

constexpr size_t region_bytes_max = 32;

bool is_global(std::string_view service) { return service == "iam"; }

bool names_region(const Signature& signature) { return signature.version == SignatureVersion::v4; }

}  // namespace

bool is_region_name(std::string_view text) {
    return !text.empty() && text.size() <= region_bytes_max && text.front() != '-' && text.back() != '-' &&
           std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

bool is_served(std::string_view region, std::span<const std::string> served) {
    return std::ranges::find(served, region) != served.end();
}

base::Error wrong_region(const Signature& signature, std::string_view right) {
    const std::string words = "the region '" + signature.scope.region + "' is wrong; expecting '" + std::string(right) + "'";
    if (signature.place == SignaturePlace::query)
        return {base::code::AuthorizationQueryParametersError, "Error parsing the X-Amz-Credential parameter; " + words};
    return {base::code::AuthorizationHeaderMalformed, "The authorization header is malformed; " + words};
}

base::Result<void> check_region(const Signature& signature, std::string_view service, std::span<const std::string> served) {
    INVARIANT(!served.empty());
    const std::string& named = signature.scope.region;
    if (!names_region(signature) || is_served(named, served)) return {};
    if (is_global(service) && named == global_region) return {};
    if (service == "s3") return base::fail(wrong_region(signature, served.front()));
    return base::fail(
        base::Error(base::code::SignatureDoesNotMatch, "Credential should be scoped to a valid region, not '" + named + "'.")
            .note("this server serves " + base::join(std::vector<std::string>(served.begin(), served.end()), ", ") +
                  "; set the client's region (AWS_REGION) to that, or start the server with --region " + named));
}

std::string region_that_serves(std::string_view service, const Signature* signature, std::span<const std::string> served) {
    INVARIANT(!served.empty());
    if (is_global(service)) return std::string(global_region);
    return signature != nullptr && names_region(*signature) ? signature->scope.region : served.front();
}

}  // namespace wire
