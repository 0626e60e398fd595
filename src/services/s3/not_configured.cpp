// Features that no bucket here can have, read: answered as AWS answers for a bucket without such configuration. Tools that
// manage buckets (the Terraform and Pulumi providers, the SDKs) ask for all of them. Configuring them is NotImplemented.
#include "model/s3/not_configured.hpp"

#include <array>

#include "services/s3/service.hpp"

namespace services::s3 {
namespace {

struct Absence {
    std::string_view code, message;
};
constexpr Absence no_lifecycle{"NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"};
constexpr Absence no_replication{"ReplicationConfigurationNotFoundError", "The replication configuration was not found"};
constexpr Absence no_website{"NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"};

template <class Operation, const Absence& absence>
Result<typename Operation::Output> absent(S3&, const Permit&, const typename Operation::Input&) {
    return base::fail(std::string(absence.code), std::string(absence.message));
}

template <class Operation>
Result<typename Operation::Output> empty(S3&, const Permit&, const typename Operation::Input&) {
    return typename Operation::Output{};
}

Result<m::GetBucketRequestPayment::Output> request_payment(S3&, const Permit&, const m::GetBucketRequestPayment::Input&) {
    return m::GetBucketRequestPayment::Output{.payer = "BucketOwner"};
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<S3>>({
    operation<m::GetBucketAccelerateConfiguration, empty<m::GetBucketAccelerateConfiguration>>(),
    operation<m::GetBucketLifecycleConfiguration, absent<m::GetBucketLifecycleConfiguration, no_lifecycle>>(),
    operation<m::GetBucketLogging, empty<m::GetBucketLogging>>(),
    operation<m::GetBucketNotificationConfiguration, empty<m::GetBucketNotificationConfiguration>>(),
    operation<m::GetBucketReplication, absent<m::GetBucketReplication, no_replication>>(),
    operation<m::GetBucketRequestPayment, request_payment>(),
    operation<m::GetBucketWebsite, absent<m::GetBucketWebsite, no_website>>(),
});

}  // namespace

Rows not_configured_operations() { return operations; }

}  // namespace services::s3
