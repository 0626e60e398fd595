#include "services/s3/operations.hpp"

#include "services/s3/resources.hpp"
#include "services/s3/service.hpp"
#include "wire/region.hpp"

namespace services::s3 {
namespace {

// Whoever says whose bucket they mean gets no other's. Source: "Verifying bucket ownership with bucket owner condition".
base::Result<void> check_expected_owner(const http::Headers& headers, std::string_view header, const objects::Bucket& bucket) {
    const auto* expected = headers.find(header);
    if (expected == nullptr || *expected == bucket.account) return {};
    return base::fail("AccessDenied", "Access Denied");
}

// A bucket is served by its own region, which is what aws:RequestedRegion must say: a signature for another region of this server
// does not reach it. A bucket of a region that is not served any more is served by all that are.
base::Result<void> go_to_region(const Service& service, const objects::Bucket& bucket, wire::Call& call) {
    if (call.region == bucket.region || !wire::is_served(bucket.region, service.parts.regions)) return {};
    if (call.signature != nullptr && call.signature->version == wire::SignatureVersion::v4) {
        call.right_region = bucket.region;
        return base::fail(wire::wrong_region(*call.signature, bucket.region));
    }
    call.region = bucket.region;
    return {};
}

base::Result<std::shared_ptr<Incoming>> prepare(const Service& service, const Definition& definition, wire::Call& call) {
    auto incoming = std::make_shared<Incoming>();
    incoming->uri = TRY(wire::read_s3_request(call.http->head));
    TRY(check_headers(call.http->head));
    if (!definition.needs_bucket) return incoming;
    incoming->bucket = TRY(service.storage().bucket(incoming->uri.bucket));
    TRY(go_to_region(service, *incoming->bucket, call));
    TRY(check_expected_owner(call.http->head.headers, "x-amz-expected-bucket-owner", *incoming->bucket));
    return incoming;
}

}  // namespace

void add_operations(gate::Registry& registry, const Dependencies& dependencies) {
    registry.describer().add("s3", std::make_unique<Resources>(*dependencies.storage));
    const auto service = std::make_shared<const Service>(Service{dependencies});
    for (auto& share : {bucket_operations(), bucket_configuration_operations(), unconfigured_operations(), object_operations(),
                        copy_operations(), tagging_operations(), delete_operations(), listing_operations(),
                        multipart_operations(), control_operations()}) {
        for (const auto& each : share) {
            const auto definition = std::make_shared<const Definition>(each);
            registry.add({
                .service = "s3",
                .name = std::string(definition->name),
                .classify = [service, definition](const Caller& caller, wire::Call& call) -> Accesses {
                    auto incoming = TRY(prepare(*service, *definition, call));
                    if (const auto* before = std::any_cast<std::shared_ptr<Incoming>>(&call.prepared))
                        incoming->kept = (*before)->kept;
                    auto accesses = TRY(definition->classify(*service, caller, call, *incoming));
                    call.prepared = std::move(incoming);
                    return accesses;
                },
                .handle = [service, definition](const gate::Permit& permit, wire::Call& call) -> Answered {
                    const auto incoming = std::any_cast<std::shared_ptr<Incoming>>(call.prepared);
                    return definition->handle(*service, permit, call, *incoming);
                },
            });
        }
    }
}

}  // namespace services::s3
