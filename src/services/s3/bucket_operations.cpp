// Buckets: list, create, look at, delete, where.
#include <algorithm>
#include <array>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "model/s3/buckets.hpp"
#include "services/s3/members.hpp"
#include "wire/region.hpp"

namespace services::s3 {
namespace {

constexpr size_t buckets_max = 10'000;

// Where a bucket goes. us-east-1 makes buckets in every region that is served and is never named; any other makes only its own
// and wants it said.
Result<std::string> read_region(const std::string& location, const std::string& endpoint,
                                const std::vector<std::string>& served) {
    if (endpoint == "us-east-1" && location.empty()) return endpoint;
    if (endpoint != "us-east-1" && location != endpoint)
        return base::fail(base::code::IllegalLocationConstraintException,
                          "The " + (location.empty() ? "unspecified" : location) +
                              " location constraint is incompatible for the region specific endpoint this request was sent to.");
    if (location != "us-east-1" && wire::is_served(location, served)) return location;
    return base::fail(base::Error(base::code::InvalidLocationConstraint, "The specified location-constraint is not valid")
                          .note("this server serves " + base::join(served, ", ") + " (`trainwarden serve --region`)"));
}

Result<m::CreateBucket::Output> create_bucket(S3& s3, const Permit& permit, const m::CreateBucket::Input& in) {
    const auto& ownership = in.object_ownership;
    if (ownership && *ownership != "BucketOwnerEnforced")
        return base::fail(
            base::code::NotImplemented,
            "A header you provided implies functionality that is not implemented: x-amz-object-ownership: " + *ownership);
    const auto wanted = in.create_bucket_configuration.value_or(m::CreateBucketConfiguration());
    const auto region = TRY(read_region(region_named(model::text(wanted.location_constraint)), permit.region(), s3.regions));
    const auto made = s3.storage.create_bucket(in.bucket, permit.account(), region, tags_of(model::items(wanted.tags)),
                                               in.object_lock_enabled_for_bucket.value_or(false));
    // In the first region, making again what one owns has always succeeded.
    const bool again = !made && made.error().code == base::code::BucketAlreadyOwnedByYou && region == "us-east-1";
    if (!made && !again) return base::fail(made.error());
    return m::CreateBucket::Output{.location = "/" + in.bucket};
}

Result<m::HeadBucket::Output> head_bucket(S3&, const Permit&, const m::HeadBucket::Input&, Located&& located) {
    return m::HeadBucket::Output{
        .bucket_arn = located.bucket->arn(), .bucket_region = located.bucket->region, .access_point_alias = false};
}

Result<m::DeleteBucket::Output> delete_bucket(S3& s3, const Permit&, const m::DeleteBucket::Input& in) {
    TRY(s3.storage.delete_bucket(in.bucket));
    return m::DeleteBucket::Output{};
}

Result<m::GetBucketLocation::Output> get_bucket_location(S3&, const Permit&, const m::GetBucketLocation::Input&,
                                                         Located&& located) {
    m::GetBucketLocation::Output out;
    // The first region is called nothing.
    if (located.bucket->region != "us-east-1") out.location_constraint = located.bucket->region;
    return out;
}

// The continuation token is the name of the last bucket listed.
Result<m::ListBuckets::Output> list_buckets(S3& s3, const Permit& permit, const m::ListBuckets::Input& in) {
    const size_t most = at_most(in.max_buckets, buckets_max);
    std::string after;
    if (const auto token = model::text(in.continuation_token); !token.empty()) after = TRY(read_token(token));
    const auto prefix = model::text(in.prefix), region = model::text(in.bucket_region);
    std::vector<m::Bucket> listed;
    bool truncated = false;
    for (const auto& bucket : s3.storage.buckets_of(permit.account())) {
        if (!bucket->name.starts_with(prefix) || bucket->name <= after || (!region.empty() && bucket->region != region)) continue;
        truncated = listed.size() == most;
        if (truncated) break;
        listed.push_back({.name = bucket->name,
                          .creation_date = bucket->created,
                          .bucket_region = bucket->region,
                          .bucket_arn = bucket->arn()});
    }
    m::ListBuckets::Output out{.owner = owner_of(permit.account())};
    if (truncated) out.continuation_token = token_for(listed.empty() ? std::string_view() : model::text(listed.back().name));
    if (!prefix.empty()) out.prefix = std::string(prefix);
    out.buckets = std::move(listed);
    return out;
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<S3>>({
    operation<m::ListBuckets, list_buckets>(),
    operation<m::CreateBucket, create_bucket>(),
    operation<m::HeadBucket, head_bucket>(),
    operation<m::DeleteBucket, delete_bucket>(),
    operation<m::GetBucketLocation, get_bucket_location>(),
});

}  // namespace

Rows bucket_operations() { return operations; }

}  // namespace services::s3
