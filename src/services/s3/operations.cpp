#include "services/s3/operations.hpp"

#include <algorithm>
#include <array>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "gate/rest_operation.hpp"
#include "model/s3/acls.hpp"
#include "model/s3/buckets.hpp"
#include "model/s3/multipart.hpp"
#include "model/s3/objects.hpp"
#include "services/s3/acl.hpp"
#include "services/s3/cors.hpp"
#include "services/s3/encryption.hpp"
#include "services/s3/members.hpp"
#include "services/s3/service.hpp"
#include "wire/region.hpp"
#include "wire/rest_xml.hpp"

namespace services::s3 {
namespace {

// x-amz-expected-bucket-owner: S3 has it in one header, S3 Control in another. Source: "Verifying bucket ownership with bucket owner
// condition". That of a copy's source is compared where the source is found, but for an empty one, which is of no account.
bool is_of_expected_owner(const http::Headers& headers, const objects::Bucket& bucket, bool control) {
    const auto* expected = headers.find(control ? "x-amz-account-id" : "x-amz-expected-bucket-owner");
    const auto* of_source = headers.find("x-amz-source-expected-bucket-owner");
    if (of_source != nullptr && of_source->empty()) return false;
    return expected == nullptr || *expected == bucket.account;
}

Result<void> check_expected_owner(const http::Headers& headers) {
    const auto* expected = headers.find("x-amz-expected-bucket-owner");
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (expected == nullptr || expected->empty() || (expected->size() == 12 && std::ranges::all_of(*expected, is_digit)))
        return {};
    return base::fail(base::code::InvalidBucketOwnerAWSAccountID,
                      "The value of the expected bucket owner parameter must be an AWS Account ID... [" + *expected + "]");
}

// A bucket is served by its own region, which is what aws:RequestedRegion must say: a signature for another region of this server
// does not reach it. A bucket of a region that is not served any more is served by all that are.
Result<void> go_to_region(const S3& s3, const objects::Bucket& bucket, wire::Call& call) {
    if (call.region == bucket.region || !wire::is_served(bucket.region, s3.regions)) return {};
    if (call.signature != nullptr && call.signature->version == wire::SignatureVersion::v4) {
        call.right_region = bucket.region;
        return base::fail(wire::wrong_region(*call.signature, bucket.region));
    }
    call.region = bucket.region;
    return {};
}

// Operations without a bucket are an account's.
bool is_of_account(const model::Operation& operation, const wire::S3Request& request) {
    return &operation == &m::CreateBucket::operation || request.bucket.empty();
}

// Copies and parts say what they need by functions.
bool begins_object(const model::Operation& operation) {
    return &operation == &m::PutObject::operation || &operation == &m::CreateMultipartUpload::operation;
}

bool has_customer_headers(const http::Headers& headers) {
    return std::ranges::any_of(headers.fields(), [](const auto& field) {
        return base::lower(field.first).starts_with("x-amz-server-side-encryption-customer-");
    });
}

std::optional<base::Error> error_of(Result<void> checked) {
    return checked ? std::nullopt : std::optional(std::move(checked).error());
}

// Where the bucket is and that a header is said once are told to everybody. What a header asks for that is not here is told to those
// alone who may make the request without it, as on AWS.
Result<gate::HeadFindings> first_look(const S3& s3, const model::Operation& operation, const wire::S3Request& request,
                                      const identity::Caller& caller, wire::Call& call) {
    const auto& head = call.http->head;
    gate::HeadFindings out{.later = TRY(wire::check_rest_headers(m::service, head))};
    if (is_of_account(operation, request)) {
        out.is_refused_by_head = caller.principal.kind == policy::PrincipalKind::anonymous;
        if (!out.later && &operation == &m::CreateBucket::operation)
            out.later = error_of(check_new_bucket_acl(head.headers, caller.principal.account));
        return out;
    }
    const auto bucket = TRY(s3.storage.bucket(request.bucket));
    TRY(go_to_region(s3, *bucket, call));
    auto is_account = check_expected_owner(head.headers);
    if (is_account && !is_of_expected_owner(head.headers, *bucket, operation.service != &m::service))
        out.rule = policy::ServiceRule::bucket_owner_condition;
    else if (begins_object(operation) && blocks_customer_keys(*bucket) && has_customer_headers(head.headers))
        out.rule = policy::ServiceRule::customer_keys_blocked;
    if (!out.later) out.later = error_of(std::move(is_account));
    // What sets nothing but an ACL says more with its own answer.
    const bool sets_acl = &operation == &m::PutObjectAcl::operation || &operation == &m::PutBucketAcl::operation;
    if (!out.later && operation.rest->writes_object && !sets_acl)
        out.later = error_of(check_acl(acl_in(head.headers), bucket->account));
    return out;
}

}  // namespace

void add_operations(gate::Registry& registry, const Dependencies& dependencies) {
    registry.describer().add("s3", std::make_unique<Resources>(*dependencies.storage));
    const auto s3 =
        std::make_shared<S3>(S3{*dependencies.storage, *dependencies.clock, dependencies.regions, dependencies.principal_id});
    const auto functions = m::Functions{.location_constraint = location_constraint,
                                        .said = said,
                                        .kms_key = kms_key,
                                        .header_tags = header_tags,
                                        .header_tag_keys = header_tag_keys,
                                        .remaining_days = remaining_days,
                                        .max_keys = max_keys}
                               .list();
    const auto look = [s3](const model::Operation& operation, const wire::S3Request& request, const identity::Caller& caller,
                           wire::Call& call) { return first_look(*s3, operation, request, caller, call); };
    for (const auto rows :
         {bucket_operations(), bucket_configuration_operations(), bucket_encryption_operations(), not_configured_operations(),
          acl_operations(), object_operations(), copy_operations(), tagging_operations(), delete_operations(),
          listing_operations(), multipart_operations(), lock_operations(), control_operations(), cors_operations()})
        gate::add_rest_operations(registry, s3, rows, functions, look);
    registry.add(preflight_operation(*dependencies.storage));
}

}  // namespace services::s3
